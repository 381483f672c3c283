"""A worker process: its row, its heartbeat, and the reconciler that mends what messages and processes lost."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from uuid import UUID

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from headbox.kinds import Registry
from headbox.models import IdempotencyKey, Worker
from headbox.models.cipher import Cipher
from headbox.models.database import Database, execute, now
from headbox.services.upkeep import Upkeep
from headbox.settings import Settings
from headbox.storage.interface import ArtifactStorage
from headbox.storage.workspace import Workspace
from headbox.tasking import claims, lifecycle
from headbox.tasking.bus import EventBus
from headbox.tasking.engine import Dispatcher, Engine
from headbox.workers.runner import TaskRunner

#: A task that can run and has had no taker is sent again after this time, in seconds; then after twice as long, and
#: so on.
RESEND_SECONDS = 5.0
#: The longest time between two nudges for one task, in seconds.
MAX_RESEND_SECONDS = 300.0

log = logging.getLogger(__name__)


class WorkerProcess(Middleware):
    """What a Dramatiq worker needs besides its threads; lives on the event loop that the actors run on.

    Args:
        settings: The settings.
        registry: The installed plugins.
        cipher: Decrypts the credentials of remotes.
        bus: Carries events to the watchers.
        storage: Keeps artifacts.
        workspace: Makes working folders.
        is_alone: Whether no other process can be working on this database: what is running was left by a killed one.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry,
        cipher: Cipher,
        bus: EventBus,
        storage: ArtifactStorage,
        workspace: Workspace,
        is_alone: bool,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._cipher = cipher
        self._bus = bus
        self._storage = storage
        self._workspace = workspace
        self._is_alone = is_alone
        self._database = Database(settings.data_dir)
        self._runner: TaskRunner | None = None
        self._jobs: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()
        self._seen: dict[UUID, Sighting] = {}
        self.dispatcher: Dispatcher | None = None

    async def run(self, task_id: UUID) -> None:
        """Run a task that a message named."""
        runner = self._runner
        if runner is not None:
            with self._database.selected():
                await runner.run(task_id)

    def check_started(self) -> None:
        """Make sure that the worker began: Dramatiq only logs what goes wrong in a middleware.

        Raises:
            RuntimeError: It did not.
        """
        if self._runner is None:
            raise RuntimeError("the worker did not start; the log says why")

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Begin when the event loop is there."""
        _on_event_loop(self._start())

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """End while the event loop is still there."""
        _on_event_loop(self._stop())

    def begin_stop(self) -> None:
        """Give back what is running, from any thread; to be followed by the worker's own stop."""
        thread = get_event_loop_thread()
        if self._runner is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self._give_back(self._runner), thread.loop)

    async def _give_back(self, runner: TaskRunner) -> None:
        with self._database.selected():
            await runner.stop(self._settings.server.shutdown_seconds / 2)

    async def _start(self) -> None:
        await self._stack.enter_async_context(self._database.connected())
        assert self.dispatcher is not None, "the worker has a dispatcher before it boots"
        engine = Engine(
            database=self._database,
            registry=self._registry,
            cipher=self._cipher,
            bus=self._bus,
            dispatcher=self.dispatcher,
            settings=self._settings,
        )
        with self._database.selected():
            time_now = await now(self._database.connection)
            if self._is_alone:
                await Worker.filter(stopped_at__isnull=True).update(stopped_at=time_now)
            row = await Worker.create(name=f"{socket.gethostname()}:{os.getpid()}", last_seen_at=time_now)
            runner = TaskRunner(engine, row, self._storage, self._workspace)
            await self._sweep_staging()
            seconds = self._settings.worker
            upkeep = Upkeep(engine)
            self._jobs = [
                asyncio.create_task(runner.listen()),
                asyncio.create_task(_every(seconds.heartbeat_seconds, lambda: self._beat(row, runner))),
                asyncio.create_task(_every(seconds.reconcile_seconds, lambda: self._reconcile(engine, upkeep))),
            ]
            self._row, self._runner = row, runner
            await self._take_back(engine)
            # Nobody has heard of these in this life.
            engine.send(await claims.all_runnable(self._database.connection))

    async def _stop(self) -> None:
        if self._runner is None:
            return
        await self._give_back(self._runner)
        self._runner = None
        with self._database.selected():
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            self._row.stopped_at = await now(self._database.connection)
            await self._row.save(update_fields=["stopped_at"])
        await self._stack.aclose()

    async def _beat(self, row: Worker, runner: TaskRunner) -> None:
        connection = self._database.connection
        statement = "UPDATE worker SET last_seen_at = ? WHERE id = ?"
        await execute(connection, statement, [await now(connection), str(row.id)])
        await runner.compare()

    async def _reconcile(self, engine: Engine, upkeep: Upkeep) -> None:
        """Mend what was lost, let go what has expired, and do what is due."""
        await self._take_back(engine)
        await self._send_again(engine)
        await IdempotencyKey.filter(expires_at__lte=await now(self._database.connection)).delete()
        await upkeep.run()

    async def _take_back(self, engine: Engine) -> None:
        connection = self._database.connection
        seconds = self._settings.worker
        silent_since = lifecycle.lost_before(await now(connection), seconds.lost_after_seconds)
        if await lifecycle.has_lost(connection, silent_since):
            async with engine.unit_of_work() as work:
                await lifecycle.take_back(work, silent_since, seconds.max_attempts)
            await self._sweep_staging()

    async def _sweep_staging(self) -> None:
        """Remove what tasks that have ended had staged: the ones whose worker was lost could not."""
        await execute(
            self._database.connection,
            "DELETE FROM sync_staging WHERE task_id NOT IN"
            " (SELECT id FROM task WHERE state IN ('waiting', 'running', 'canceling'))",
        )

    async def _send_again(self, engine: Engine) -> None:
        """Nudge for tasks that could have been taken long ago: their message may have been lost."""
        clock = time.monotonic()
        runnable = await claims.all_runnable(self._database.connection)
        self._seen = {task.id: self._seen.get(task.id, Sighting(clock)) for task in runnable}
        engine.send([task for task in runnable if self._seen[task.id].is_due(clock)])


class Sighting:
    """A task that could run, and when to nudge for it again: ever more rarely, for it may just wait for a thread."""

    def __init__(self, clock: float) -> None:
        self._wait = RESEND_SECONDS
        self._due = clock + self._wait

    def is_due(self, clock: float) -> bool:
        """Tell whether it is time to nudge, and set the next one."""
        if clock < self._due:
            return False
        self._wait = min(self._wait * 2, MAX_RESEND_SECONDS)
        self._due = clock + self._wait
        return True


async def _every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """Do a job again and again, for as long as the worker lives, whatever happens to it once."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await job()
        except Exception:
            log.exception("a periodic job failed; it will be tried again")


def _on_event_loop(coroutine: Coroutine[None, None, None]) -> None:
    thread = get_event_loop_thread()
    assert thread is not None, "Dramatiq's AsyncIO middleware comes first"
    thread.run_coroutine(coroutine)
