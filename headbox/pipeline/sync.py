"""The stream of a sync: parse, leave out what is known, download, save, stage.

Batches bound the memory: a few of them are under way at a time, however many units the remote declares.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import cast
from uuid import UUID

from headbox.download.interface import Downloader
from headbox.errors import HeadboxError, LimitExceeded, MetadataInvalid, TaskError, UnitConflict
from headbox.kinds import ContentUnit, DeclaredContent
from headbox.models import SyncIssue
from headbox.models.database import Insert
from headbox.pipeline.batch import Batch, Unit, prepare
from headbox.pipeline.download import Downloads
from headbox.pipeline.run import Run
from headbox.pipeline.save import NewlyKnown, inserts_of, known_artifacts, save
from headbox.tasking.engine import UnitOfWork
from headbox.types import OnError, TotalKind, uuid7

#: Units that go through the pipeline together.
BATCH_UNITS = 4000
#: Units that are parsed before everything else on the event loop gets its turn.
UNITS_A_TURN = 50
#: Batches that are under way at a time: one is parsed and one is saved while others download.
BATCHES_IN_FLIGHT = 4
#: Units that one sync leaves out; where there are more, its remote is not what it was taken for.
MAX_ISSUES = 10_000


class SyncPipeline:
    """Takes everything that a remote declares to where sets can be compared.

    Args:
        run: The running task.
        downloader: Fetches artifacts; None leaves their bytes where they are.
        kinds: Kinds of content that the repository holds.
        remote_id: The remote that artifacts can be fetched from later.
        on_error: What to do about a unit that cannot be had.
        estimated_units: Units of the last sync, or None.
    """

    def __init__(
        self,
        run: Run,
        *,
        downloader: Downloader | None,
        kinds: tuple[type[ContentUnit], ...],
        remote_id: UUID,
        on_error: OnError,
        estimated_units: int | None,
    ) -> None:
        self._run = run
        self._kinds = kinds
        self._remote_id = remote_id
        self._on_error = on_error
        self._issues: list[SyncIssue] = []
        self.issue_count = 0
        self.unit_count = 0
        #: Slots of the units that were left out because their bytes cannot be had.
        self.slots_missed: list[str] = []
        # Units on their way to the database. What was left out stays here: it is left out wherever it is declared.
        self._under_way: dict[str, Unit] = {}
        self._discovered = run.report("sync.discover.content", "Reading what the remote holds")
        self._discovered.expect(estimated_units, TotalKind.ESTIMATED)
        self._known = run.report("sync.known.content", "Known already")
        self._downloads = Downloads(run, downloader) if downloader else None
        self._saved = run.report("sync.save.content", "Saving content units")

    def issue(self, error: HeadboxError, *, relative_path: str | None = None) -> None:
        """Note a unit that is left out, or end the sync with its error; see `SyncContext.issue`."""
        if self._on_error is OnError.FAIL:
            raise error
        self.issue_count += 1
        if self.issue_count > MAX_ISSUES:
            raise LimitExceeded(what="The number of units left out", limit=MAX_ISSUES)
        self._run.report("sync.issues", "Left out").add()
        self._issues.append(
            SyncIssue(
                id=uuid7(),
                task_id=self._run.task.id,
                code=error.code,
                message=error.message,
                url=error.values.get("url"),
                relative_path=relative_path,
                retryable=error.retryable,
            )
        )

    async def take(self, declared: AsyncIterator[DeclaredContent]) -> None:
        """Save and stage everything that is declared.

        Args:
            declared: What `SyncTask.declare` returns: an async generator. It has ended when this ends.

        Raises:
            HeadboxError: Something cannot be had, and the task was told to fail then.
            LimitExceeded: The remote declares more units than are taken.
        """
        free = asyncio.Semaphore(BATCHES_IN_FLIGHT)
        saving = asyncio.Lock()
        generator = cast("AsyncGenerator[DeclaredContent, None]", declared)
        try:
            # The group ends first: no failure of a batch disturbs what a plugin does when it is closed.
            async with aclosing(self._batches(generator)) as batches, asyncio.TaskGroup() as group:
                async for batch in batches:
                    await free.acquire()
                    if self._downloads:
                        self._downloads.announce()
                    job = group.create_task(self._process(batch, saving))
                    job.add_done_callback(lambda _: free.release())
                self._discovered.expect(self.unit_count)
                if self._downloads:
                    self._downloads.all_announced()
        except ExceptionGroup as errors:
            raise _first(errors) from errors
        await self.save_issues()

    async def _batches(self, declared: AsyncGenerator[DeclaredContent, None]) -> AsyncGenerator[Batch, None]:
        limit = self._run.engine.settings.download.max_units
        units: list[Unit] = []
        # Closed here, and not when it is collected: what a plugin does at the end belongs to its task.
        async with aclosing(_turns(declared)) as turns:
            async for turn in turns:
                units += self._new_units(turn)
                if len(units) >= BATCH_UNITS:
                    yield self._batch(units, limit)
                    units = []
        if units:
            yield self._batch(units, limit)

    def _new_units(self, declared: Sequence[DeclaredContent]) -> list[Unit]:
        """Return what of these can be and was not declared before."""
        units: list[Unit] = []
        for unit, (_, artifacts) in zip(prepare(declared, self._kinds), declared, strict=True):
            if isinstance(unit, MetadataInvalid):
                self.issue(unit, relative_path=artifacts[0].relative_path)
            elif (first := self._under_way.setdefault(unit.id, unit)) is unit:
                units.append(unit)
            elif path := unit.contradicted_by({known.relative_path: known.sha256 for known in first.artifacts}):
                self.issue(UnitConflict(what=path), relative_path=path)
        self._discovered.add(len(units))
        return units

    def _batch(self, units: list[Unit], limit: int) -> Batch:
        batch = Batch(units, first_ordinal=self.unit_count)
        self.unit_count += len(units)
        if self.unit_count > limit:
            raise LimitExceeded(what="The number of content units that the remote declares", limit=limit)
        return batch

    async def _process(self, batch: Batch, saving: asyncio.Lock) -> None:
        connection = self._run.engine.database.connection
        batch.known = await known_artifacts(connection, batch.units)
        self._known.add(len(batch.known))
        self._leave_out(batch, batch.contradictions())
        if self._downloads:
            failures = await self._downloads.fetch(batch, keep_going=self._on_error is OnError.SKIP)
            self.slots_missed += [unit.slot for unit in batch.units if unit.id in failures]
            self._leave_out(batch, failures)
        inserts = inserts_of(batch, self._run.task.id, self._remote_id)
        # One after the other: the database takes one writer, and the others are read and downloaded meanwhile.
        async with saving:
            if batch.stored:
                await self._run.storage.flush()
            await self._save(batch, inserts)
        self._saved.add(len(batch.units))
        for unit in batch.units:
            del self._under_way[unit.id]

    async def _save(self, batch: Batch, inserts: Sequence[Insert]) -> None:
        while True:
            try:
                await self._write(inserts)
            except NewlyKnown:
                batch.known = await known_artifacts(self._run.engine.database.connection, batch.units)
                self._leave_out(batch, batch.contradictions())
                inserts = inserts_of(batch, self._run.task.id, self._remote_id)
            else:
                return

    def _leave_out(self, batch: Batch, failures: dict[str, tuple[TaskError, str]]) -> None:
        for error, relative_path in failures.values():
            self.issue(error, relative_path=relative_path)
        if failures:
            batch.units = [unit for unit in batch.units if unit.id not in failures]

    async def save_issues(self) -> None:
        """Write the issues that no batch has written."""
        if self._issues:
            await self._write([])

    async def _write(self, inserts: Sequence[Insert]) -> None:
        issues, self._issues = self._issues, []

        async def write(work: UnitOfWork) -> None:
            await save(work.connection, inserts)
            await SyncIssue.bulk_create(issues, ignore_conflicts=True, using_db=work.connection)

        try:
            await self._run.write(write)
        except NewlyKnown:
            self._issues = issues + self._issues
            raise


async def _turns(declared: AsyncGenerator[DeclaredContent, None]) -> AsyncGenerator[list[DeclaredContent], None]:
    """Yield what is declared, some at a time, and let everything else on the event loop have its turn in between.

    A generator that only parses never waits: without this, nothing else would move on meanwhile.
    """
    turn: list[DeclaredContent] = []
    async with aclosing(declared):
        async for content in declared:
            turn.append(content)
            if len(turn) == UNITS_A_TURN:
                yield turn
                turn = []
                await asyncio.sleep(0)
    if turn:
        yield turn


def _first(errors: BaseException) -> BaseException:
    """Return the first error of a group, however deep it lies: the others followed from it, or would say the same."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
