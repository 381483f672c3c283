"""What distributions served at other times."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated

import strawberry

from headbox import models
from headbox.resolvers import distribution as resolver
from headbox.schema.distribution import BASE_PATH, Distribution
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy
from headbox.schema.scalars import BigInt

Row = strawberry.Parent[models.DistributionHistory]


@strawberry.type(
    description="What was served at a base path, from one moment to another. It outlives all that it names."
)
class ServedPeriod:
    """Stands over `models.DistributionHistory`."""

    base_path: str = strawberry.field(description=BASE_PATH)
    since: datetime = strawberry.field(description="From when on it was served.")
    until: datetime | None = strawberry.field(
        description="The moment from which on it was not served any more; null while it is."
    )
    distribution_name: str = strawberry.field(description="Name that the distribution had at its beginning.")
    repository_name: str = strawberry.field(description="Name that the repository had at its beginning.")
    version_number: BigInt = strawberry.field(description="Number of the repository version that was served.")

    @field(description="The distribution; null when it was deleted since.", graphql_type=Distribution | None)
    @staticmethod
    def distribution(root: Row, info: Info) -> Awaitable[models.Distribution | None]:
        return info.context.loaders.distribution.load(root.distribution_id)

    @field(
        description="The repository; null when it was deleted since.",
        graphql_type=lazy("Repository", "repository") | None,
    )
    @staticmethod
    def repository(root: Row, info: Info) -> Awaitable[models.Repository | None]:
        return info.context.loaders.repository.load(root.repository_id)

    @field(
        description="The version that was served; null when it was deleted since.",
        graphql_type=lazy("RepositoryVersion", "version") | None,
    )
    @staticmethod
    async def repository_version(root: Row, info: Info) -> models.RepositoryVersion | None:
        return await resolver.version_of(info.context, root)

    @field(
        description="The publication that was served; null when it was deleted since.",
        graphql_type=lazy("Publication", "publication") | None,
    )
    @staticmethod
    async def publication(root: Row, info: Info) -> models.Publication | None:
        return await resolver.publication_of(info.context, root)


@strawberry.type
class DistributionHistoryQueries:
    """Where the past is found."""

    @field(
        description="What clients got at a base path at a time; null where nothing was served there.",
        graphql_type=ServedPeriod | None,
    )
    async def distribution_as_of(
        self,
        base_path: Annotated[str, strawberry.argument(description="The base path, without slashes around it.")],
        at: Annotated[datetime, strawberry.argument(description="The time.")],
    ) -> models.DistributionHistory | None:
        return await resolver.as_of(base_path, at)
