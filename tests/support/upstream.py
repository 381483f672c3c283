"""A web server to sync from, that behaves as well or as badly as a test wants.

    with Upstream({"PULP_MANIFEST": pulp_manifest(files), **files}) as upstream:
        upstream.fault("a.txt", Status(503, {"Retry-After": "0"}), times=2)
        ...                                     # sync from upstream.url
        assert upstream.hits("a.txt") == 3
        upstream.files["b.txt"] = b"changed"    # the next request sees it

It runs on an event loop in a thread of its own, so that tests may block, and tests of blocking clients work too. Paths
are relative everywhere here: `a/b.txt`, decoded, without a leading slash.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

from aiohttp import web
from multidict import CIMultiDictProxy

from tests.support.accepting import stop_accepting

#: When every file was made, as far as Last-Modified tells; each change of a file is a second later than the one before.
EPOCH = 1_700_000_000


def pulp_manifest(files: Mapping[str, bytes]) -> bytes:
    """Return a PULP_MANIFEST: a line `path,sha256,size` for each file, as CSV."""
    text = io.StringIO()
    rows = ((path, hashlib.sha256(body).hexdigest(), len(body)) for path, body in files.items())
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


class Fault(ABC):
    """A way to misbehave, instead of serving a file."""

    @abstractmethod
    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        """Answer a request for a file that holds `body` (empty when there is no such file)."""


@dataclass(frozen=True)
class Status(Fault):
    """Answers with a status, headers and a body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@dataclass(frozen=True)
class Redirect(Fault):
    """Leads elsewhere; `to` is sent as it stands, and may be relative or nonsense."""

    to: str
    status: int = 302

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        return web.Response(status=self.status, headers={"Location": self.to})


@dataclass(frozen=True)
class Reset(Fault):
    """Resets the connection: at once, or after the headers and so many bytes of the body."""

    after: int | None = None

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        if self.after is not None:
            await response.prepare(request)
            await response.write(body[: self.after])
            # The bytes must have left before the reset throws away what has not.
            await asyncio.sleep(0.05)
        assert request.transport is not None
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return response


@dataclass(frozen=True)
class Truncated(Fault):
    """Promises the whole body, sends so many bytes of it, and closes the connection."""

    after: int

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: self.after])
        assert request.transport is not None
        request.transport.close()
        return response


@dataclass(frozen=True)
class Endless(Fault):
    """Sends bytes, without saying how many, until the client goes away."""

    chunk: bytes = bytes(64 * 1024)

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(self.chunk)


@dataclass(frozen=True)
class Slow(Fault):
    """Serves the file after a delay in seconds, with the same delay before each of its chunks."""

    delay: float
    chunk_bytes: int = 64 * 1024

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        await asyncio.sleep(self.delay)
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        for start in range(0, len(body), self.chunk_bytes):
            await asyncio.sleep(self.delay)
            await response.write(body[start : start + self.chunk_bytes])
        return response


class Held(Fault):
    """Keeps every client waiting until it is released, and serves the file from then on."""

    def __init__(self) -> None:
        self._released: Future[None] = Future()

    def release(self) -> None:
        """Let all go on; from any thread."""
        self._released.set_result(None)

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        # Shielded: one client that goes away must not end the wait of the others.
        await asyncio.shield(asyncio.wrap_future(self._released))
        return web.Response(body=body)


@dataclass(frozen=True)
class Unannounced(Fault):
    """Serves the file without a Content-Length."""

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(body)
        return response


@dataclass(frozen=True)
class Raw(Fault):
    """Sends bytes that need not be HTTP, and closes the connection."""

    answer: bytes

    async def respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.WriteTransport)
        request.transport.write(self.answer)
        request.transport.close()
        return web.StreamResponse()


