"""What depends on a remote."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.resolvers import remote_impact as resolver
from headbox.resolvers.paging import Page
from headbox.resolvers.remote_impact import Dependents
from headbox.schema.connection import After, First, connection_of, page_arguments
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy
from headbox.schema.scalars import BigInt

Row = strawberry.Parent[Dependents]


@strawberry.type(
    description="What depends on a remote: what nobody could give if it were gone. A deleted remote is fetched from for"
    " as long as it answers, but nobody can change how any more."
)
class RemoteImpact:
    """Stands over `resolvers.remote_impact.Dependents`."""

    @field(
        description="Artifacts of content in repository versions that are not stored, and that no other remote gives.",
        graphql_type=BigInt,
    )
    @staticmethod
    def artifacts(root: Row) -> int:
        return root.impact.artifacts

    @field(description="Bytes of those artifacts whose sizes are known.", graphql_type=BigInt)
    @staticmethod
    def bytes(root: Row) -> int:
        return root.impact.size

    @field(description="How many of those artifacts there are whose sizes are not known.", graphql_type=BigInt)
    @staticmethod
    def unknown_sizes(root: Row) -> int:
        return root.impact.unknown_sizes

    @field(
        description="The repositories that sync from it, or that have such an artifact in any version, by name.",
        graphql_type=connection_of(lazy("Repository", "repository")),
    )
    @staticmethod
    async def repositories(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.repositories(info.context, root, page_arguments(first, after))

    @field(
        description="The distributions that serve such an artifact now, by name.",
        graphql_type=connection_of(lazy("Distribution", "distribution")),
    )
    @staticmethod
    async def distributions(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.distributions(info.context, root, page_arguments(first, after))

    @field(
        description="The schedules whose tasks use it, or sync a repository from it, by name.",
        graphql_type=connection_of(lazy("Schedule", "schedule")),
    )
    @staticmethod
    async def schedules(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.schedules(info.context, root, page_arguments(first, after))

    @field(
        description="The unfinished tasks that use it, the newest first.",
        graphql_type=connection_of(lazy("Task", "task")),
    )
    @staticmethod
    async def tasks(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.tasks(info.context, root, page_arguments(first, after))


@strawberry.type
class RemoteImpactQueries:
    """Where it is asked what depends on a remote."""

    @field(
        description="What depends on a remote: to be asked before it is deleted, or before it goes. Looks at all files"
        " that the remote declared.",
        graphql_type=RemoteImpact,
    )
    async def remote_impact(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the remote.")]
    ) -> Dependents:
        return await resolver.find(info.context, id)
