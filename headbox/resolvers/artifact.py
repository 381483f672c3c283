"""Artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headbox.models import Artifact, ContentArtifact, PublishedFile
from headbox.resolvers.context import Context
from headbox.services import content as service


@dataclass(frozen=True, slots=True)
class KnownArtifact:
    """Bytes that are stored, or that something consists of.

    Attributes:
        sha256: Their digest.
        size: How many they are; None where nobody said.
        stored_at: Since when they are stored; None where they are not.
        damaged_at: When they were found to be gone or others; None while nothing is known against them.
    """

    sha256: str
    size: int | None
    stored_at: datetime | None = None
    damaged_at: datetime | None = None


async def have(context: Context, digests: Sequence[str]) -> list[str]:
    """Return those of some digests whose bytes are stored.

    Raises:
        RequestError: There are too many, or one of them is none.
    """
    return await service.stored_digests(context.connection, digests)


async def find(digest: str) -> KnownArtifact | None:
    """Return the artifact with a digest, or None where nothing knows it.

    Raises:
        Invalid: It is no digest.
    """
    sha256 = service.checked_digest(digest, "sha256")
    stored = await Artifact.get_or_none(sha256=sha256)
    if stored is not None:
        return KnownArtifact(sha256, stored.size, stored.created_at, stored.damaged_at)
    wanted = await ContentArtifact.filter(sha256=sha256).first() or await PublishedFile.filter(sha256=sha256).first()
    return KnownArtifact(sha256, wanted.size) if wanted is not None else None
