"""Repository versions."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import version as resolver
from headbox.resolvers.paging import Page
from headbox.resolvers.version import KindCount
from headbox.schema.connection import After, First, connection_of, page_arguments
from headbox.schema.content import ContentConnection, ContentDiffConnection
from headbox.schema.enums import ContentChangeKind
from headbox.schema.fields import field
from headbox.schema.filters import ContentFilter
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import plain
from headbox.schema.node import Node
from headbox.schema.scalars import BigInt

Row = strawberry.Parent[models.RepositoryVersion]


@strawberry.type(name="KindCount", description="How many content units of one kind.")
class KindCountType:
    """Stands over `resolvers.version.KindCount`."""

    kind: str = strawberry.field(description="The kind, such as `file.content`.")
    present: BigInt = strawberry.field(description="Units that the version has.")
    added: BigInt = strawberry.field(description="Units that it has and the version before it has not.")
    removed: BigInt = strawberry.field(description="Units that the version before it has and it has not.")


@strawberry.type(description="How many content units a version has, and how many it changed.")
class VersionSummary:
    """Stands over `models.RepositoryVersion`."""

    present: BigInt = strawberry.field(description="Units that the version has.")
    added: BigInt = strawberry.field(description="Units that it has and the version before it has not.")
    removed: BigInt = strawberry.field(description="Units that the version before it has and it has not.")

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


@strawberry.type
class VersionQueries:
    """Where versions are compared."""

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
