"""The processes that answer requests: all in one, the API, and the content app."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from headbox.app import create_app, create_content_app
from headbox.cli.processes.folder import data_folder
from headbox.cli.processes.parts import Parts
from headbox.cli.processes.refusal import check_distributed
from headbox.cli.processes.server import Server, listening, tune_interpreter
from headbox.cli.processes.working import worker_of
from headbox.content_app import ContentApp
from headbox.models.database import Database, checkpointed
from headbox.schema.app import GraphQLApp
from headbox.settings import Settings
from headbox.tasking.bus import EventBus
from headbox.tasking.engine import Dispatcher, Engine
from headbox.uploads import UploadApp
from headbox.workers.broker import RedisDispatcher, redis_broker, run_elsewhere

#: What a process does until it is told to stop, given its parts, where it listens, and what says that it has lost the
#: database.
_Main = Callable[[Parts, socket.socket, asyncio.Event], Coroutine[Any, Any, Server]]


def serve(settings: Settings) -> int:
    """Run API, content app and a worker in one process until it is told to stop; return its exit code.

    Raises:
        StartRefused: It cannot run like this.
    """
    return _run(settings, settings.server.port, _serve)


def serve_api(settings: Settings) -> int:
    """Run the API until it is told to stop; return the exit code of the process.

    Raises:
        StartRefused: It cannot run like this.
    """
    check_distributed(settings, "api")
    return _run(settings, settings.server.port, _serve_api)


def serve_content(settings: Settings) -> int:
    """Run the content app until it is told to stop; return the exit code of the process.

    Raises:
        StartRefused: It cannot run like this.
    """
    check_distributed(settings, "content")
    return _run(settings, settings.server.content_port, _serve_content)


def _run(settings: Settings, port: int, main: _Main) -> int:
    tune_interpreter()
    with (
        data_folder(settings.data_dir, is_shared=settings.database.url is not None),
        listening(settings.server.host, port) as taken,
        Parts.opened(settings) as parts,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        server = runner.run(_run_with_database(parts, taken, main))
    return 0 if server.started else 1


async def _run_with_database(parts: Parts, taken: socket.socket, main: _Main) -> Server:
    async with parts.database_in_use() as lost:
        return await main(parts, taken, lost)


async def _serve(parts: Parts, taken: socket.socket, lost: asyncio.Event) -> Server:
    await parts.prepare_database(may_migrate=True)
    database = Database.of(parts.settings, "api")
    # Of its own, so that no download waits for a mutation that waits for a sync: SQLite has one connection for each.
    content_database = Database.of(parts.settings, "content")
    async with parts.bus() as bus:
        worker = worker_of(parts, bus, is_alone=database.is_sqlite)
        engine = _engine(parts, database, bus, worker.dispatcher)
        graphql = GraphQLApp(engine=engine, storage=parts.storage, workspace=parts.workspace)
        content = _content(parts, content_database, bus)
        uploads = UploadApp(engine=engine, storage=parts.storage)
        app = create_app(engine=engine, storage=parts.storage, graphql=graphql, uploads=uploads, content=content)
        server = Server(app, parts.settings, on_stop=(graphql.close, uploads.close, worker.process.begin_stop))
        # Before any task runs: connecting sets the models up again, in all threads, and a query beside it gets half of
        # a row.
        async with (
            database.connected(),
            content_database.connected(),
            checkpointed(database),
            worker.running(parts.settings),
        ):
            await server.run_at(taken, lost)
    return server


async def _serve_api(parts: Parts, taken: socket.socket, lost: asyncio.Event) -> Server:
    await parts.prepare_database(may_migrate=False)
    database = Database.of(parts.settings, "api")
    with _sending(parts.settings) as dispatcher:
        async with parts.bus() as bus, database.connected():
            engine = _engine(parts, database, bus, dispatcher)
            graphql = GraphQLApp(engine=engine, storage=parts.storage, workspace=parts.workspace)
            uploads = UploadApp(engine=engine, storage=parts.storage)
            app = create_app(engine=engine, storage=parts.storage, graphql=graphql, uploads=uploads, content=None)
            server = Server(app, parts.settings, on_stop=(graphql.close, uploads.close))
            await server.run_at(taken, lost)
    return server


async def _serve_content(parts: Parts, taken: socket.socket, lost: asyncio.Event) -> Server:
    await parts.prepare_database(may_migrate=False)
    database = Database.of(parts.settings, "content")
    async with parts.bus() as bus, database.connected():
        content = _content(parts, database, bus)
        app = create_content_app(
            database=database, storage=parts.storage, content=content, bus=bus, server=parts.settings.server
        )
        server = Server(app, parts.settings)
        await server.run_at(taken, lost)
    return server


@contextmanager
def _sending(settings: Settings) -> Iterator[Dispatcher]:
    """Give what sends messages to the workers of other processes."""
    broker = redis_broker(settings)
    try:
        yield RedisDispatcher(broker, run_elsewhere)
    finally:
        broker.close()


def _engine(parts: Parts, database: Database, bus: EventBus, dispatcher: Dispatcher) -> Engine:
    return Engine(
        database=database,
        registry=parts.registry,
        cipher=parts.cipher,
        bus=bus,
        dispatcher=dispatcher,
        settings=parts.settings,
    )


def _content(parts: Parts, database: Database, bus: EventBus) -> ContentApp:
    return ContentApp(
        database=database,
        registry=parts.registry,
        cipher=parts.cipher,
        storage=parts.storage,
        workspace=parts.workspace,
        settings=parts.settings,
        bus=bus,
    )
