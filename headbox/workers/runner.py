"""Runs tasks, one attempt each, on the event loop of a worker process."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
from tortoise.exceptions import BaseORMException

from headbox.models import Task, Worker
from headbox.models.database import fetch, interrupt
from headbox.pipeline.run import Run
from headbox.storage.interface import ArtifactStorage
from headbox.storage.workspace import Workspace
from headbox.tasking import bus as topics
from headbox.tasking import lifecycle
from headbox.tasking.correlation import correlated
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.tasking.lifecycle import Attempt, AttemptOver
from headbox.tasking.log import recorded
from headbox.tasking.snapshot import snapshot_of
from headbox.tasking.user import acting_for
from headbox.types import TaskState
from headbox.workers import metrics
from headbox.workers.execute import execute, expected, is_transient

#: How often watchers are told of progress at the most, in seconds.
SHOW_SECONDS = 0.1
#: How often progress is written to the task's row, in seconds.
SAVE_SECONDS = 1.0
#: Waits between tries to write a task's end, in seconds; the last one is repeated.
END_RETRY_SECONDS = (0.2, 1.0, 5.0)

#: How long tasks may take to be given back, in seconds, and then to let go of what they cannot write.
STOP_SECONDS, ABANDON_SECONDS = 4.0, 1.0

log = logging.getLogger(__name__)


class TaskRunner:
    """The tasks that a worker process runs now."""

    def __init__(self, engine: Engine, worker: Worker, storage: ArtifactStorage, workspace: Workspace) -> None:
        self._engine = engine
        self._worker = worker
        self._storage = storage
        self._workspace = workspace
        self._running: dict[Attempt, tuple[asyncio.Task[None], Run]] = {}
        self._orphans: set[Attempt] = set()
        self._stopping = asyncio.Event()
        self._abandoning = asyncio.Event()

    async def run(self, task_id: UUID) -> None:
        """Take a task and run it to its end; do nothing when somebody else has it."""
        if self._stopping.is_set():
            return
        task = await self._engine.transact(
            lambda work: lifecycle.take(work, task_id, self._worker), is_one_statement=True
        )
        if task is None:
            return
        current = asyncio.current_task()
        assert current is not None
        run = Run(self._engine, self._storage, task, self._workspace.folder(f"{task.id}.{task.attempt}"))
        self._running[run.attempt] = current, run
        try:
            with correlated(task.correlation_id), acting_for(task.requested_by):
                if self._stopping.is_set():  # Since it was asked whether the task can be had.
                    await self._end(run, None)
                else:
                    await self._attempt(run)
        finally:
            del self._running[run.attempt]

    async def listen(self) -> None:
        """Cancel what is asked to end, for as long as the worker lives."""
        with self._engine.bus.subscribe(topics.CANCEL) as requests:
            async for request in requests:
                if request is not None:
                    self._cancel(UUID(request[0]))
                else:  # A request may have been lost: the row tells of it.
                    await self._look_for_requests()

    async def compare(self) -> None:
        """Make memory and database say the same of what runs here, whatever message or write was lost."""
        here, there = await self._compare()
        orphans = there - here
        # At the second time: at the first one, it may have been taken between the two looks.
        for attempt in orphans & self._orphans:
            await self._let_go(attempt)
        self._orphans = orphans

    async def _let_go(self, attempt: Attempt) -> None:
        # Not for ever: its end may be one that can never be written.
        most = self._engine.settings.worker.max_attempts
        await self._engine.transact(lambda work: lifecycle.lose(work, attempt, most))

    async def _look_for_requests(self) -> None:
        try:
            await self._compare()
        except BaseORMException:
            log.warning("requests to end cannot be looked for; the next heartbeat does", exc_info=True)

    async def _compare(self) -> tuple[set[Attempt], set[Attempt]]:
        """End what is not to run here any more, and return the attempts in memory and those in the database."""
        # Looked at before the database: a task that is taken meanwhile is in neither.
        here = dict(self._running)
        rows = await fetch(
            self._engine.database.connection,
            "SELECT id, attempt, state FROM task WHERE worker_id = ? AND state IN ('running', 'canceling')",
            [str(self._worker.id)],
        )
        there = {Attempt(UUID(str(row["id"])), row["attempt"]): row["state"] for row in rows}
        for attempt, (job, run) in here.items():
            if there.get(attempt) != TaskState.RUNNING:
                _interrupt(job, run)
        companions = {attempt for _, run in here.values() for attempt in run.companions}
        return set(here) | companions, set(there)

    def interrupt_all(self) -> None:
        """End everything that runs here: nobody can be told that this worker lives, so others take it back."""
        for job, run in self._running.values():
            _interrupt(job, run)

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Give back what is running, so that another worker, or this one's next life, goes on with it.

        Args:
            seconds: How long to wait for that; what is not back by then, the next life takes back.
        """
        self._stopping.set()
        running = list(self._running.values())
        for job, run in running:
            _interrupt(job, run)
        if running:
            _, stuck = await asyncio.wait([job for job, _ in running], timeout=seconds)
            if stuck:
                # A long statement keeps its connection from all others, and the process from its end.
                await interrupt(self._engine.database.connection)
                _, stuck = await asyncio.wait(stuck, timeout=ABANDON_SECONDS)
            if stuck:
                log.warning("tasks did not end in time", extra={"tasks": len(stuck)})
                self._abandoning.set()
                for job in stuck:
                    job.cancel()
                await asyncio.wait(stuck, timeout=ABANDON_SECONDS)

    def _cancel(self, task_id: UUID) -> None:
        for attempt, (job, run) in list(self._running.items()):
            if attempt.task_id == task_id:
                # Watchers were told so already: what they are told of the progress from here on must not unsay it.
                run.task.state = TaskState.CANCELING
                _interrupt(job, run)

    async def _attempt(self, run: Run) -> None:
        """Do the work and write how it ended."""
        task = run.task
        log.info("task started", extra={"task": str(task.id), "kind": task.kind, "attempt": task.attempt})
        with metrics.attempted(task.kind):
            await self._do(run)
        log.info("task ended", extra={"task": str(task.id), "kind": task.kind, "attempt": task.attempt})

    async def _do(self, run: Run) -> None:
        try:
            async with (
                self._workspace.open(run.working_folder.name),
                self._shown(run),
                recorded(self._engine, run.attempt),
            ):
                await execute(run)
            metrics.ended(run.task.kind, TaskState.COMPLETED)
        except AttemptOver:
            await self._end(run, None)
        except asyncio.CancelledError:
            _uncancel()
            await self._end(run, None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must end
            await self._end(run, error)

    async def _end(self, run: Run, error: Exception | None) -> None:
        """Write the end of a task that did not complete, however long the database refuses it."""
        waits = iter(END_RETRY_SECONDS)
        wait = END_RETRY_SECONDS[0]
        while not self._abandoning.is_set():
            try:
                await self._write_end(run, error)
            except (BaseORMException, OSError):
                log.exception("the end of a task cannot be written", extra={"task": str(run.task.id)})
                if self._stopping.is_set():  # The next life of this worker takes the task back.
                    return
                wait = next(waits, wait)
                await asyncio.sleep(wait)
            else:
                return

    async def _write_end(self, run: Run, error: Exception | None) -> None:
        run.is_ending = True
        shown = expected(error, run.task.correlation_id) if error is not None else None
        async with self._engine.unit_of_work() as work:
            if is_transient(error):
                ended = await lifecycle.lose(
                    work,
                    run.attempt,
                    self._engine.settings.worker.max_attempts,
                    error=shown,
                    actions=run.progress.document(),
                )
            else:
                ended = await lifecycle.end(work, run.attempt, shown, run.progress.document())
            if ended is None:
                await self._tell(work, run.task.id)
        metrics.ended(run.task.kind, "over" if ended is None else ended.state)
        if ended is None:
            log.warning("an attempt was over before it ended", extra={"task": str(run.task.id)})

    async def _tell(self, work: UnitOfWork, task_id: UUID) -> None:
        """Tell the watchers how a task stands: whoever ended it may have been this one, and have got no answer."""
        task = await Task.get_or_none(id=task_id, using_db=work.connection)
        if task is not None:
            work.task_changed(task)

    @asynccontextmanager
    async def _shown(self, run: Run) -> AsyncIterator[None]:
        """Let watchers and the row follow the progress for as long as the block lasts."""
        job = asyncio.create_task(self._show(run))
        try:
            yield
        finally:
            job.cancel()

    async def _show(self, run: Run) -> None:
        shown: object = None
        ticks = round(SAVE_SECONDS / SHOW_SECONDS)
        tick = 0
        while True:
            # Before the first look: that it runs was told when it was taken.
            await asyncio.sleep(SHOW_SECONDS)
            if run.is_ending:
                return
            tick += 1
            actions = run.progress.document()
            state = [(a["state"], [(r["done"], r["total"], r["state"]) for r in a["reports"]]) for a in actions]
            # Rates and times left go on changing when nothing else does: they are told once a second.
            if state != shown or tick % ticks == 0:
                shown = state
                now = copy.copy(run.task)
                now.actions = actions
                self._engine.bus.publish(topics.TASK, str(now.id), snapshot_of(now))
            if tick % ticks == 0:
                await self._save_progress(run)

    async def _save_progress(self, run: Run) -> None:
        actions = orjson.dumps(run.progress.document()).decode()
        try:
            await lifecycle.save_progress(self._engine.database.connection, run.attempt, actions)
        except BaseORMException:
            log.exception("progress cannot be written", extra={"task": str(run.task.id)})


def _interrupt(job: asyncio.Task[None], run: Run) -> None:
    """Cancel a run, unless it ends already: whoever writes its end must not be kept from it."""
    if not run.is_ending and not job.cancelling():
        job.cancel()


def _uncancel() -> None:
    """Let this coroutine await again after it was canceled: what it does now is to write that it was."""
    current = asyncio.current_task()
    assert current is not None
    while current.cancelling():
        current.uncancel()
