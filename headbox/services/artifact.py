"""Stored bytes, compared with what the database says of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from headbox.errors import ArtifactDamaged, NotFound
from headbox.models.database import Connection, execute, fetch, now, retrying
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


async def check_artifact(
    storage: ArtifactStorage,
    sha256: str,
    size: int,
    *,
    reads: bool,
    on_bytes: Callable[[int], Awaitable[None]] | None = None,
) -> CheckedArtifact:
    """Look at one artifact; see `check_artifacts`.

    Args:
        storage: Where it is.
        sha256: Its digest.
        size: Its size in bytes, as the database has it.
        reads: Whether to read its bytes.
        on_bytes: Awaited for each piece that was read, with its size: may count, or wait.
    """
    stored_size = await storage.size_of(sha256)
    if stored_size is None:
        state = ArtifactState.MISSING
    elif stored_size != size:
        state = ArtifactState.DAMAGED
    else:
        state = await _compare(storage, sha256, on_bytes) if reads else ArtifactState.WHOLE
    return CheckedArtifact(sha256, size, state)


async def _compare(
    storage: ArtifactStorage, sha256: str, on_bytes: Callable[[int], Awaitable[None]] | None
) -> ArtifactState:
    digest = hashlib.sha256()
    try:
        async for chunk in storage.read(sha256):
            await asyncio.to_thread(digest.update, chunk)
            if on_bytes is not None:
                await on_bytes(len(chunk))
    except NotFound:
        return ArtifactState.MISSING
    except ArtifactDamaged:
        return ArtifactState.DAMAGED
    return ArtifactState.WHOLE if digest.hexdigest() == sha256 else ArtifactState.DAMAGED


class Verdict(StrEnum):
    """What a second look at an artifact has shown."""

    WRONG = "wrong"
    RIGHT = "right"
    #: The database does not have it any more.
    GONE = "gone"


async def condemn(connection: Connection, storage: ArtifactStorage, sha256: str, size: int, *, reads: bool) -> Verdict:
    """Mark an artifact whose bytes were found to be wrong, so that nobody is given them any more.

    Looked at again once it is marked: whoever put good bytes into their place meanwhile took a mark off that was not
    there yet.

    Args:
        connection: Outside of transactions.
        storage: Where the bytes are.
        sha256: Which artifact.
        size: Its size in bytes, as the database has it.
        reads: Whether its bytes were read, or its size alone was looked at.
    """
    time = await now(connection)
    # Where it is marked already, too: the row tells whether it is there.
    statement = "UPDATE artifact SET damaged_at = COALESCE(damaged_at, ?) WHERE sha256 = ?"
    if not await retrying(lambda: execute(connection, statement, [time, sha256])):
        return Verdict.GONE
    if (await check_artifact(storage, sha256, size, reads=reads)).state is not ArtifactState.WHOLE:
        return Verdict.WRONG
    await absolve(connection, sha256)
    return Verdict.RIGHT


async def absolve(connection: Connection, sha256: str) -> None:
    """Take the mark of `condemn` off: the bytes are right."""
    statement = "UPDATE artifact SET damaged_at = NULL WHERE sha256 = ? AND damaged_at IS NOT NULL"
    await retrying(lambda: execute(connection, statement, [sha256]))
