"""A worker process: its row, its heartbeat, and its part in reconciling."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import TypeVar
from uuid import UUID

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware
from tortoise.exceptions import BaseORMException

from headbox.kinds import Registry
from headbox.models import Worker
from headbox.models.cipher import Cipher
from headbox.models.database import Database, now, waiting_for_database
from headbox.services import health
from headbox.services.health import Health
from headbox.settings import Settings
from headbox.storage.interface import ArtifactStorage
from headbox.storage.workspace import Workspace
from headbox.tasking import claims, lifecycle
from headbox.tasking.bus import EventBus
from headbox.tasking.engine import Dispatcher, Engine
from headbox.types import uuid7
from headbox.workers.heartbeat import Heartbeat
from headbox.workers.reconciler import Reconciler
from headbox.workers.redis_broker import NudgeBroker
from headbox.workers.runner import TaskRunner

#: How long the event loop of the tasks may take to answer another one, in seconds.
TURN_SECONDS = 10.0
#: How long periodic jobs may take to end, in seconds.
JOB_SECONDS = 1.0
#: Connections beyond one for each thread: where every task waits for a long statement, the worker still says that it
#: lives, and shows how far they are.
SPARE_CONNECTIONS = 4

Result = TypeVar("Result")

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
        self._id = uuid7()
        connections = max(settings.database.pool_size, settings.worker.threads + SPARE_CONNECTIONS)
        self._database = Database(
            settings.data_dir,
            settings.database.model_copy(update={"pool_size": connections}),
            part="worker",
            client=lifecycle.session_name(self._id),
        )
        self._runner: TaskRunner | None = None
        self._jobs: list[asyncio.Task[None]] = []
        self._ending: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()
        self._broker: dramatiq.Broker | None = None
        self.dispatcher: Dispatcher | None = None

    async def run(self, task_id: UUID) -> None:
        """Run a task that a message named."""
        runner = self._runner
        if runner is not None:
            # Canceled only when the process ends and cannot write so: Dramatiq has nothing to do about it.
            with self._database.selected(), suppress(asyncio.CancelledError):
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
        self._broker = broker
        _on_event_loop(self._start())

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """End while the event loop is still there."""
        _on_event_loop(self._stop())

    def begin_stop(self) -> None:
        """Take nothing more and give back what is running, from any thread; to be followed by the worker's own stop."""
        if isinstance(self._broker, NudgeBroker):
            self._broker.stop_taking()
        thread = get_event_loop_thread()
        if self._runner is not None and thread is not None:
            thread.loop.call_soon_threadsafe(self._giving_back, self._runner)

    async def look(self) -> Health:
        """Try what the worker needs; from any event loop.

        Raises:
            TimeoutError: The event loop of the tasks does not turn.
        """
        if self._runner is None:
            return Health(("the worker does not run",))
        return await _asked_there(self._look())

    async def turn(self) -> None:
        """Make sure that the event loop of the tasks turns; from any event loop.

        Raises:
            TimeoutError: It does not.
        """
        await _asked_there(asyncio.sleep(0))

    async def _look(self) -> Health:
        with self._database.selected():
            connection = self._database.connection
            return await health.look(connection, self._storage, bus=self._bus, dispatcher=self.dispatcher)

    def _giving_back(self, runner: TaskRunner) -> asyncio.Task[None]:
        """Begin to give back what is running, unless that has begun."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._give_back(runner))
        return self._ending

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
            row = await waiting_for_database(self._enrolled)
            runner = TaskRunner(engine, row, self._storage, self._workspace)
            heartbeat = Heartbeat(engine, row, runner, is_alone=self._is_alone)
            reconciler = Reconciler(engine, row)
            await waiting_for_database(reconciler.sweep_staging)
            seconds = self._settings.worker
            self._jobs = [
                asyncio.create_task(runner.listen()),
                asyncio.create_task(_every(seconds.heartbeat_seconds, heartbeat.beat)),
                asyncio.create_task(_every(seconds.reconcile_seconds, reconciler.run)),
            ]
            self._row, self._runner, self._reconciler = row, runner, reconciler
            if self._is_alone:
                await reconciler.take_back()
            if self._settings.redis.url is None:
                # Messages do not outlive the process: nobody has heard of these in this life.
                engine.send(await claims.all_runnable(self._database.connection))

    async def _enrolled(self) -> Worker:
        """Return the row of this worker, made if it is not there."""
        time_now = await now(self._database.connection)
        if self._is_alone:
            await Worker.filter(stopped_at__isnull=True).update(stopped_at=time_now)
        made = {"name": f"{socket.gethostname()}:{os.getpid()}", "last_seen_at": time_now}
        row, _ = await Worker.get_or_create(made, id=self._id)
        return row

    async def _stop(self) -> None:
        if self._runner is None:
            return
        await self._giving_back(self._runner)
        self._runner = None
        with self._database.selected():
            for job in self._jobs:
                job.cancel()
            await asyncio.wait(self._jobs, timeout=JOB_SECONDS)
            try:
                async with asyncio.timeout(JOB_SECONDS):
                    await self._say_stopped()
            except (BaseORMException, OSError):  # A timeout is one of the latter.
                log.warning("the end of the worker cannot be written; it will be missed", exc_info=True)
        await self._stack.aclose()

    async def _say_stopped(self) -> None:
        await self._reconciler.stop()
        self._row.stopped_at = await now(self._database.connection)
        await self._row.save(update_fields=["stopped_at"])


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


async def _asked_there(coroutine: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine on the event loop of the tasks, and wait for it on this one."""
    thread = get_event_loop_thread()
    assert thread is not None, "the worker has started"
    async with asyncio.timeout(TURN_SECONDS):
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, thread.loop))
