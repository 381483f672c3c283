"""Repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import distribution as distribution_resolver
from headbox.resolvers import open_issue as open_issue_resolver
from headbox.resolvers import repository as resolver
from headbox.resolvers import task as task_resolver
from headbox.resolvers import version as version_resolver
from headbox.resolvers import watch
from headbox.resolvers.current_remote import CurrentRemote
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Before, Connection, First, Last, connection_of, page_arguments
from headbox.schema.enums import Automation, SyncMode
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation, subscription
from headbox.schema.filters import RepositoryFilter, TaskFilter
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import LABELS, plain
from headbox.schema.node import Node
from headbox.schema.open_issue import OpenIssue
from headbox.schema.scalars import JSON, BigInt
from headbox.schema.streams import begun

Row = strawberry.Parent[models.Repository]


@strawberry.interface(description="A named series of repository versions, each an immutable set of content units.")
class Repository(Node):
    """Stands over `models.Repository`."""

    name: str = strawberry.field(description="Its name: no other repository has it; 1 to 255 characters.")
    description: str | None = strawberry.field(description="What it is for.")
    labels: JSON = strawberry.field(description=LABELS)
    created_at: datetime = strawberry.field(description="When it was created.")
    revision: int = strawberry.field(description="One more at every change of the repository itself; from 1.")
    automation: Automation = strawberry.field(description="How far every new version goes by itself.")
    sync_mode: SyncMode = strawberry.field(description="What a sync does with units that the remote no longer holds.")
    retain_versions: int | None = strawberry.field(
        description="How many versions are kept, besides those that are served or pinned; all when null."
    )

    require_complete: bool = strawberry.field(
        description="Whether it is published only while it has no open issues. A sync that leaves something out still"
        " makes its version, which is held back from being published."
    )

    @field(description="Where it syncs from.", graphql_type=lazy("Remote", "remote") | None)
    @staticmethod
    def remote(root: Row, info: Info) -> Awaitable[CurrentRemote | None] | None:
        return info.context.loaders.remote.load(root.remote_id) if root.remote_id else None

    @field(
        description="How its versions are published; by the defaults when null.",
        graphql_type=lazy("PublishSettings", "publish_settings") | None,
    )
    @staticmethod
    def publish_settings(root: Row, info: Info) -> Awaitable[models.PublishSettings | None] | None:
        settings_id = root.publish_settings_id
        return info.context.loaders.publish_settings.load(settings_id) if settings_id else None

    @field(description="The version with the highest number.", graphql_type=lazy("RepositoryVersion", "version"))
    @staticmethod
    async def latest_version(root: Row, info: Info) -> models.RepositoryVersion:
        return await version_resolver.latest(info.context, root)

    @field(
        description="The version with a number; null where there is none.",
        graphql_type=lazy("RepositoryVersion", "version") | None,
    )
    @staticmethod
    async def version(
        root: Row, info: Info, number: Annotated[BigInt, strawberry.argument(description="Its number, from 0.")]
    ) -> models.RepositoryVersion | None:
        return await version_resolver.find(info.context, root, number)

    @field(
        description="Its versions, the latest first.",
        graphql_type=connection_of(lazy("RepositoryVersion", "version")),
    )
    @staticmethod
    async def versions(
        root: Row, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[Any]:
        return await resolver.versions(info.context, root.id, page_arguments(first, after, last, before))

    @field(
        description="The distributions that follow it or are pinned to something of it, by name.",
        graphql_type=connection_of(lazy("Distribution", "distribution")),
    )
    @staticmethod
    async def distributions(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await distribution_resolver.page(info.context, page_arguments(first, after), repository_id=root.id)

    @field(
        description="The publications of its versions, the latest first.",
        graphql_type=connection_of(lazy("Publication", "publication")),
    )
    @staticmethod
    async def publications(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.publications(info.context, root.id, page_arguments(first, after))

    @field(
        description="The tasks that work or worked on it, the newest first.",
        graphql_type=connection_of(lazy("Task", "task")),
    )
    @staticmethod
    async def tasks(
        root: Row,
        info: Info,
        filter: Annotated[TaskFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        arguments = page_arguments(first, after)
        return await task_resolver.page(info.context, arguments, filter=plain(filter) or None, repository_id=root.id)

    @field(
        description="What it misses because its syncs could not get it, in an order that stays the same. It is"
        " synced again by itself while another try may get something of it, ever more rarely.",
        graphql_type=connection_of(OpenIssue),
    )
    @staticmethod
    async def open_issues(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await open_issue_resolver.page(info.context, root.id, page_arguments(first, after))

    @field(description="How many open issues it has; 0 when it is complete.", graphql_type=int)
    @staticmethod
    async def open_issue_count(root: Row, info: Info) -> int:
        return await open_issue_resolver.count(info.context, root.id)


@strawberry.type(description="What became of a deletion.")
class DeleteRepositoryPayload:
    """See `resolvers.repository.delete`."""

    repository: Repository | None = strawberry.field(description="The repository as it was; null when it still is.")
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type
class RepositoryQueries:
    """Where repositories are found."""

    @field(description="All repositories, by name.", graphql_type=Connection[Repository])
    async def repositories(
        self,
        info: Info,
        filter: Annotated[RepositoryFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), filter=plain(filter) or None)

    @field(description="The repository with a name; null where there is none.", graphql_type=Repository | None)
    async def repository(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> models.Repository | None:
        return await resolver.find(info.context, name)


@strawberry.type
class RepositoryMutations:
    """How repositories of every kind are changed."""

    @mutation(
        description="Delete a repository with its versions and publications; content units and their bytes stay."
        " Refused while a task works on it or a distribution needs it.",
        graphql_type=DeleteRepositoryPayload,
    )
    async def delete_repository(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the repository.")]
    ) -> dict[str, Any]:
        return {"repository": await resolver.delete(info.context, id)}


@strawberry.type
class RepositorySubscriptions:
    """How repositories are watched."""

    @subscription(
        description="A repository as it is now, then whenever it gets a version or a publication or is changed. A slow"
        " client skips states and never falls behind. The stream completes when the repository is deleted.",
        graphql_type=Repository,
    )
    async def repository(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the repository.")]
    ) -> AsyncIterator[models.Repository]:
        return await begun(watch.repository(info.context, id))
