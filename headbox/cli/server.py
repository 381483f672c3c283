"""The embedded server: API, content and a worker in one process, on SQLite and a data folder."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TextIO

import dramatiq
import uvicorn
import uvloop
from prometheus_client import REGISTRY

from headbox.app import create_app
from headbox.content_app import ContentApp
from headbox.kinds import Registry
from headbox.models.cipher import Cipher, KeyUnusable
from headbox.models.database import Database, DatabaseUnusable, migrate
from headbox.schema.app import GraphQLApp
from headbox.settings import ServerSettings, Settings
from headbox.storage.filesystem import FilesystemStorage
from headbox.storage.interface import ArtifactStorage
from headbox.storage.workspace import Workspace
from headbox.tasking.bus import MemoryBus
from headbox.tasking.engine import Engine
from headbox.workers.broker import ActorDispatcher, memory_broker
from headbox.workers.process import WorkerProcess

#: How long an idle worker thread waits before it looks whether it is to stop, in milliseconds.
WORKER_POLL_MS = 50
#: How long one thread keeps the interpreter while another one waits for it, in seconds; Python's default is five
#: times as long.
SWITCH_SECONDS = 0.001

log = logging.getLogger(__name__)


class StartRefused(Exception):
    """The server does not start.

    Attributes:
        hint: What to do next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def serve(settings: Settings) -> int:
    """Run the server until it is told to stop, and return the exit code of the process.

    Raises:
        StartRefused: It cannot run like this.
    """
    _check_address(settings.server.host)
    _tune_interpreter()
    with (
        _data_folder(settings.data_dir),
        _listening(settings.server) as listening,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_serve(settings, listening))


def _tune_interpreter() -> None:
    """Suit Python to a process that answers requests in one thread while it parses in another."""
    # A thread that parses keeps the others waiting for as long as this, every time that one of them wants to go on.
    sys.setswitchinterval(SWITCH_SECONDS)
    # The collector looks at what the process makes, and not again and again at what it consists of.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _check_address(host: str) -> None:
    """Refuse to be reached from elsewhere for as long as nobody has to log in."""
    try:
        is_loopback = host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise StartRefused(
            f"headbox does not listen on {host} while there are no accounts",
            "Listen on 127.0.0.1, and put a proxy that asks for credentials in front.",
        )


@contextmanager
def _listening(server: ServerSettings) -> Iterator[socket.socket]:
    """Take the port before anything is begun that would have to be ended again."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((server.host, server.port))
            listening.listen()
        except OSError as error:
            raise StartRefused(
                f"{server.host}:{server.port} cannot be listened on: {error.strerror}",
                "Stop what listens there, or name another port with --port.",
            ) from error
        yield listening


@contextmanager
def _data_folder(path: Path) -> Iterator[None]:
    """Make the data folder, and keep it for this process alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (path / "headbox.lock").open("w")
    except OSError as error:
        raise StartRefused(
            f"the data folder {path} cannot be used: {error.strerror}", "Name another one with --data-dir."
        ) from error
    with lock:
        _lock(lock, path)
        yield


def _lock(lock: TextIO, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartRefused(
            f"another headbox runs on the data folder {path}", "Stop it, or name another folder with --data-dir."
        ) from error


async def _serve(settings: Settings, listening: socket.socket) -> int:
    registry = Registry.installed()
    cipher = _cipher(settings.data_dir)
    bus = MemoryBus()
    storage = FilesystemStorage(settings.data_dir / "artifacts")
    workspace = Workspace(settings.data_dir / "work")
    # Nobody else works in this folder: whatever lies there was left by a process that was killed.
    await workspace.sweep()
    database = Database(settings.data_dir)
    try:
        await migrate(database, registry.searched_fields())
    except DatabaseUnusable as error:
        raise StartRefused(str(error), "Restore it from a backup, or name another folder with --data-dir.") from error
    process = WorkerProcess(
        settings=settings,
        registry=registry,
        cipher=cipher,
        bus=bus,
        storage=storage,
        workspace=workspace,
        is_alone=True,
    )
    broker = memory_broker(process)
    process.dispatcher = dispatcher = ActorDispatcher(broker, process.run)
    engine = Engine(
        database=database, registry=registry, cipher=cipher, bus=bus, dispatcher=dispatcher, settings=settings
    )
    # Of its own, so that no download waits for a mutation that waits for a sync: SQLite has one connection for each.
    content_database = Database(settings.data_dir)
    server = _server(engine, storage, workspace, process, content_database)
    # Before any task runs: connecting sets the models up again, in all threads, and a query beside it gets half of a
    # row.
    async with database.connected(), content_database.connected(), _worker(broker, process, settings):
        await server.serve([listening])
    return 0 if server.started else 1


def _cipher(data_dir: Path) -> Cipher:
    try:
        return Cipher.of_data_dir(data_dir)
    except KeyUnusable as error:
        hint = "Restore it from a backup. Without it, delete the file and set the credentials of all remotes again."
        raise StartRefused(str(error), hint) from error


@asynccontextmanager
async def _worker(broker: dramatiq.Broker, process: WorkerProcess, settings: Settings) -> AsyncIterator[None]:
    worker = dramatiq.Worker(broker, worker_threads=settings.worker.threads, worker_timeout=WORKER_POLL_MS)
    broker.emit_after("process_boot")
    await asyncio.to_thread(worker.start)
    try:
        process.check_started()
        yield
    finally:
        await asyncio.to_thread(worker.stop, int(settings.server.shutdown_seconds * 1000))


class _Server(uvicorn.Server):
    """Uvicorn with signals that let the worker end too, and with long answers ended when it is asked to stop."""

    def __init__(self, config: uvicorn.Config, on_stop: Sequence[Callable[[], None]]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals on the event loop: uvicorn's own way raises them again at its end, which kills the rest."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield

    def stop(self) -> None:
        """Begin to end: no new requests, no endless answers, no running tasks; at the second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        for begin_to_stop in self._on_stop:
            begin_to_stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where the server listens as soon as it does."""
        await super().startup(sockets)
        for listening in self.servers:
            for bound in listening.sockets:
                host, port = bound.getsockname()[:2]
                log.info("listening", extra={"url": f"http://{host}:{port}/"})


def _server(
    engine: Engine,
    storage: ArtifactStorage,
    workspace: Workspace,
    process: WorkerProcess,
    content_database: Database,
) -> _Server:
    settings = engine.settings
    graphql = GraphQLApp(engine=engine, storage=storage)
    content = ContentApp(
        database=content_database,
        registry=engine.registry,
        cipher=engine.cipher,
        storage=storage,
        workspace=workspace,
        settings=settings,
        bus=engine.bus,
    )
    app = create_app(
        engine=engine,
        storage=storage,
        graphql=graphql,
        content=content,
        metrics=REGISTRY,
    )
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=settings.graphql.max_body_bytes,
        # Compression of small messages costs 100 KB for each connection and a third more time.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(settings.server.shutdown_seconds / 2)),
    )
    return _Server(config, on_stop=(graphql.close, process.begin_stop))
