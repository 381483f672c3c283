"""Reclaims: bytes that remotes can give again are stored no longer, and are fetched when somebody asks for them.

Freed is what every file that consists of it can be fetched again for: from a remote that is not deleted, whose policy
is not to have everything here, and that did not fail lately. Files of publications and bytes that somebody uploaded
stay, the latter also where a remote has the same bytes: whoever uploads does not count on remotes.

Rows and bytes go as in a garbage collection, and by the same argument (docs/explanation/garbage-collection.md): marked,
looked at again when whoever was writing then has ended, and deleted where they are marked still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from headbox.kinds import Reclaim
from headbox.models.database import Connection, execute, fetch, is_sqlite, json_field, now, writers_ended
from headbox.pipeline.run import Run
from headbox.services import removal
from headbox.services.artifact_scope import Scope, scope_of
from headbox.tasking.bus import ARTIFACT
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import DownloadPolicy, ProgressUnit

#: Artifacts that are marked together.
WINDOW = 2000
#: Pause behind each transaction, in seconds: those who wait for SQLite's only writer get their turn.
PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Freed:
    """What a reclaim has freed, as it stands in the task's result.

    Attributes:
        reclaimed: Artifacts whose bytes are gone.
        freed_bytes: How many bytes these were.
    """

    reclaimed: int = 0
    freed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """Which artifacts can go.

    Attributes:
        sql: A condition on rows of `artifact`, with a `?` for each parameter.
    """

    sql: str
    parameters: tuple[Any, ...]


async def run_reclaim(run: Run, parameters: Reclaim) -> None:
    """Free what can be had again, or count it, and finish the task.

    Raises:
        NotFound: What it is about is gone.
        StorageUnavailable: Bytes cannot be deleted now; the next garbage collection does.
        AttemptOver: This attempt no longer counts; what is freed stays so.
    """
    connection = run.engine.database.connection
    scope = await scope_of(connection, parameters)
    days = parameters.older_than_days or 0.0
    condition = _reclaimable(connection, scope, await now(connection) - timedelta(days=days))
    with run.progress.action("reclaim"):
        reclaim = SpaceReclaim(run, condition, dry_run=parameters.dry_run)
        await reclaim.run()
    await run.finish(Outcome(asdict(reclaim.freed)))


class SpaceReclaim:
    """One attempt at a reclaim.

    Attributes:
        freed: What it has freed; with what an earlier attempt had.
    """

    def __init__(self, run: Run, condition: Condition, *, dry_run: bool) -> None:
        self._run = run
        self._connection = run.engine.database.connection
        self._condition = condition
        self._dry_run = dry_run
        self.freed = Freed() if dry_run else Freed(**run.task.result)
        self._artifacts = run.report("reclaim.artifacts", "Reclaiming artifacts")
        self._bytes = run.report("reclaim.bytes", "Freed", unit=ProgressUnit.BYTES)
        self._artifacts.add(self.freed.reclaimed)
        self._bytes.add(self.freed.freed_bytes)

    async def run(self) -> None:
        """Free everything that can be; see `run_reclaim`."""
        last = ""
        while found := await self._next(last):
            last = found[-1][0]
            if self._dry_run:
                self._count(len(found), sum(size for _, size in found))
            else:
                await self._free([digest for digest, _ in found])

    async def _next(self, last: str) -> list[tuple[str, int]]:
        """Return digest and size of the next artifacts that can go."""
        rows = await fetch(
            self._connection,
            f"SELECT sha256, size FROM artifact WHERE sha256 > ? AND unused_since IS NULL AND {self._condition.sql}"  # noqa: S608
            f" ORDER BY sha256 LIMIT {WINDOW}",
            [last, *self._condition.parameters],
        )
        return [(row["sha256"], row["size"]) for row in rows]

    async def _free(self, digests: Sequence[str]) -> None:
        await self._run.write(lambda work: _mark(work.connection, digests))
        await writers_ended(self._connection)
        for start in range(0, len(digests), removal.BATCH):
            await self._remove(digests[start : start + removal.BATCH])
            await asyncio.sleep(PAUSE_SECONDS)

    async def _remove(self, digests: Sequence[str]) -> None:
        async def choose(work: UnitOfWork) -> dict[str, int]:
            sizes = await _delete(work.connection, digests, self._condition)
            freed = Freed(self.freed.reclaimed + len(sizes), self.freed.freed_bytes + sum(sizes.values()))
            statement = "UPDATE task SET result = ? WHERE id = ?"
            await execute(work.connection, statement, [orjson.dumps(asdict(freed)).decode(), str(self._run.task.id)])
            return sizes

        removed = await removal.remove(self._run, choose)
        self._count(len(removed), sum(removed.values()))
        for digest in removed:
            self._run.engine.bus.publish(ARTIFACT, digest, {})

    def _count(self, number: int, size: int) -> None:
        self.freed.reclaimed += number
        self.freed.freed_bytes += size
        self._artifacts.add(number)
        self._bytes.add(size)


def _reclaimable(connection: Connection, scope: Scope, stored_before: datetime) -> Condition:
    policy = f"COALESCE({json_field(connection, 'remote_revision.document', 'policy')}, '{DownloadPolicy.IMMEDIATE}')"
    source = (
        "SELECT 1 FROM artifact_source JOIN remote ON remote.id = artifact_source.remote_id"  # noqa: S608
        " JOIN remote_revision ON remote_revision.remote_id = remote.id AND remote_revision.number = remote.revision"
        " WHERE artifact_source.content_id = place.content_id AND artifact_source.relative_path = place.relative_path"
        f" AND remote.deleted_at IS NULL AND {policy}"
    )
    is_wanted_here = f"EXISTS ({source} = '{DownloadPolicy.IMMEDIATE}')"
    can_be_had = f"EXISTS ({source} <> '{DownloadPolicy.IMMEDIATE}' AND artifact_source.failed_at IS NULL)"
    place = "SELECT 1 FROM content_artifact AS place WHERE place.sha256 = artifact.sha256"
    return Condition(
        f"artifact.created_at <= ? AND artifact.damaged_at IS NULL AND EXISTS ({place})"  # noqa: S608
        f" AND NOT EXISTS ({place} AND ({is_wanted_here} OR NOT {can_be_had}))"
        " AND NOT EXISTS (SELECT 1 FROM published_file WHERE published_file.sha256 = artifact.sha256)"
        " AND artifact.sha256 NOT IN (SELECT sha256 FROM upload WHERE sha256 IS NOT NULL)"
        f" AND {scope.sql}",
        (stored_before, *scope.parameters),
    )


async def _mark(connection: Connection, digests: Sequence[str]) -> None:
    await execute(
        connection,
        f"UPDATE artifact SET unused_since = ? WHERE unused_since IS NULL AND sha256 IN ({_marks(digests)})",  # noqa: S608
        [await now(connection), *digests],
    )


async def _delete(connection: Connection, digests: Sequence[str], condition: Condition) -> dict[str, int]:
    """Delete the rows of artifacts that are still marked and can still go; the others lose their marks.

    They are locked first: what refers to them is looked for by later statements, which see whatever was committed until
    then, and whoever comes to use them later waits, and finds them gone.
    """
    named = f"sha256 IN ({_marks(digests)})"
    if not is_sqlite(connection):
        await fetch(connection, f"SELECT 1 FROM artifact WHERE {named} ORDER BY sha256 FOR UPDATE", digests)  # noqa: S608
    rows = await fetch(
        connection,
        f"DELETE FROM artifact WHERE {named} AND unused_since IS NOT NULL AND {condition.sql} RETURNING sha256, size",  # noqa: S608
        [*digests, *condition.parameters],
    )
    await execute(connection, f"UPDATE artifact SET unused_since = NULL WHERE {named}", digests)  # noqa: S608
    return {row["sha256"]: row["size"] for row in rows}


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
