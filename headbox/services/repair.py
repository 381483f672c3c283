"""Repairs: stored bytes are compared with what they should be, and fetched again where they are not.

A repair goes through the artifacts in the order of their digests and notes how far it has come, so that an attempt that
follows a lost one goes on from there. What is wrong is marked first (`services.artifact.condemn`), so that no client is
given it, then fetched from whoever has it, or rendered again where a publish had made it, and put into the place of the
old bytes in one step.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from headbox.errors import ArtifactDamaged, HeadboxError, StorageFull, StorageUnavailable
from headbox.kinds import Repair
from headbox.models import ArtifactSource, Publication, SyncIssue
from headbox.models.database import execute, fetch
from headbox.pipeline.run import Run
from headbox.services import source as sources
from headbox.services.artifact import ArtifactState, Verdict, absolve, check_artifact, condemn
from headbox.services.artifact_scope import Scope, scope_of
from headbox.services.remote_pool import RemotePool, open_pool
from headbox.services.rerender import can_render, publication_with, rerender
from headbox.tasking.bus import ARTIFACT
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import ProgressUnit, uuid7

#: Artifacts that are read, or fetched, side by side.
AT_A_TIME = 4
#: Artifacts, and bytes of them, behind which it is noted how far a repair has come.
BATCH, BATCH_BYTES = 64, 1024**3
#: Issues that one repair writes; of further ones it only tells the number.
MAX_ISSUES = 10_000

#: What is said of bytes that are wrong.
_FAULTS = {ArtifactState.MISSING: "gone", ArtifactState.DAMAGED: "not what they were"}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """How far a repair has come, as it stands in the task's result.

    Attributes:
        checked_to: Digest of the last artifact that was looked at; empty at the beginning.
        checked: Artifacts that were looked at.
        checked_bytes: Their bytes.
        damaged: How many of them were missing or damaged.
        repaired: How many of these are whole again; where nothing is changed, for how many a source is known.
        lost: How many are not.
    """

    checked_to: str = ""
    checked: int = 0
    checked_bytes: int = 0
    damaged: int = 0
    repaired: int = 0
    lost: int = 0

    @classmethod
    def of(cls, result: dict[str, Any]) -> Tally:
        """Return what an earlier attempt has noted, or that there was none."""
        return cls(**result) if result else cls()


@dataclass(frozen=True, slots=True)
class Known:
    """An artifact as the database has it."""

    sha256: str
    size: int
    is_marked: bool


class Pace:
    """Lets so many bytes through in a second, however many ask."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._due = time.monotonic()

    async def take(self, size: int) -> None:
        """Wait until so many more bytes may be read."""
        self._due = max(self._due, time.monotonic()) + size / self._bytes_per_second
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))


async def run_repair(run: Run, parameters: Repair) -> None:
    """Look at stored artifacts, repair what can be, tell of the rest, and finish the task.

    Raises:
        NotFound: What it is about is gone.
        StorageUnavailable, StorageFull: It cannot go on; what is repaired stays so.
        AttemptOver: This attempt no longer counts.
    """
    scope = await scope_of(run.engine.database.connection, parameters)
    with run.progress.action("repair"):
        async with open_pool(run.engine) as pool:
            repair = ArtifactRepair(run, parameters, scope, pool)
            await repair.run()
    await run.finish(Outcome(asdict(repair.tally)))


