"""Removing the bytes of artifacts, whoever may store the same bytes at the same time.

A removal is written in the transaction that deletes the artifact's row, and its bytes are deleted after that. As long
as it stands, nobody can write such a row again without seeing it (`pipeline.keeping`), and only who wrote it deletes
the bytes, and only within a time. So the bytes of an artifact that has a row are never deleted. What is interrupted is
gone on with when that time is over. A removal that has ended stays for a while: bytes that were stored before it ended
may be gone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headbox.models.database import Connection, commits_durable, execute, fetch, now
from headbox.pipeline.keeping import REMOVAL_SECONDS
from headbox.pipeline.run import Run
from headbox.tasking.engine import UnitOfWork

#: Artifacts that are removed together: so many rows are locked at a time.
BATCH = 200
#: Artifacts whose bytes are deleted side by side.
AT_A_TIME = 16
#: How long who began a removal goes on with it, in seconds: half of the time that others wait, for clocks differ.
_OWN_SECONDS = REMOVAL_SECONDS / 2
#: How long it is remembered that bytes were removed, in days, and as long as any task runs that ran before.
KEPT_DAYS = 7.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """Bytes that this process, and nobody else, may delete.

    Attributes:
        digests: Which.
        started_at: When it was begun, on the database's clock: tells it from another removal of the same bytes.
        until: On this machine's clock, when not to go on with it.
    """

    digests: Sequence[str]
    started_at: datetime
    until: float


async def remove(run: Run, choose: Callable[[UnitOfWork], Awaitable[Mapping[str, int]]]) -> Mapping[str, int]:
    """Remove artifacts with their bytes.

    Args:
        run: The task.
        choose: Deletes the rows of artifacts that nothing needs, in the transaction that it is given, and returns
            their digests with their sizes.

    Returns:
        What `choose` did.

    Raises:
        AttemptOver: The attempt does not count any more.
        StorageUnavailable: Bytes cannot be deleted now; `resume` does so later.
    """

    async def begin(work: UnitOfWork) -> tuple[Mapping[str, int], Removal]:
        until = _clock() + _OWN_SECONDS
        chosen = await choose(work)
        return chosen, await _begin(work.connection, sorted(chosen), until)

    chosen, removal = await run.write(begin)
    await _carry_out(run, removal)
    return chosen


async def resume(run: Run) -> int:
    """Go on with the removals that were interrupted, and return how many.

    Raises:
        AttemptOver: The attempt does not count any more.
        StorageUnavailable: Bytes cannot be deleted now.
    """

    async def take_over(work: UnitOfWork) -> Removal:
        until, present = _clock() + _OWN_SECONDS, await now(work.connection)
        rows = await fetch(
            work.connection,
            "UPDATE artifact_removal SET started_at = ? WHERE sha256 IN (SELECT sha256 FROM artifact_removal"
            " WHERE ended_at IS NULL AND started_at <= ? ORDER BY sha256 LIMIT ?) AND started_at <= ?"
            " RETURNING sha256",
            [present, before := present - timedelta(seconds=REMOVAL_SECONDS), BATCH, before],
        )
        return Removal([row["sha256"] for row in rows], present, until)

    resumed = 0
    while (removal := await run.write(take_over)).digests:
        await _carry_out(run, removal)
        resumed += len(removal.digests)
    return resumed


async def forget(connection: Connection) -> None:
    """Delete what is said of removals that ended so long ago that nobody counts on their bytes any more."""
    await execute(
        connection,
        "DELETE FROM artifact_removal WHERE ended_at < ? AND NOT EXISTS (SELECT 1 FROM task"
        " WHERE state IN ('running', 'canceling') AND started_at < artifact_removal.ended_at)",
        [await now(connection) - timedelta(days=KEPT_DAYS)],
    )


async def _begin(connection: Connection, digests: Sequence[str], until: float) -> Removal:
    present = await now(connection)
    if not digests:
        return Removal((), present, until)
    rows = await fetch(
        connection,
        "INSERT INTO artifact_removal (sha256, started_at) VALUES"  # noqa: S608
        f" {', '.join(['(?, ?)'] * len(digests))} ON CONFLICT (sha256) DO UPDATE"
        " SET started_at = excluded.started_at, ended_at = NULL"
        " WHERE artifact_removal.ended_at IS NOT NULL OR artifact_removal.started_at <= ? RETURNING sha256",
        [*(value for digest in digests for value in (digest, present)), present - timedelta(seconds=REMOVAL_SECONDS)],
    )
    # What is left out, another one removes.
    return Removal([row["sha256"] for row in rows], present, until)


async def _carry_out(run: Run, removal: Removal) -> None:
    """Delete the bytes, as far as there is time for it."""
    connection = run.engine.database.connection
    if not removal.digests:
        return
    # After a crash of the machine there must be no row whose bytes are gone.
    await commits_durable(connection)
    gone: list[str] = []
    try:
        async for deleted in _deleted(run, removal):
            gone += deleted
    finally:
        if gone:
            marks = ", ".join("?" * len(gone))
            await execute(
                connection,
                f"UPDATE artifact_removal SET ended_at = ? WHERE sha256 IN ({marks}) AND started_at = ?",  # noqa: S608
                [await now(connection), *gone, removal.started_at],
            )


async def _deleted(run: Run, removal: Removal) -> AsyncIterator[Sequence[str]]:
    for start in range(0, len(removal.digests), AT_A_TIME):
        some = removal.digests[start : start + AT_A_TIME]
        try:
            async with asyncio.timeout(removal.until - _clock()):
                await asyncio.gather(*map(run.storage.delete, some))
        except TimeoutError:
            log.warning("bytes could not be deleted in time; the next collection does", extra={"from": some[0]})
            return
        yield some


def _clock() -> float:
    """Return the time of a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