class _Server(web.Server):
    """An HTTP server that knows its connections until they are lost; aiohttp's forgets those that it only closes."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler)
        self.transports: WeakSet[asyncio.Transport] = WeakSet()

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.transports.add(transport)


class Upstream:
    """Serves files on a free port of 127.0.0.1, with ETag, Last-Modified, conditional requests and ranges.

    Attributes:
        url: Where it listens, without a trailing slash; known once entered.
        files: What it serves, by path; may be changed at any time. A folder given instead is read at each request.
        requests: Method and path of every request so far.
        peak: Most requests that it has had in hand at once.
        peers: The clients' addresses, one for each connection that has carried a request.
        has_validators: Whether responses carry ETag and Last-Modified.
    """

    def __init__(
        self,
        files: Mapping[str, bytes] | Path | None = None,
        *,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Set up a server.

        Args:
            files: What to serve: bytes by path, which are copied, or a folder.
            credentials: User name and password that every request must have, by HTTP basic authentication.
            tls: For https.
        """
        self.url = ""
        self.files: MutableMapping[str, bytes] = {} if files is None or isinstance(files, Path) else dict(files)
        self.requests: list[tuple[str, str]] = []
        self.peak = 0
        self.peers: set[tuple[str, int]] = set()
        self.has_validators = True
        self._folder = files if isinstance(files, Path) else None
        self._credentials = credentials
        self._tls = tls
        self._headers: list[CIMultiDictProxy[str]] = []
        self._faults: dict[str, deque[tuple[Fault, int | None]]] = {}
        self._etags: dict[tuple[str, str], int] = {}
        self._in_hand = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def url_of(self, path: str) -> str:
        """Return the URL of a path that needs no escapes."""
        return f"{self.url}/{path}"

    def fault(self, path: str, fault: Fault, *, times: int | None = None) -> None:
        """Misbehave at the next requests for a path, after the faults that were asked for before.

        Args:
            path: Where; there need not be a file.
            fault: How.
            times: How many times; None for ever.
        """
        self._faults.setdefault(path, deque()).append((fault, times))

    def heal(self, path: str) -> None:
        """Serve a path as it should be from now on."""
        self._faults.pop(path, None)

    def hits(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(requested == path for _, requested in self.requests)

    def headers_of(self, path: str) -> list[CIMultiDictProxy[str]]:
        """Return the headers of each request for a path, in order."""
        pairs = zip(self.requests, self._headers, strict=True)
        return [headers for (_, requested), headers in pairs if requested == path]

    async def _listen(self) -> None:
        self._server = _Server(self._handle)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.1)
        await self._runner.setup()
        self._listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, self._listening, ssl_context=self._tls).start()
        port = self._listening.getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"

    async def _close(self) -> None:
        await stop_accepting(self._listening)
        await self._runner.cleanup()
        # Faults that still take their time.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Connections with bytes that nobody reads, and those that came while the server was closing.
        for transport in list(self._server.transports):
            transport.abort()
        await asyncio.sleep(0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/")
        self.requests.append((request.method, path))
        self._headers.append(request.headers)
        if request.transport is not None:
            self.peers.add(request.transport.get_extra_info("peername"))
        with self._counted():
            if not self._is_authorized(request):
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="upstream"'})
            body = self._read(path)
            fault = self._next_fault(path)
            if fault is not None:
                return await fault.respond(request, body or b"")
            return web.Response(status=404) if body is None else self._serve(request, path, body)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._in_hand += 1
        self.peak = max(self.peak, self._in_hand)
        try:
            yield
        finally:
            self._in_hand -= 1

    def _is_authorized(self, request: web.BaseRequest) -> bool:
        if self._credentials is None:
            return True
        expected = b64encode(":".join(self._credentials).encode()).decode()
        return request.headers.get("Authorization") == f"Basic {expected}"

    def _read(self, path: str) -> bytes | None:
        if self._folder is None:
            return self.files.get(path)
        file = self._folder / path
        return file.read_bytes() if file.is_file() else None

    def _next_fault(self, path: str) -> Fault | None:
        faults = self._faults.get(path)
        if not faults:
            return None
        fault, times = faults.popleft()
        if times is None or times > 1:
            faults.appendleft((fault, times and times - 1))
        return fault

    def _serve(self, request: web.BaseRequest, path: str, body: bytes) -> web.Response:
        headers = {"Accept-Ranges": "bytes", **self._validators(path, body)}
        if self._is_unchanged(request, headers):
            return web.Response(status=304, headers=headers)
        part = request.http_range
        if part.start is None and part.stop is None:
            return web.Response(body=body, headers=headers)
        start, stop, _ = part.indices(len(body))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        return web.Response(status=206, body=body[part], headers=headers)

    def _validators(self, path: str, body: bytes) -> dict[str, str]:
        if not self.has_validators:
            return {}
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        changes = self._etags.setdefault((path, etag), len(self._etags))
        return {"ETag": etag, "Last-Modified": formatdate(EPOCH + changes, usegmt=True)}

    def _is_unchanged(self, request: web.BaseRequest, validators: Mapping[str, str]) -> bool:
        if not self.has_validators:
            return False
        if "If-None-Match" in request.headers:
            return request.headers["If-None-Match"] == validators["ETag"]
        return request.headers.get("If-Modified-Since") == validators["Last-Modified"]
