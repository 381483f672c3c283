"""Artifacts: which bytes are here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.resolvers import artifact as resolver
from headbox.resolvers import content as content_resolver
from headbox.resolvers import whereabouts
from headbox.resolvers.artifact import KnownArtifact
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, First, page_arguments
from headbox.schema.content import ContentUnitConnection
from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.schema.scalars import BigInt
from headbox.schema.whereabouts import ServedFileConnection
from headbox.services.content import MAX_DIGESTS

Known = strawberry.Parent[KnownArtifact]


@strawberry.type(description="Immutable bytes, named by their SHA-256: stored ones, or what something consists of.")
class Artifact:
    """Stands over `resolvers.artifact.KnownArtifact`."""

    sha256: str = strawberry.field(description="SHA-256 of its bytes, 64 lower-case hexadecimal digits.")
    size: BigInt | None = strawberry.field(description="How many bytes it has; null where nobody said.")
    stored_at: datetime | None = strawberry.field(
        description="Since when its bytes are stored; null where they are not."
    )
    damaged_at: datetime | None = strawberry.field(
        description="When its stored bytes were found to be gone, or to be others; null while nothing is known against"
        " them."
    )

    @field(
        description="The content units that consist of it, in the order of their ids.",
        graphql_type=ContentUnitConnection,
    )
    @staticmethod
    async def contents(root: Known, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await content_resolver.page(info.context, page_arguments(first, after), artifact=root.sha256)

    @field(
        description="The distributions that serve it now, once for each of its places, by address.",
        graphql_type=ServedFileConnection,
    )
    @staticmethod
    async def distributions(root: Known, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await whereabouts.serving_artifact(info.context, root.sha256, page_arguments(first, after))


@strawberry.type
class ArtifactQueries:
    """Where stored bytes are asked for."""

    @field(
        description="Those of some digests whose bytes are stored, so that they need not be sent: each once, in lower"
        " case, in the order that they are asked for.",
        graphql_type=list[str],
    )
    async def have_artifacts(
        self,
        info: Info,
        sha256: Annotated[
            list[str],
            strawberry.argument(
                description=f"The digests: SHA-256, 64 hexadecimal digits each, at most {MAX_DIGESTS:,} of them."
            ),
        ],
    ) -> list[str]:
        return await resolver.have(info.context, sha256)

    @field(
        description="The artifact with a digest; null where it is not stored and nothing consists of it.",
        graphql_type=Artifact | None,
    )
    async def artifact(
        self, sha256: Annotated[str, strawberry.argument(description="SHA-256 of its bytes, 64 hexadecimal digits.")]
    ) -> KnownArtifact | None:
        return await resolver.find(sha256)
