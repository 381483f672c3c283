"""Artifacts: which bytes are here."""

from __future__ import annotations

from typing import Annotated

import strawberry

from headbox.resolvers import artifact as resolver
from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.services.content import MAX_DIGESTS


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
                description=f"The digests: SHA-256, 64 hexadecimal digits each, at most {MAX_DIGESTS} of them."
            ),
        ],
    ) -> list[str]:
        return await resolver.have(info.context, sha256)
