"""Distributions."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import kinds, models
from headbox.resolvers import distribution as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, page_arguments
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.filters import DistributionFilter
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import EXPECTED_REVISION, LABELS, optional, plain
from headbox.schema.node import Node
from headbox.schema.scalars import JSON

Row = strawberry.Parent[models.Distribution]
NAME = "Its name: no other distribution has it; 1 to 255 characters."
BASE_PATH = (
    "Where it is served below `/content/`: segments of letters, digits, `-`, `.`, `_` and `~`, separated by `/`."
    " No base path lies above or below another one."
)


@strawberry.type(description="Follows whatever a repository publishes: its latest distributable publication.")
class LatestOfRepository:
    """Stands over `resolvers.distribution.LatestOfRepository`."""

    repository = strawberry.field(description="The repository.", graphql_type=lazy("Repository", "repository"))

    @classmethod
    def is_type_of(cls, source: object, _info: object) -> bool:
        """Tell whether a source is of this type."""
        return isinstance(source, resolver.LatestOfRepository)


@strawberry.type(description="Stays with one repository version: its latest distributable publication.")
class PinnedVersion:
    """Stands over `resolvers.distribution.PinnedVersion`."""

    repository_version = strawberry.field(description="The version.", graphql_type=lazy("RepositoryVersion", "version"))

    @classmethod
    def is_type_of(cls, source: object, _info: object) -> bool:
        """Tell whether a source is of this type."""
        return isinstance(source, resolver.PinnedVersion)


@strawberry.type(description="Stays with one publication.")
class PinnedPublication:
    """Stands over `resolvers.distribution.PinnedPublication`."""

    publication = strawberry.field(description="The publication.", graphql_type=lazy("Publication", "publication"))

    @classmethod
    def is_type_of(cls, source: object, _info: object) -> bool:
        """Tell whether a source is of this type."""
        return isinstance(source, resolver.PinnedPublication)


DistributionSource = Annotated[
    LatestOfRepository | PinnedVersion | PinnedPublication,
    strawberry.union("DistributionSource", description="What a distribution was told to follow."),
]


@strawberry.interface(description="Who may fetch what a distribution serves.")
class ContentGuard(Node):
    """Implemented by the kinds of guards that plugins bring."""

    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="How a client is pointed at what a distribution serves.")
class ClientSetup:
    """Stands over `kinds.ClientSetup`."""

    client: str = strawberry.field(description="The client, or what is done with it; for people.")
    text: str = strawberry.field(description="Commands to run, or lines for its configuration file.")
    filename: str | None = strawberry.field(
        description="The configuration file that the text belongs into; null for commands."
    )


@strawberry.type(description="A base path, and what is served there.")
class Distribution(Node):
    """Stands over `models.Distribution`."""

    name: str = strawberry.field(description=NAME)
    base_path: str = strawberry.field(description=BASE_PATH)
    labels: JSON = strawberry.field(description=LABELS)
    revision: int = strawberry.field(description="One more at every change of the distribution itself; from 1.")

    @field(
        description="Who may fetch what it serves; null: whoever reaches the server.", graphql_type=ContentGuard | None
    )
    @staticmethod
    def content_guard() -> None:
        return None

    @field(description="Address of what it serves, with a slash at its end.", graphql_type=str)
    @staticmethod
    def url(root: Row, info: Info) -> str:
        return resolver.url(info.context, root)

    @field(
        description="How clients are pointed at what it serves now, as the plugin says; none while it serves nothing.",
        graphql_type=list[ClientSetup],
    )
    @staticmethod
    async def client_setups(root: Row, info: Info) -> list[kinds.ClientSetup]:
        return await resolver.client_setups(info.context, root)

    @field(description="What it was told to follow; null for nothing.", graphql_type=DistributionSource | None)
    @staticmethod
    async def source(root: Row, info: Info) -> resolver.Source | None:
        return await resolver.source(info.context, root)

    @field(
        description="What clients get now; null for nothing.", graphql_type=lazy("Publication", "publication") | None
    )
    @staticmethod
    async def serving(root: Row, info: Info) -> models.Publication | None:
        return await resolver.serving(info.context, root)

    @field(
        description="The version of which clients get something now; null for none.",
        graphql_type=lazy("RepositoryVersion", "version") | None,
    )
    @staticmethod
    async def serving_version(root: Row, info: Info) -> models.RepositoryVersion | None:
        return await resolver.serving_version(info.context, root)


@strawberry.input(one_of=True, description="What a distribution is to follow: exactly one of these.")
class DistributionSourceInput:
    """See `resolvers.distribution.SOURCE_MODELS`."""

    repository: strawberry.ID | None = optional("Whatever this repository publishes.")
    repository_version: strawberry.ID | None = optional("This version.")
    publication: strawberry.ID | None = optional("This publication.")


@strawberry.input(description="A distribution to create together with the repository that it follows.")
class NewDistributionInput:
    """See `services.repository.NewDistribution`."""

    base_path: str = strawberry.field(description=BASE_PATH)
    name: str | None = optional(f"{NAME} The base path when left out.")


@strawberry.input(description="A distribution to create.")
class CreateDistributionInput:
    """See `resolvers.distribution.create`."""

    base_path: str = strawberry.field(description=BASE_PATH)
    name: str | None = optional(f"{NAME} The base path when left out.")
    labels: JSON | None = optional(LABELS)
    source: DistributionSourceInput | None = optional("What to follow; nothing when left out.")


@strawberry.input(description="Changes of a distribution; what is left out stays as it is.")
class UpdateDistributionInput:
    """See `resolvers.distribution.update`."""

    id: strawberry.ID = strawberry.field(description="Id of the distribution.")
    expected_revision: int | None = optional(EXPECTED_REVISION)
    base_path: str | None = optional(BASE_PATH)
    name: str | None = optional(NAME)
    labels: JSON | None = optional(f"{LABELS} All of them: what is not here is taken away.")
    source: DistributionSourceInput | None = optional("What to follow; null for nothing.")


@strawberry.type(description="What became of a creation.")
class CreateDistributionPayload:
    """See `resolvers.distribution.create`."""

    distribution: Distribution | None = strawberry.field(description="The distribution; null when there is none.")
    errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type(description="What became of an update.")
class UpdateDistributionPayload:
    """See `resolvers.distribution.update`."""

    distribution: Distribution | None = strawberry.field(description="The distribution; null when nothing was changed.")
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="What became of a deletion.")
class DeleteDistributionPayload:
    """See `resolvers.distribution.delete`."""

    distribution: Distribution | None = strawberry.field(
        description="The distribution as it was; null when it still is."
    )
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type
class DistributionQueries:
    """Where distributions are found."""

    @field(description="All distributions, by name.", graphql_type=Connection[Distribution])
    async def distributions(
        self,
        info: Info,
        filter: Annotated[DistributionFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), filter=plain(filter) or None)

    @field(description="The distribution with a base path; null where there is none.", graphql_type=Distribution | None)
    async def distribution(
        self, base_path: Annotated[str, strawberry.argument(description="Its base path, without slashes around it.")]
    ) -> models.Distribution | None:
        return await resolver.find(base_path)


@strawberry.type
class DistributionMutations:
    """How distributions are changed."""

    @mutation(description="Create a distribution.", graphql_type=CreateDistributionPayload)
    async def create_distribution(
        self, info: Info, input: Annotated[CreateDistributionInput, strawberry.argument(description="What to create.")]
    ) -> dict[str, Any]:
        return {"distribution": await resolver.create(info.context, plain(input))}

    @mutation(
        description="Change a distribution; clients get what it then follows at once.",
        graphql_type=UpdateDistributionPayload,
    )
    async def update_distribution(
        self, info: Info, input: Annotated[UpdateDistributionInput, strawberry.argument(description="What to change.")]
    ) -> dict[str, Any]:
        return {"distribution": await resolver.update(info.context, plain(input))}

    @mutation(
        description="Delete a distribution: its base path is free, and nothing is served there any more.",
        graphql_type=DeleteDistributionPayload,
    )
    async def delete_distribution(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the distribution.")]
    ) -> dict[str, Any]:
        return {"distribution": await resolver.delete(info.context, id)}
