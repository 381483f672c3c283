"""The stream of a sync: parse, leave out what is known, download, save, stage.

Batches bound the memory: a few of them are under way at a time, however many units the remote declares.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from functools import partial
from typing import cast
from uuid import UUID

from headbox.download.interface import Downloader
from headbox.kinds import DeclaredContent
from headbox.models import SyncIssue
from headbox.models.database import Insert
from headbox.pipeline.batch import Batch
from headbox.pipeline.download import Downloads, Fallback
from headbox.pipeline.fingerprint import Fingerprint
from headbox.pipeline.jobs import Jobs
from headbox.pipeline.keeping import Collected, removals_ended
from headbox.pipeline.run import Run
from headbox.pipeline.save import NewlyKnown, inserts_of, keep_known, keep_stored, known_artifacts, save
from headbox.pipeline.stream import LeftOut, UnitStream
from headbox.tasking.engine import UnitOfWork
from headbox.types import OnError, uuid7

#: Batches that are under way at a time: one is parsed and one is saved while others download.
BATCHES_IN_FLIGHT = 3


class SyncPipeline:
    """Takes everything that a remote declares to where sets can be compared.

    Args:
        run: The running task.
        stream: What the remote declares.
        downloader: Fetches artifacts; None leaves their bytes where they are.
        fallback: Fetches those that the downloader cannot get.
        remote_id: The remote that artifacts can be fetched from later.
        on_error: What to do about a unit whose bytes cannot be had.
        fingerprint: Is told of every unit that was taken; None where nobody asks for it.

    Attributes:
        slots_missed: Slots of the units that were left out because their bytes cannot be had.
    """

    def __init__(
        self,
        run: Run,
        stream: UnitStream,
        *,
        downloader: Downloader | None,
        fallback: Fallback,
        remote_id: UUID,
        on_error: OnError,
        fingerprint: Fingerprint | None = None,
    ) -> None:
        self._run = run
        self._stream = stream
        self._remote_id = remote_id
        self._on_error = on_error
        self._fingerprint = fingerprint
        self.slots_missed: list[str] = []
        self._known = run.report("sync.known.content", "Known already")
        self._downloads = Downloads(run, downloader, fallback) if downloader else None
        self._saved = run.report("sync.save.content", "Saving content units")
        # A first sync knows nothing, batch after batch: as long as that is so, none waits at the database to be told it
        # once more. What turns out to be known after all is `NewlyKnown`.
        self._looks_up = True

    async def take(self, declared: AsyncIterator[DeclaredContent]) -> None:
        """Save and stage everything that is declared.

        Args:
            declared: What `SyncTask.declare` returns: an async generator. It has ended when this ends.

        Raises:
            HeadboxError: Something cannot be had, and the task was told to fail then.
            LimitExceeded: The remote declares more units than are taken.
        """
        jobs = Jobs(BATCHES_IN_FLIGHT, self._stream.end)
        saving = asyncio.Lock()
        generator = cast("AsyncGenerator[DeclaredContent, None]", declared)
        try:
            async with aclosing(self._stream.batches(generator)) as batches, jobs.running():
                async for batch in batches:
                    if self._downloads:
                        self._downloads.announce()
                    await jobs.start(partial(self._process, batch, saving))
                self._stream.all_discovered()
                if self._downloads:
                    self._downloads.all_announced()
        except ExceptionGroup as errors:
            raise _first(errors) from errors
        await self.save_issues()

    async def _process(self, batch: Batch, saving: asyncio.Lock) -> None:
        if self._looks_up:
            await self._look_up(batch)
        if self._fingerprint:
            await self._fingerprint.add(batch.units)
        if self._downloads:
            await self._fetch(batch)
        inserts = inserts_of(batch, self._run.task.id, self._remote_id)
        # One after the other: the database takes one writer, and the others are read and downloaded meanwhile.
        async with saving:
            await self._save(batch, inserts)
        self._known.add(len(batch.known))
        self._saved.add(len(batch.units))
        self._stream.arrived(batch)

    async def _look_up(self, batch: Batch) -> None:
        batch.known = await known_artifacts(self._run.engine.database.connection, batch.units)
        self._stream.leave_out(batch, batch.contradictions())
        # What is known is not downloaded again, and a fingerprint is of what is left.
        self._looks_up = bool(batch.known or self._downloads or self._fingerprint)

    async def _save(self, batch: Batch, inserts: Sequence[Insert]) -> None:
        connection = self._run.engine.database.connection
        while True:
            if batch.stored:
                await self._run.storage.flush()
            try:
                await self._write(inserts, batch)
            except NewlyKnown:
                pass
            except Collected as collected:
                await removals_ended(connection, collected.digests)
                await self._fetch(batch, collected.digests)
            else:
                return
            await self._look_up(batch)
            inserts = inserts_of(batch, self._run.task.id, self._remote_id)

    async def _fetch(self, batch: Batch, gone: Collection[str] = ()) -> None:
        """Fetch what a batch lacks, or what of it was stored and is gone; leave out the units that cannot be had."""
        assert self._downloads is not None, "without downloads, nothing is lacking"
        keep_going = self._on_error is OnError.SKIP
        if gone:
            failures = await self._downloads.fetch_again(batch, gone, keep_going=keep_going)
        else:
            failures = await self._downloads.fetch(batch, keep_going=keep_going)
        self.slots_missed += [unit.slot for unit in batch.units if unit.id in failures]
        self._stream.leave_out(batch, failures)

    async def save_issues(self) -> None:
        """Write the issues that no batch has written."""
        if self._stream.issues:
            await self._write([])

    async def _write(self, inserts: Sequence[Insert], batch: Batch | None = None) -> None:
        left_out, self._stream.issues = self._stream.issues, []
        issues = [self._issue(unit) for unit in left_out]

        async def write(work: UnitOfWork) -> None:
            if batch:
                await keep_known(work.connection, batch)
            await save(work.connection, inserts)
            if batch:
                await keep_stored(work.connection, self._run.storage, batch)
            await SyncIssue.bulk_create(issues, ignore_conflicts=True, using_db=work.connection)

        try:
            await self._run.write(write)
        except (NewlyKnown, Collected):
            self._stream.issues = left_out + self._stream.issues
            raise

    def _issue(self, unit: LeftOut) -> SyncIssue:
        return SyncIssue(
            id=uuid7(),
            task_id=self._run.task.id,
            code=unit.error.code,
            message=unit.error.message,
            url=unit.error.values.get("url"),
            relative_path=unit.relative_path,
            retryable=unit.error.retryable,
        )


def _first(errors: BaseException) -> BaseException:
    """Return the first error of a group, however deep it lies: the others followed from it, or would say the same."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
