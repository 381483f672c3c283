"""Stored bytes, compared with what the database says of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from headbox.errors import NotFound
from headbox.models.database import Connection, fetch
from headbox.storage.interface import ArtifactStorage

#: Artifacts that are looked up and read side by side: a disk has a queue to fill, and a bucket a way to go.
ARTIFACTS_AT_A_TIME = 16


class ArtifactState(StrEnum):
    """What became of an artifact that was stored."""

    WHOLE = "whole"
    MISSING = "missing"
    #: Its size or its digest is another one.
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class CheckedArtifact:
    """One artifact that the database has.

    Attributes:
        sha256: Its digest.
        size: Its size in bytes, as the database has it.
        state: How it is.
    """

    sha256: str
    size: int
    state: ArtifactState


async def check_artifacts(
    connection: Connection, storage: ArtifactStorage, *, reads: bool
) -> AsyncIterator[CheckedArtifact]:
    """Look at every artifact that the database has, and yield how each of them is, in the order of their digests.

    Memory does not grow with their number. Tasks may run meanwhile: what they add is stored before it is in the
    database.

    Args:
        connection: Outside of transactions.
        storage: Where the artifacts are.
        reads: Whether to read all bytes and compare digests; else sizes alone are compared.

    Raises:
        StorageUnavailable: The storage cannot be asked.
    """
    last = ""
    while rows := await fetch(
        connection,
        "SELECT sha256, size FROM artifact WHERE sha256 > ? ORDER BY sha256 LIMIT ?",
        [last, ARTIFACTS_AT_A_TIME],
    ):
        for checked in await asyncio.gather(
            *(check_artifact(storage, row["sha256"], row["size"], reads=reads) for row in rows)
        ):
            yield checked
        last = rows[-1]["sha256"]


async def check_artifact(storage: ArtifactStorage, sha256: str, size: int, *, reads: bool) -> CheckedArtifact:
    """Look at one artifact; see `check_artifacts`."""
    stored_size = await storage.size_of(sha256)
    if stored_size is None:
        state = ArtifactState.MISSING
    elif stored_size != size:
        state = ArtifactState.DAMAGED
    else:
        state = await _compare(storage, sha256) if reads else ArtifactState.WHOLE
    return CheckedArtifact(sha256, size, state)


async def _compare(storage: ArtifactStorage, sha256: str) -> ArtifactState:
    digest = hashlib.sha256()
    try:
        async for chunk in storage.read(sha256):
            await asyncio.to_thread(digest.update, chunk)
    except NotFound:
        # A sync found it damaged, too, and is about to put the good bytes into its place.
        return ArtifactState.MISSING
    return ArtifactState.WHOLE if digest.hexdigest() == sha256 else ArtifactState.DAMAGED
