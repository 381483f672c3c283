"""Where content is."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

import strawberry

from headbox import models
from headbox.resolvers.whereabouts import ServedEdge
from headbox.schema.connection import ConnectionFields
from headbox.schema.distribution import Distribution
from headbox.schema.enums import Origin
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import ADDED_BY_USER
from headbox.schema.scalars import BigInt

Row = strawberry.Parent[models.Membership]
Served = strawberry.Parent[ServedEdge]


@strawberry.type(description="Versions of a repository, one after the other, that have a content unit.")
class Membership:
    """Stands over `models.Membership`."""

    added_in: BigInt = strawberry.field(description="Number of the first of them.")
    removed_in: BigInt | None = strawberry.field(
        description="Number of the version that does not have it any more; null while the latest one has it."
    )
    origin: Origin = strawberry.field(description="Where it came from.")
    added_at: datetime = strawberry.field(description="When it came in.")
    added_by_user: str | None = strawberry.field(description=ADDED_BY_USER)

    @field(description="Whose versions they are.", graphql_type=lazy("Repository", "repository"))
    @staticmethod
    def repository(root: Row, info: Info) -> Awaitable[models.Repository | None]:
        return info.context.loaders.repository.load(root.repository_id)

    @field(description="The task that brought it in; null when that is gone.", graphql_type=lazy("Task", "task") | None)
    @staticmethod
    def added_by(root: Row, info: Info) -> Awaitable[models.Task | None]:
        return info.context.loaders.task.load(root.added_by_id)


@strawberry.type(description="A distribution that serves a file, and where.")
class ServedFileEdge:
    """Stands over `resolvers.whereabouts.ServedEdge`."""

    cursor: str = strawberry.field(description="Where it stands: for `after`; opaque.")
    node: Distribution = strawberry.field(description="The distribution.")
    relative_path: str = strawberry.field(description="Where the file lies below the distribution's base path.")

    @field(description="Address of the file.", graphql_type=str)
    @staticmethod
    def url(root: Served, info: Info) -> str:
        return root.url(info.context)


@strawberry.type(description="A page of the places at which clients get something now.")
class ServedFileConnection(ConnectionFields):
    """Stands over a page of `resolvers.whereabouts.ServedEdge`."""

    edges: list[ServedFileEdge] = strawberry.field(description="What the page has, in the order of the list.")
