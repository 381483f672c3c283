"""Artifacts."""

from __future__ import annotations

from collections.abc import Sequence

from headbox.resolvers.context import Context
from headbox.services import content as service


async def have(context: Context, digests: Sequence[str]) -> list[str]:
    """Return those of some digests whose bytes are stored.

    Raises:
        RequestError: There are too many, or one of them is none.
    """
    return await service.stored_digests(context.connection, digests)
