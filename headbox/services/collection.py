"""One run of the garbage collection: marks what nothing refers to, and deletes what is marked for long enough.

docs/explanation/garbage-collection.md says why nothing goes that is needed, whoever writes at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from headbox.models.database import Connection, execute, fetch, is_sqlite, now, writers_ended
from headbox.pipeline.run import Run
from headbox.services import leftovers, removal
from headbox.services.survey import Found
from headbox.services.unused import ARTIFACT, CONTENT, WINDOW, Collectable, strays, windows
from headbox.storage.interface import StoredArtifact
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.progress import ProgressReport
from headbox.types import ProgressUnit

ResultT = TypeVar("ResultT")

#: Content units that are deleted in one transaction.
BATCH = 500
#: Pause behind each transaction, in seconds: those who wait for SQLite's only writer get their turn.
PAUSE_SECONDS = 0.02
#: What was made so lately is not marked, in seconds: it is likely to be on its way somewhere. Without a grace, it is.
NEW_SECONDS = 3600.0


class Collection:
    """One run of the garbage collection.

    Attributes:
        found: What was deleted.
    """

    def __init__(self, run: Run, grace: timedelta) -> None:
        self._run = run
        self._grace = grace
        self._connection = run.engine.database.connection
        self.found = Found()

    async def mark(self) -> None:
        """Write at everything that nothing refers to since when that is so."""
        rows = self._run.report("garbage.delete.rows", "Deleting what belongs to what was deleted")
        for delete in (leftovers.delete_some, leftovers.delete_unfinished):
            while deleted := await delete(self._connection):
                rows.add(deleted)
                await asyncio.sleep(PAUSE_SECONDS)
        content = self._run.report("garbage.mark.content", "Looking for content that nothing needs")
        await self._mark(CONTENT, content)
        artifacts = self._run.report("garbage.mark.artifacts", "Looking for artifacts that nothing needs")
        await self._mark(ARTIFACT, artifacts)

    async def sweep(self) -> None:
        """Delete what has been marked for as long as the grace, and is still unused.

        Raises:
            AttemptOver: The attempt does not count any more; what is deleted stays deleted.
            StorageUnavailable: Bytes cannot be deleted now; the next run goes on.
        """
        # Whoever has not seen the marks has ended, and shows what it refers to. The others take off what they meet.
        await writers_ended(self._connection)
        await self._unmark_staged()
        await self._sweep_content()
        # Once more: content that went has left artifacts that were not marked before.
        await writers_ended(self._connection)
        await removal.resume(self._run)
        await self._sweep_artifacts()
        await self._sweep_storage()
        await leftovers.delete_remotes(self._connection, await self._cutoff())
        await removal.forget(self._connection)

    async def _cutoff(self) -> datetime:
        """Return until when a row must have been marked to go now."""
        return await now(self._connection) - self._grace

    async def _mark(self, what: Collectable, report: ProgressReport) -> None:
        made_before = await now(self._connection) - min(self._grace, timedelta(seconds=NEW_SECONDS))
        async for window in windows(self._connection, what):
            # Looked for without a transaction: mostly there is nothing to mark.
            rows = await fetch(
                self._connection,
                f"SELECT {what.key} AS name FROM {what.table} WHERE {window.condition}"  # noqa: S608
                f" AND unused_since IS NULL AND created_at <= ? AND {what.unreferenced}",
                [*window.parameters, made_before],
            )
            if rows:
                keys = [str(row["name"]) for row in rows]
                await self._write(lambda work: _mark(work.connection, what, keys))  # noqa: B023 - done at once
            report.add(window.size)

    async def _unmark_staged(self) -> None:
        """Take the marks off what is staged: a task adds it to a version that is not there yet."""
        [row] = await fetch(self._connection, "SELECT MAX(id) AS last FROM staged_content")
        seen, last = 0, row["last"] or 0
        while seen < last:
            rows = await fetch(
                self._connection,
                "SELECT staged.id, content.id AS content_id FROM"
                " (SELECT id, content_id FROM staged_content WHERE id > ? ORDER BY id LIMIT ?) AS staged"
                " LEFT JOIN content ON content.id = staged.content_id AND content.unused_since IS NOT NULL",
                [seen, WINDOW],
            )
            # None is left where the tasks have ended meanwhile.
            seen = max((row["id"] for row in rows), default=last)
            if marked := sorted({str(row["content_id"]) for row in rows if row["content_id"] is not None}):
                statement = f"UPDATE content SET unused_since = NULL WHERE id IN ({_marks(marked)})"  # noqa: S608
                await self._write(lambda work: execute(work.connection, statement, marked))  # noqa: B023 - done at once

    async def _sweep_content(self) -> None:
        report = self._run.report("garbage.sweep.content", "Deleting content units")
        cutoff, seen = await self._cutoff(), 1
        while seen:
            seen, deleted = await self._write(lambda work: _delete_content(work.connection, cutoff))
            report.add(deleted)
            self.found.units += deleted

    async def _sweep_artifacts(self) -> None:
        report = self._run.report("garbage.sweep.artifacts", "Deleting artifacts")
        cutoff, seen = await self._cutoff(), 1

        async def choose(work: UnitOfWork) -> dict[str, int]:
            nonlocal seen
            seen, sizes = await _delete_artifacts(work.connection, cutoff)
            return sizes

        while seen:
            self.found.artifacts += await self._remove(choose, report)

    async def _sweep_storage(self) -> None:
        report = self._run.report("garbage.sweep.files", "Deleting files that nothing knows of")
        async for files in strays(self._connection, self._run.storage, self._grace):
            self.found.files += await self._remove(
                lambda work: _take_strays(work.connection, files),  # noqa: B023 - done at once
                report,
            )

    async def _remove(
        self, choose: Callable[[UnitOfWork], Awaitable[Mapping[str, int]]], report: ProgressReport
    ) -> int:
        removed = await removal.remove(self._run, choose)
        size = sum(removed.values())
        report.add(len(removed))
        self._run.report("garbage.sweep.bytes", "Freed", unit=ProgressUnit.BYTES).add(size)
        self.found.size += size
        await asyncio.sleep(PAUSE_SECONDS)
        return len(removed)

    async def _write(self, step: Callable[[UnitOfWork], Awaitable[ResultT]]) -> ResultT:
        result = await self._run.write(step)
        await asyncio.sleep(PAUSE_SECONDS)
        return result


async def _mark(connection: Connection, what: Collectable, keys: Sequence[str]) -> None:
    await execute(
        connection,
        f"UPDATE {what.table} SET unused_since = ? WHERE {what.key} IN ({_marks(keys)})"  # noqa: S608
        f" AND unused_since IS NULL AND {what.unreferenced}",
        [await now(connection), *keys],
    )


async def _delete_content(connection: Connection, cutoff: datetime) -> tuple[int, int]:
    """Look at some units that were marked first, and return how many, and how many of them were deleted."""
    rows = await _locked(connection, CONTENT, cutoff, BATCH)
    ids = [str(row["name"]) for row in rows]
    if not ids:
        return 0, 0
    held = await fetch(
        connection,
        f"SELECT DISTINCT sha256 FROM content_artifact WHERE content_id IN ({_marks(ids)}) AND sha256 IS NOT NULL",  # noqa: S608
        ids,
    )
    deleted = await fetch(connection, f"DELETE FROM content WHERE {_collected(CONTENT, ids)} RETURNING id", ids)  # noqa: S608
    # What they alone had has been needed for no longer than they; the latest of them was the last one to need it.
    digests = sorted(row["sha256"] for row in held)
    for start in range(0, len(digests), WINDOW):
        some = digests[start : start + WINDOW]
        await execute(
            connection,
            f"UPDATE artifact SET unused_since = ? WHERE {_collected(ARTIFACT, some)} AND unused_since IS NULL",  # noqa: S608
            [rows[-1]["unused_since"], *some],
        )
    return len(ids), len(deleted)


async def _delete_artifacts(connection: Connection, cutoff: datetime) -> tuple[int, dict[str, int]]:
    """Look at some artifacts that were marked first, and return how many; delete rows, and return digests and sizes."""
    digests = [row["name"] for row in await _locked(connection, ARTIFACT, cutoff, removal.BATCH)]
    if not digests:
        return 0, {}
    rows = await fetch(
        connection,
        f"DELETE FROM artifact WHERE {_collected(ARTIFACT, digests)} RETURNING sha256, size",  # noqa: S608
        digests,
    )
    return len(digests), {row["sha256"]: row["size"] for row in rows}


async def _locked(connection: Connection, what: Collectable, cutoff: datetime, limit: int) -> list[dict[str, Any]]:
    """Return rows that are marked for long enough: key and mark. Those that are used again lose their marks.

    They are locked first: what refers to them is looked for by later statements, which see whatever was committed until
    then, and whoever comes to use them later waits, and finds them gone.
    """
    lock = "" if is_sqlite(connection) else " FOR UPDATE SKIP LOCKED"
    rows = await fetch(
        connection,
        f"SELECT {what.key} AS name, unused_since FROM {what.table} WHERE unused_since <= ?"  # noqa: S608
        f" ORDER BY unused_since LIMIT {limit}{lock}",
        [cutoff],
    )
    if keys := [str(row["name"]) for row in rows]:
        await execute(
            connection,
            f"UPDATE {what.table} SET unused_since = NULL"  # noqa: S608
            f" WHERE {what.key} IN ({_marks(keys)}) AND NOT ({what.unreferenced})",
            keys,
        )
    return rows


def _collected(what: Collectable, keys: Sequence[str]) -> str:
    """Return the condition that a row is one of these and unused, with a parameter for each key."""
    return f"{what.table}.{what.key} IN ({_marks(keys)}) AND {what.unreferenced}"


async def _take_strays(connection: Connection, files: Sequence[StoredArtifact]) -> dict[str, int]:
    """Return digest and size of those files that have no row, in a transaction that keeps others from writing one.

    Whoever writes a row of the same bytes waits for this transaction, and then sees the removal.
    """
    digests = sorted(file.sha256 for file in files)
    present = await now(connection)
    rows = [(digest, 0, present) for digest in digests]
    inserted = await _inserted(connection, rows)
    if not inserted:
        return {}
    await execute(connection, f"DELETE FROM artifact WHERE sha256 IN ({_marks(inserted)})", inserted)  # noqa: S608
    uploads = await fetch(connection, f"SELECT sha256 FROM upload WHERE sha256 IN ({_marks(inserted)})", inserted)  # noqa: S608
    taken = set(inserted) - {row["sha256"] for row in uploads}
    return {file.sha256: file.size for file in files if file.sha256 in taken}


async def _inserted(connection: Connection, rows: Sequence[tuple[str, int, datetime]]) -> list[str]:
    """Insert artifacts that are not there, and return their digests."""
    marks = ", ".join(["(?, ?, ?)"] * len(rows))
    statement = (
        f"INSERT INTO artifact (sha256, size, created_at) VALUES {marks}"  # noqa: S608
        " ON CONFLICT DO NOTHING RETURNING sha256"
    )
    return [row["sha256"] for row in await fetch(connection, statement, [value for row in rows for value in row])]


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
