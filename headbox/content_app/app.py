"""The content app: an ASGI application, mounted beside the API or run as a process of its own."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import quote

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.types import Receive, Scope, Send

from headbox.content_app.arrival import BrokenOff
from headbox.content_app.arrivals import Arrivals
from headbox.content_app.bodies import Bodies, StoredMeanwhile
from headbox.content_app.exchange import CACHE_CONTROL, Exchange
from headbox.content_app.files import Files, Missing
from headbox.content_app.hand_off import hand_off_of
from headbox.content_app.listing import PAGE_ENTRIES, after_of, send_listing
from headbox.content_app.metrics import ContentMetrics
from headbox.content_app.pointers import Pointers
from headbox.content_app.problem import NotServed, Problem, database_failed, storage_failed
from headbox.content_app.stored import StoredBytes
from headbox.errors import StorageUnavailable
from headbox.kinds import Registry
from headbox.models.cipher import Cipher
from headbox.models.database import TRANSIENT, Database
from headbox.services import serving
from headbox.services.remote_pool import RemotePool
from headbox.services.serving import Pointer, Served
from headbox.settings import Settings
from headbox.storage import ArtifactStorage, Workspace
from headbox.tasking.bus import ARTIFACT, DISTRIBUTION, EventBus

log = logging.getLogger(__name__)

_METHODS = "GET, HEAD, OPTIONS"


class ContentApp:
    """Serves what distributions follow.

    To be started and stopped on the event loop that it serves on; `database` is connected on that loop.
    """

    def __init__(
        self,
        *,
        database: Database,
        registry: Registry,
        cipher: Cipher,
        storage: ArtifactStorage,
        workspace: Workspace,
        settings: Settings,
        bus: EventBus,
        metrics: CollectorRegistry = REGISTRY,
    ) -> None:
        self._database = database
        self._bus = bus
        self._metrics = ContentMetrics(metrics)
        self._pointers = Pointers(database)
        self._files = Files(database, self._metrics)
        self._remotes = RemotePool(registry, cipher, settings.download)
        self._arrivals = Arrivals(
            database=database,
            storage=storage,
            workspace=workspace,
            remotes=self._remotes,
            settings=settings.download,
            metrics=self._metrics,
        )
        stored = StoredBytes(
            database=database,
            storage=storage,
            files=self._files,
            bus=bus,
            metrics=self._metrics,
            check_reads=settings.storage.check_reads,
        )
        self._bodies = Bodies(stored, self._arrivals, hand_off_of(settings.storage, storage))
        self._listening: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen to changes of what is remembered."""
        for listen in (self._listen_to_distributions, self._listen_to_artifacts):
            listening = asyncio.Event()
            self._listening.append(asyncio.create_task(listen(listening)))
            await listening.wait()

    async def stop(self) -> None:
        """End the fetches that are under way, and let go of all connections to remotes."""
        for listening in self._listening:
            listening.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        self._listening.clear()
        await self._arrivals.close()
        await self._remotes.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        self._database.select()
        exchange = Exchange(scope, receive, send, self._metrics)
        try:
            await self._answer(exchange)
        except Problem as problem:
            await exchange.refuse(problem)
        except StorageUnavailable:
            await exchange.refuse(storage_failed())
        except TRANSIENT as error:
            log.warning("the database did not answer", extra={"path": scope["path"], "reason": str(error)})
            await exchange.refuse(database_failed())
        except BrokenOff as error:
            # The answer is left without its end, so that the server breaks the connection off.
            log.warning("answer was broken off", extra={"path": scope["path"], "error": str(error)})

    async def _listen_to_distributions(self, listening: asyncio.Event) -> None:
        with self._bus.subscribe(DISTRIBUTION) as events:
            listening.set()
            async for _ in events:
                self._pointers.forget()

    async def _listen_to_artifacts(self, listening: asyncio.Event) -> None:
        with self._bus.subscribe(ARTIFACT) as events:
            listening.set()
            async for event in events:
                self._files.forget(event[0] if event else None)

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.method == "OPTIONS":
            await exchange.answer(204, [(b"allow", _METHODS.encode())])
            return
        if exchange.method not in ("GET", "HEAD"):
            raise Problem(405, "METHOD", f"Content is only read: {_METHODS}.", allow=_METHODS)
        path = exchange.path()
        pointer = await self._pointers.find(path.removesuffix("/"))
        if pointer is None:
            await self._answer_above(exchange, path)
        else:
            await self._answer_below(exchange, path, pointer)

    async def _answer_above(self, exchange: Exchange, path: str) -> None:
        """Answer for a path that no distribution has: it may be a folder of base paths."""
        folder = path if path.endswith("/") or not path else f"{path}/"
        after = after_of(exchange)
        listing = await serving.list_base_paths(self._database.connection, folder, after=after, limit=PAGE_ENTRIES)
        if path and not listing.entries and after is None:
            raise NotServed(f"No distribution serves {path!r}. The topmost folder lists what is served.")
        if path != folder:
            await _redirect_to_folder(exchange, path)
        else:
            await send_listing(exchange, exchange.address(path), listing)

    async def _answer_below(self, exchange: Exchange, path: str, pointer: Pointer) -> None:
        served = pointer.served
        if served is None:
            raise NotServed("Nothing is published here yet. Publish the repository, or wait for its first sync to end.")
        if path == pointer.base_path:
            await _redirect_to_folder(exchange, path)
            return
        relative_path = path[len(pointer.base_path) + 1 :]
        if not relative_path or relative_path.endswith("/"):
            await self._answer_folder(exchange, path, served, relative_path)
        else:
            await self._answer_file(exchange, path, served, relative_path)

    async def _answer_folder(self, exchange: Exchange, path: str, served: Served, folder: str) -> None:
        after = after_of(exchange)
        listing = await serving.list_folder(self._database.connection, served, folder, after=after, limit=PAGE_ENTRIES)
        if folder and not listing.entries and after is None:
            raise _no_file(folder)
        await send_listing(exchange, exchange.address(path), listing)

    async def _answer_file(self, exchange: Exchange, path: str, served: Served, relative_path: str) -> None:
        while True:
            match await self._files.find(served, relative_path):
                case Missing.ABSENT:
                    raise _no_file(relative_path)
                case Missing.FOLDER:
                    await _redirect_to_folder(exchange, path)
                    return
                case file:
                    try:
                        await self._bodies.send(exchange, file)
                    except StoredMeanwhile:
                        continue
                    return


def _no_file(relative_path: str) -> NotServed:
    return NotServed(f"There is no {relative_path!r} in what is published here. Its folder lists what there is.")


async def _redirect_to_folder(exchange: Exchange, path: str) -> None:
    # Relative, so that it is right behind every proxy; the dot keeps a name such as "data:x" from being an address.
    location = "./" + quote(path.rpartition("/")[2]) + "/"
    if exchange.query:
        location += f"?{exchange.query}"
    # For now: tomorrow a file may be here.
    await exchange.answer(307, [(b"location", location.encode("latin-1")), (b"content-length", b"0"), CACHE_CONTROL])