class ArtifactRepair:
    """One attempt at a repair.

    Attributes:
        tally: How far it has come.
    """

    def __init__(self, run: Run, parameters: Repair, scope: Scope, pool: RemotePool) -> None:
        self._run = run
        self._connection = run.engine.database.connection
        self._parameters = parameters
        self._scope = scope
        self._pool = pool
        self._pace = Pace(run.engine.settings.storage.repair_bytes_per_second)
        self._numbers = count()
        self._issues: list[SyncIssue] = []
        self._rendering = asyncio.Lock()
        # The files of the publication that was rendered last, by its id and theirs.
        self._rendered: dict[UUID, dict[str, Path]] = {}
        self.tally = Tally.of(run.task.result)
        self._checked = run.report("repair.check.artifacts", "Looking at artifacts")
        self._bytes = run.report("repair.check.bytes", "Reading", unit=ProgressUnit.BYTES)
        self._damaged = run.report("repair.damaged", "Missing or damaged")
        self._repaired = run.report("repair.repaired", "Repaired")
        self._lost = run.report("repair.lost", "Not to be repaired")

    async def run(self) -> None:
        """Look at all artifacts that are left; see `run_repair`."""
        await self._expect()
        free = asyncio.Semaphore(AT_A_TIME)

        async def one(artifact: Known) -> None:
            async with free:
                await self._one(artifact)

        while batch := await self._next():
            try:
                async with asyncio.TaskGroup() as group:
                    for artifact in batch:
                        group.create_task(one(artifact))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from errors
            self.tally.checked_to = batch[-1].sha256
            await self._note()

    async def _expect(self) -> None:
        """Say how much there is to do, and how much was done by an earlier attempt."""
        [row] = await fetch(
            self._connection,
            f"SELECT COUNT(*) AS number, COALESCE(SUM(size), 0) AS size FROM artifact"  # noqa: S608
            f" WHERE sha256 > ? AND {self._scope.sql}",
            [self.tally.checked_to, *self._scope.parameters],
        )
        self._checked.add(self.tally.checked)
        self._checked.expect(self.tally.checked + row["number"])
        if self._parameters.check_digests:
            self._bytes.add(self.tally.checked_bytes)
            self._bytes.expect(self.tally.checked_bytes + int(row["size"]))
        self._damaged.add(self.tally.damaged)
        self._repaired.add(self.tally.repaired)
        self._lost.add(self.tally.lost)

    async def _next(self) -> list[Known]:
        """Return the next artifacts to look at; none when all were."""
        rows = await fetch(
            self._connection,
            f"SELECT sha256, size, damaged_at FROM artifact WHERE sha256 > ? AND {self._scope.sql}"  # noqa: S608
            f" ORDER BY sha256 LIMIT {BATCH}",
            [self.tally.checked_to, *self._scope.parameters],
        )
        batch: list[Known] = []
        size = 0
        for row in rows:
            if batch and size + row["size"] > BATCH_BYTES:
                break
            size += row["size"]
            batch.append(Known(row["sha256"], row["size"], row["damaged_at"] is not None))
        return batch

    async def _one(self, artifact: Known) -> None:
        # What is known to be damaged may have the right size.
        reads = self._parameters.check_digests or artifact.is_marked
        looked = await check_artifact(
            self._run.storage, artifact.sha256, artifact.size, reads=reads, on_bytes=self._read
        )
        if looked.state is not ArtifactState.WHOLE:
            await self._wrong(artifact, looked.state, reads=reads)
        elif artifact.is_marked:
            # Somebody has put the right bytes there: from a backup, say.
            self._found_damaged()
            if not self._parameters.dry_run:
                await absolve(self._connection, artifact.sha256)
            self._found_repaired()
        self.tally.checked += 1
        self.tally.checked_bytes += artifact.size
        self._checked.add()

    async def _read(self, size: int) -> None:
        self._bytes.add(size)
        await self._pace.take(size)

    async def _wrong(self, artifact: Known, state: ArtifactState, *, reads: bool) -> None:
        if self._parameters.dry_run:
            if await self._is_gone(artifact):
                return
            self._found_damaged()
            if await self._could_be_had(artifact):
                self._found_repaired()
            else:
                await self._give_up(artifact, state, None, None)
            return
        verdict = await condemn(self._connection, self._run.storage, artifact.sha256, artifact.size, reads=reads)
        if verdict is not Verdict.WRONG:
            return
        self._run.engine.bus.publish(ARTIFACT, artifact.sha256, {})
        log.warning("artifact is missing or damaged", extra={"sha256": artifact.sha256, "state": state})
        self._found_damaged()
        await self._fetch(artifact, state)

    async def _is_gone(self, artifact: Known) -> bool:
        """Tell whether the database does not have it any more: whoever took it away takes the bytes, too."""
        statement = "SELECT 1 FROM artifact WHERE sha256 = ?"
        return not await fetch(self._connection, statement, [artifact.sha256])

    async def _could_be_had(self, artifact: Known) -> bool:
        if await sources.candidates(self._connection, self._pool, sha256=artifact.sha256):
            return True
        publication = await publication_with(self._run, artifact.sha256)
        return publication is not None and await can_render(self._run, publication)

    async def _fetch(self, artifact: Known, state: ArtifactState) -> None:
        """Put the right bytes into the place of wrong ones, from the first source that gives them."""
        last: tuple[ArtifactSource, HeadboxError] | None = None
        for source in await sources.candidates(self._connection, self._pool, sha256=artifact.sha256):
            try:
                await self._fetch_from(source, artifact)
            except (StorageFull, StorageUnavailable):
                raise
            except HeadboxError as error:
                await sources.failed(self._connection, self._pool, source, error)
                last = source, error
            else:
                await sources.worked(self._connection, self._pool, source)
                self._found_repaired()
                return
        if await self._render(artifact):
            self._found_repaired()
        else:
            await self._give_up(artifact, state, *(last or (None, None)))

    async def _fetch_from(self, source: ArtifactSource, artifact: Known) -> None:
        path = self._run.working_folder / f"artifact-{next(self._numbers)}"
        async with self._pool.lease(source.remote_id) as remote:
            await remote.downloader.fetch(
                source.url,
                path,
                size=artifact.size,
                sha256=artifact.sha256,
                max_bytes=self._run.engine.settings.download.max_artifact_bytes,
            )
        await self._replace(path, artifact)

    async def _render(self, artifact: Known) -> bool:
        """Put right bytes into the place of wrong ones that a publish had rendered, and tell whether that can be."""
        publication = await publication_with(self._run, artifact.sha256)
        if publication is None:
            return False
        # One at a time; what it gives besides serves the next artifacts: often it was a folder that got lost.
        async with self._rendering:
            if publication.id not in self._rendered:
                folder = self._run.working_folder / f"publication-{next(self._numbers)}"
                folder.mkdir()
                self._rendered = {publication.id: await self._rerender(publication, folder)}
            path = self._rendered[publication.id].pop(artifact.sha256, None)
            if path is None:
                return False
            await self._replace(path, artifact)
        return True

    async def _rerender(self, publication: Publication, folder: Path) -> dict[str, Path]:
        try:
            return await rerender(self._run, publication, folder)
        except StorageFull:
            raise
        except HeadboxError as error:
            log.warning("a publication cannot be rendered again", extra={"error": error.message})
            return {}

    async def _replace(self, path: Path, artifact: Known) -> None:
        await self._run.storage.replace(path, artifact.sha256)
        await self._run.storage.flush()
        await absolve(self._connection, artifact.sha256)

    async def _give_up(
        self, artifact: Known, state: ArtifactState, source: ArtifactSource | None, error: HeadboxError | None
    ) -> None:
        self.tally.lost += 1
        self._lost.add()
        if self.tally.lost > MAX_ISSUES:
            return
        damage = ArtifactDamaged(sha256=artifact.sha256, fault=_FAULTS[state])
        why = "No remote is known to have them." if error is None else error.message
        self._issues.append(
            SyncIssue(
                id=uuid7(),
                task_id=self._run.task.id,
                code=damage.code,
                message=f"{damage.message} {why}",
                url=None if source is None else sources.shown_url(source),
                relative_path=await self._path(artifact),
                retryable=error is not None and error.retryable,
                sha256=artifact.sha256,
            )
        )

    async def _path(self, artifact: Known) -> str | None:
        """Return one of the paths that need an artifact."""
        for table in ("content_artifact", "published_file"):
            rows = await fetch(
                self._connection,
                f"SELECT relative_path FROM {table} WHERE sha256 = ? LIMIT 1",  # noqa: S608
                [artifact.sha256],
            )
            if rows:
                return str(rows[0]["relative_path"])
        return None

    def _found_damaged(self) -> None:
        self.tally.damaged += 1
        self._damaged.add()

    def _found_repaired(self) -> None:
        self.tally.repaired += 1
        self._repaired.add()

    async def _note(self) -> None:
        """Write how far the repair has come, together with what it has found since."""
        issues, self._issues = self._issues, []
        result = orjson.dumps(asdict(self.tally)).decode()

        async def write(work: UnitOfWork) -> None:
            await SyncIssue.bulk_create(issues, ignore_conflicts=True, using_db=work.connection)
            statement = "UPDATE task SET result = ? WHERE id = ?"
            await execute(work.connection, statement, [result, str(self._run.task.id)])

        await self._run.write(write)
