"""How those who write keep what they count on from the garbage collection.

The collection marks what nothing refers to, waits until whoever was writing then has ended, and deletes what is still
marked. So whoever refers to something that was there already takes the mark off, and sees whether it is there, in the
transaction that refers to it: `keep_content` and `keep_artifacts`. That transaction must have written something before,
or locked a row as `Run.write` does: it is then that it begins to write as far as others can see. Whoever has stored
bytes writes their rows with `add_artifacts`, or with the parts that it is made of.

docs/explanation/garbage-collection.md says why that is enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from headbox.models.database import Connection, execute, fetch, insert_new, now
from headbox.models.database.sql import MAX_PARAMETERS
from headbox.storage.interface import ArtifactStorage

#: Time after which whoever began to delete bytes has deleted them or given up, in seconds.
REMOVAL_SECONDS = 120.0
#: How often it is looked whether bytes are deleted that somebody waits for, in seconds.
_POLL_SECONDS = 0.1

#: What follows ON CONFLICT where artifacts are inserted: whoever stores the bytes again needs them, and has put them
#: into the place of damaged ones (`pipeline.storing`).
UNMARK_ARTIFACT = (
    "(sha256) DO UPDATE SET unused_since = NULL, damaged_at = NULL"
    " WHERE artifact.unused_since IS NOT NULL OR artifact.damaged_at IS NOT NULL"
)


class Collected(Exception):
    """What a transaction counts on was collected; it must be taken back, and made again of what is there now.

    Attributes:
        digests: The artifacts whose bytes are gone, or go: see `removals_ended`.
    """

    def __init__(self, digests: Collection[str] = ()) -> None:
        super().__init__("what was counted on was collected meanwhile")
        self.digests = frozenset(digests)


async def keep_content(connection: Connection, ids: Collection[str]) -> set[str]:
    """Keep content units, and return those that are gone.

    Args:
        connection: Inside of the transaction that refers to them, and has written or locked something.
        ids: Their ids.
    """
    return await _keep(connection, "content", "id", sorted(ids))


async def keep_artifacts(connection: Connection, digests: Collection[str]) -> set[str]:
    """Keep artifacts, and return those that are gone; the arguments are as those of `keep_content`."""
    return await _keep(connection, "artifact", "sha256", sorted(digests))


async def add_artifacts(connection: Connection, storage: ArtifactStorage, sizes: Mapping[str, int]) -> None:
    """Write the rows of artifacts whose bytes were stored, or found in the storage.

    Args:
        connection: Inside of the transaction that refers to them; the storage was flushed before.
        storage: Where they are.
        sizes: SHA-256 -> size.

    Raises:
        Collected: Bytes of some are not there any more, or about to go.
    """
    time = datetime.now(UTC)
    rows = [(digest, size, time) for digest, size in sorted(sizes.items())]
    await insert_new(connection, "artifact", ("sha256", "size", "created_at"), rows, on_conflict=UNMARK_ARTIFACT)
    await check_stored(connection, storage, sizes)


async def check_stored(connection: Connection, storage: ArtifactStorage, sizes: Mapping[str, int]) -> None:
    """Make sure that no bytes were deleted between their storing and the writing of their rows.

    Args:
        connection: Inside of the transaction that has inserted the rows.
        storage: Where the bytes are.
        sizes: SHA-256 -> size.

    Raises:
        Collected: Bytes of some are not there any more, or about to go.
    """
    removed = await _removed(connection, list(sizes))
    if not removed:
        return
    if going := {digest for digest, is_going in removed.items() if is_going}:
        raise Collected(going)
    found = await asyncio.gather(*map(storage.size_of, removed))
    gone = {digest for digest, size in zip(removed, found, strict=True) if size != sizes[digest]}
    # Nobody deletes them any more, unless somebody begins to while this looks: then one is left.
    if gone or await _forget(connection, list(removed)) < len(removed):
        raise Collected(gone or removed)


async def removals_ended(connection: Connection, digests: Collection[str]) -> None:
    """Return when none of these bytes are about to be deleted: what is stored from then on stays."""
    while any((await _removed(connection, list(digests))).values()):  # noqa: ASYNC110 - other processes delete them
        await asyncio.sleep(_POLL_SECONDS)


async def _keep(connection: Connection, table: str, key: str, keys: Sequence[str]) -> set[str]:
    gone: set[str] = set()
    for start in range(0, len(keys), MAX_PARAMETERS):
        gone |= await _keep_some(connection, table, key, keys[start : start + MAX_PARAMETERS])
    return gone


async def _keep_some(connection: Connection, table: str, key: str, keys: Sequence[str]) -> set[str]:
    named = f"{key} IN ({', '.join('?' * len(keys))})"
    count = f"SELECT COUNT(*) AS present, COUNT(unused_since) AS marked FROM {table} WHERE {named}"  # noqa: S608
    [row] = await fetch(connection, count, keys)
    if row["marked"]:
        # Waits for whoever deletes them now, and keeps them from whoever would next.
        unmark = f"UPDATE {table} SET unused_since = NULL WHERE {named} AND unused_since IS NOT NULL"  # noqa: S608
        await execute(connection, unmark, keys)
        [row] = await fetch(connection, count, keys)
    if row["present"] == len(keys):
        return set()
    rows = await fetch(connection, f"SELECT {key} AS name FROM {table} WHERE {named}", keys)  # noqa: S608
    return set(keys) - {str(row["name"]) for row in rows}


async def _removed(connection: Connection, digests: Sequence[str]) -> dict[str, bool]:
    """Return those of some digests whose bytes were or are removed, and whether they may still go at any moment."""
    live_since = await _live_since(connection)
    removed: dict[str, bool] = {}
    for start in range(0, len(digests), MAX_PARAMETERS - 1):
        some = digests[start : start + MAX_PARAMETERS - 1]
        rows = await fetch(
            connection,
            "SELECT sha256, CASE WHEN ended_at IS NULL AND started_at > ? THEN 1 ELSE 0 END AS is_going"  # noqa: S608
            f" FROM artifact_removal WHERE sha256 IN ({', '.join('?' * len(some))})",
            [live_since, *some],
        )
        removed |= {row["sha256"]: bool(row["is_going"]) for row in rows}
    return removed


async def _forget(connection: Connection, digests: Sequence[str]) -> int:
    """Delete what is said of removals that have ended, or whose maker must have given up; return of how many."""
    marks = ", ".join("?" * len(digests))
    return await execute(
        connection,
        f"DELETE FROM artifact_removal WHERE sha256 IN ({marks}) AND (ended_at IS NOT NULL OR started_at <= ?)",  # noqa: S608
        [*digests, await _live_since(connection)],
    )


async def _live_since(connection: Connection) -> datetime:
    return await now(connection) - timedelta(seconds=REMOVAL_SECONDS)
