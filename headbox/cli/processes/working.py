"""The processes that run tasks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import dramatiq
import uvloop

from headbox.app import create_health_app
from headbox.cli.processes.folder import data_folder
from headbox.cli.processes.parts import Parts
from headbox.cli.processes.refusal import check_distributed
from headbox.cli.processes.server import Server, check_address, listening, tune_interpreter
from headbox.cli.processes.supervisor import Supervisor
from headbox.settings import Settings
from headbox.tasking.bus import EventBus
from headbox.tasking.engine import Dispatcher
from headbox.workers.broker import ActorDispatcher, RedisDispatcher, memory_broker, redis_broker
from headbox.workers.process import WorkerProcess

#: How long an idle worker thread waits before it looks whether it is to stop, in milliseconds.
WORKER_POLL_MS = 250


@dataclass(frozen=True)
class EmbeddedWorker:
    """A Dramatiq worker within a process.

    Attributes:
        process: What it needs besides its threads.
        dispatcher: Sends messages to it, or to all workers.
        broker: Carries them.
    """

    process: WorkerProcess
    dispatcher: Dispatcher
    broker: dramatiq.Broker

    @asynccontextmanager
    async def running(self, settings: Settings) -> AsyncIterator[None]:
        """Let it run tasks for as long as the block lasts."""
        worker = dramatiq.Worker(self.broker, worker_threads=settings.worker.threads, worker_timeout=WORKER_POLL_MS)
        self.broker.emit_after("process_boot")
        await asyncio.to_thread(worker.start)
        try:
            self.process.check_started()
            yield
        finally:
            await asyncio.to_thread(worker.stop, int(settings.server.shutdown_seconds * 1000))
            await asyncio.to_thread(self.broker.close)


def worker_of(parts: Parts, bus: EventBus, *, is_alone: bool) -> EmbeddedWorker:
    """Return the worker of a process; see `WorkerProcess` for the arguments."""
    settings = parts.settings
    process = WorkerProcess(
        settings=settings,
        registry=parts.registry,
        cipher=parts.cipher,
        bus=bus,
        storage=parts.storage,
        workspace=parts.workspace,
        is_alone=is_alone,
    )
    dispatcher: ActorDispatcher
    if settings.redis.url is None:
        broker = memory_broker(process)
        dispatcher = ActorDispatcher(broker, process.run)
    else:
        broker = shared = redis_broker(settings, process)
        dispatcher = RedisDispatcher(shared, process.run)
    process.dispatcher = dispatcher
    return EmbeddedWorker(process, dispatcher, broker)


def work(settings: Settings) -> int:
    """Run tasks in as many processes as the settings say until told to stop; return the exit code.

    Raises:
        StartRefused: It cannot run like this.
    """
    check_distributed(settings, "worker")
    check_address(settings.worker.health_host)
    tune_interpreter()
    if settings.worker.processes == 1:
        return _work(settings)

    def work_as(index: int, parent: int) -> int:
        port = settings.worker.health_port
        worker = settings.worker.model_copy(update={"health_port": port + index if port else 0})
        return _work(settings.model_copy(update={"worker": worker}), parent)

    return Supervisor(work_as, settings.worker.processes, settings.server.shutdown_seconds).run()


def _work(settings: Settings, parent: int | None = None) -> int:
    """Run tasks in this process.

    Args:
        settings: The settings.
        parent: A pipe that ends with the supervisor of this process, and this process with it; None without one.
    """
    worker = settings.worker
    with (
        data_folder(settings.data_dir, is_shared=True),
        listening(worker.health_host, worker.health_port, "--health-port") as taken,
        Parts.opened(settings) as parts,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        server = runner.run(_run(parts, taken, parent))
    return 0 if server.started else 1


async def _run(parts: Parts, taken: socket.socket, parent: int | None) -> Server:
    settings = parts.settings
    async with parts.database_in_use() as lost, parts.bus() as bus:
        await parts.prepare_database(may_migrate=False)
        worker = worker_of(parts, bus, is_alone=False)
        app = create_health_app(worker.process.look, worker.process.turn, settings.server)
        # A terminal interrupts the supervisor and its processes alike: it is for the supervisor to pass it on, once.
        signals = (signal.SIGTERM, signal.SIGINT) if parent is None else (signal.SIGTERM,)
        server = Server(app, settings, on_stop=(worker.process.begin_stop,), signals=signals, has_access_log=False)
        if parent is not None:
            _follow(parent, server)
        async with worker.running(settings):
            await server.run_at(taken, lost)
    return server


def _follow(parent: int, server: Server) -> None:
    """End with the supervisor, however it ends."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(parent)
        os.close(parent)
        server.stop()

    loop.add_reader(parent, stop)
