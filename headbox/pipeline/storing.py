"""Putting bytes into the storage, in place of what is known to be wrong there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from headbox.models import Artifact
from headbox.models.database import Connection
from headbox.storage.interface import ArtifactStorage


async def damaged(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of some artifacts whose stored bytes are known to be gone, or to be others."""
    marked = Artifact.filter(sha256__in=list(digests), damaged_at__isnull=False).using_db(connection)
    return {artifact.sha256 for artifact in await marked.only("sha256")}


async def store(connection: Connection, storage: ArtifactStorage, path: Path, digest: str) -> None:
    """Move a finished file into the store: bytes that are there already stay, unless they are known to be wrong.

    Args:
        connection: Knows what is wrong.
        storage: Where the file goes.
        path: The file; afterwards it is gone.
        digest: Its SHA-256.

    Raises:
        StorageFull, StorageUnavailable: The file cannot be stored now, and is still there.
    """
    if await damaged(connection, [digest]):
        await storage.replace(path, digest)
    else:
        await storage.adopt(path, digest)
