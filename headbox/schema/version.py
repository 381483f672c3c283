"""Repository versions."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import task as tasks
from headbox.resolvers import version as resolver
from headbox.resolvers.paging import Page
from headbox.resolvers.version import KindCount
from headbox.schema.connection import After, First, connection_of, page_arguments
from headbox.schema.content import ContentConnection, ContentDiffConnection
from headbox.schema.enums import Automation, ContentChangeKind, TaskPriority
from headbox.schema.errors import Expected, UserError
from headbox.schema.fields import field, mutation
from headbox.schema.filters import ContentFilter
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import IDEMPOTENCY_KEY, LABELS, optional, plain
from headbox.schema.node import Node
from headbox.schema.scalars import JSON, BigInt
from headbox.services.version_deletion import DeletionPlan

Row = strawberry.Parent[models.RepositoryVersion]
SIZE = (
    "Bytes of all artifacts of the units that the version has, as far as sizes were known when each was added; those of"
    " two units count twice, even where they are the same."
)


@strawberry.type(name="KindCount", description="How many content units of one kind.")
class KindCountType:
    """Stands over `resolvers.version.KindCount`."""

    kind: str = strawberry.field(description="The kind, such as `file.content`.")
    present: BigInt = strawberry.field(description="Units that the version has.")
    added: BigInt = strawberry.field(description="Units that it has and the version before it has not.")
    removed: BigInt = strawberry.field(description="Units that the version before it has and it has not.")
    size: BigInt = strawberry.field(description=SIZE)


@strawberry.type(description="How many content units a version has, and how many it changed.")
class VersionSummary:
    """Stands over `models.RepositoryVersion`."""

    present: BigInt = strawberry.field(description="Units that the version has.")
    added: BigInt = strawberry.field(description="Units that it has and the version before it has not.")
    removed: BigInt = strawberry.field(description="Units that the version before it has and it has not.")
    size: BigInt = strawberry.field(description=SIZE)

    @field(description="The same by kind of content, in the order of the kinds.", graphql_type=list[KindCountType])
    @staticmethod
    def by_kind(root: Row) -> list[KindCount]:
        return resolver.counts_by_kind(root)


@strawberry.type(description="One immutable set of content units.")
class RepositoryVersion(Node):
    """Stands over `models.RepositoryVersion`."""

    number: BigInt = strawberry.field(description="From 0, which is empty; one more for each version.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @field(description="Whose version it is.", graphql_type=lazy("Repository", "repository"))
    @staticmethod
    def repository(root: Row, info: Info) -> Awaitable[models.Repository | None]:
        return info.context.loaders.repository.load(root.repository_id)

    @field(
        description="The task that made it; null for version 0, and when the task is gone.",
        graphql_type=lazy("Task", "task") | None,
    )
    @staticmethod
    def created_by(root: Row, info: Info) -> Awaitable[models.Task | None] | None:
        return info.context.loaders.task.load(root.created_by_id) if root.created_by_id else None

    @field(
        description="The version that it was made from; null for version 0.",
        graphql_type=lazy("RepositoryVersion", "version") | None,
    )
    @staticmethod
    def base(root: Row, info: Info) -> Awaitable[models.RepositoryVersion | None] | None:
        if root.base_number is None:
            return None
        return info.context.loaders.version_numbered.load((root.repository_id, root.base_number))

    @field(description="How many content units it has.", graphql_type=VersionSummary)
    @staticmethod
    def summary(root: Row) -> models.RepositoryVersion:
        return root

    @field(description="Its content units, in the order of their ids.", graphql_type=ContentConnection)
    @staticmethod
    async def content(
        root: Row,
        info: Info,
        change: Annotated[
            ContentChangeKind | None, strawberry.argument(description="All units, or those that it changed.")
        ] = ContentChangeKind.PRESENT,
        filter: Annotated[ContentFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.content(
            info.context,
            root,
            page_arguments(first, after),
            change=change or ContentChangeKind.PRESENT,
            filter=plain(filter) or None,
        )

    @field(
        description="Its publications, the latest first.",
        graphql_type=connection_of(lazy("Publication", "publication")),
    )
    @staticmethod
    async def publications(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.publications(info.context, root, page_arguments(first, after))


@strawberry.type(description="What the deletion of versions would come to, with nothing changed.")
class VersionDeletionPlan:
    """See `services.version_deletion.DeletionPlan`."""

    versions: list[RepositoryVersion] = strawberry.field(description="Those that would be deleted, by number.")
    kept: list[RepositoryVersion] = strawberry.field(
        description="Those of them that would stay all the same: the latest, and what is served or pinned."
    )
    units: BigInt = strawberry.field(description="Content units that no version of any repository would hold any more.")
    freed_bytes: BigInt = strawberry.field(
        description="Bytes that nothing would need any more; the next garbage collection after its grace frees them."
    )
    errors: list[UserError] = strawberry.field(description="Why there is no plan.")


@strawberry.input(description="Versions whose deletion to plan: by their ids, or by how many are to be kept.")
class PlanVersionDeletionInput:
    """See `resolvers.version.plan_deletion`."""

    repository: strawberry.ID = strawberry.field(description="Whose versions.")
    retain_versions: int | None = optional("How many are to be kept, as `retainVersions` of the repository would.")
    versions: list[strawberry.ID] | None = optional(
        f"Those to delete, in place of `retainVersions`; at most {resolver.MAX_NAMED:,}."
    )


async def _plan_deletion(
    info: Info, input: Annotated[PlanVersionDeletionInput, strawberry.argument(description="Which versions.")]
) -> dict[str, Any]:
    given = plain(input)
    return await resolver.plan_deletion(
        info.context,
        given["repository"],
        retain_versions=given.get("retain_versions"),
        versions=given.get("versions"),
    )


@strawberry.type
class VersionQueries:
    """Where versions are compared, and their deletion is planned."""

    plan_version_deletion: VersionDeletionPlan = strawberry.field(
        resolver=_plan_deletion,
        graphql_type=VersionDeletionPlan,
        description="What the deletion of versions would come to: of some, or of those beyond a number to keep.",
        extensions=[Expected(**resolver.shown(DeletionPlan()))],
    )

    @field(
        description="The content units that lie between two versions, in the order of their ids. The versions may be of"
        " two repositories.",
        graphql_type=ContentDiffConnection,
    )
    async def version_diff(
        self,
        info: Info,
        from_: Annotated[strawberry.ID, strawberry.argument(name="from", description="Id of the older version.")],
        to: Annotated[strawberry.ID, strawberry.argument(description="Id of the newer version.")],
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.diff(info.context, from_, to, page_arguments(first, after))


@strawberry.input(description="An older version to go back to.")
class RollbackRepositoryInput:
    """See `services.version_request.AddRequest`."""

    repository_version: strawberry.ID = strawberry.field(description="Version that the new one is to be equal to.")
    automation: Automation | None = optional(
        "How far the new version goes by itself; the repository's own when left out."
    )
    priority: TaskPriority | None = optional("Which tasks it goes before; NORMAL when left out.")
    labels: JSON | None = optional(LABELS)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="What became of a rollback that was asked for.")
class RollbackRepositoryPayload:
    """See `resolvers.task.rollback`."""

    @field(description="The task; null when there is none.", graphql_type=lazy("Task", "task") | None)
    @staticmethod
    def task(root: strawberry.Parent[dict[str, Any]]) -> Any:
        return root.get("task")

    errors: list[UserError] = strawberry.field(description="Why there is none.")


@strawberry.type(description="What became of a deletion.")
class DeleteRepositoryVersionPayload:
    """See `resolvers.version.delete`."""

    repository_version: RepositoryVersion | None = strawberry.field(
        description="The version as it was, without content; null when it still is."
    )
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type
class VersionMutations:
    """How versions are made of older ones, and deleted."""

    @mutation(
        description="Make a new version that is equal to an older one. The work grows with what lies between them.",
        graphql_type=RollbackRepositoryPayload,
    )
    async def rollback_repository(
        self,
        info: Info,
        input: Annotated[RollbackRepositoryInput, strawberry.argument(description="What is wanted.")],
    ) -> dict[str, Any]:
        return {"task": await tasks.rollback(info.context, plain(input))}

    @mutation(
        description="Delete a repository version with its publications: any but the latest one, and none that is served"
        " or pinned. The other versions hold what they held.",
        graphql_type=DeleteRepositoryVersionPayload,
    )
    async def delete_repository_version(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the version.")]
    ) -> dict[str, Any]:
        return {"repository_version": await resolver.delete(info.context, id)}
