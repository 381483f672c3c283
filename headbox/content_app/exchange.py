"""One request and its answer, on the wire of ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote_to_bytes

import orjson
from starlette.types import Receive, Scope, Send

from headbox.content_app.metrics import ContentMetrics
from headbox.content_app.problem import BadRequest, Problem
from headbox.types import check_relative_path

Headers = Sequence[tuple[bytes, bytes]]

#: What lies below a pointer that moves is asked for again each time, and answered with 304 while it is the same.
CACHE_CONTROL = (b"cache-control", b"no-cache")
#: A browser must not guess that some bytes are a page.
NOSNIFF = (b"x-content-type-options", b"nosniff")


class Exchange:
    """A request, and what is sent for it.

    Attributes:
        method: Its method.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, metrics: ContentMetrics) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._metrics = metrics
        self.method: str = scope["method"]
        # None of the headers that are looked at is sent twice by those who mean well: the last one counts.
        self._headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> str | None:
        """Return a header of the request, its name in lower case; None when it was not sent."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def is_head(self) -> bool:
        """Whether only the headers are asked for."""
        return self.method == "HEAD"

    @property
    def query(self) -> str:
        """The query of the address, still encoded."""
        return self._scope["query_string"].decode("latin-1")  # type: ignore[no-any-return]

    def path(self) -> str:
        """Return the path below the mount point, decoded; it ends in a slash when a folder is asked for.

        Raises:
            BadRequest: No file can have this path.
        """
        raw: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        try:
            path = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            raise BadRequest("The path is not percent-encoded UTF-8.") from None
        path = path.removeprefix(self._scope.get("root_path", "")).removeprefix("/")
        bare = path.removesuffix("/")
        if path:
            try:
                check_relative_path(bare)
            except ValueError as error:
                raise BadRequest(f"No file can have this path: {error}.") from None
        return path

    def address(self, path: str) -> str:
        """Return a path below the mount point as a path below the host, decoded."""
        return f"{self._scope.get('root_path', '')}/{path}"

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        self._metrics.answered(status)
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, chunk: bytes) -> None:
        """Send a part of the body."""
        self._metrics.sent_bytes.inc(len(chunk))
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def finish(self) -> None:
        """End the body. An answer that is never finished reaches the client as one that was broken off."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def answer(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """Send a whole answer; a HEAD request gets its headers."""
        await self.start(status, headers)
        if not self.is_head:
            self._metrics.sent_bytes.inc(len(body))
        await self._send({"type": "http.response.body", "body": b"" if self.is_head else body, "more_body": False})

    async def hand_off(self, status: int, headers: Headers) -> None:
        """Send an answer on which another server sends the body."""
        self._metrics.handed_off.inc()
        await self.answer(status, headers)

    async def refuse(self, problem: Problem) -> None:
        """Send the answer for what cannot be given: JSON where it is asked for, or else text."""
        if "application/json" in (self.header(b"accept") or ""):
            body = orjson.dumps({"code": problem.code, "message": str(problem)})
            content_type = b"application/json"
        else:
            body = f"{problem}\n".encode()
            content_type = b"text/plain; charset=utf-8"
        headers = [
            (b"content-type", content_type),
            (b"content-length", str(len(body)).encode()),
            CACHE_CONTROL,
            NOSNIFF,
            *((name.encode(), value.encode("latin-1")) for name, value in problem.headers.items()),
        ]
        await self.answer(problem.status, headers, body)

    @asynccontextmanager
    async def while_connected(self) -> AsyncIterator[None]:
        """Run a block until the client is gone; then it is ended, quietly."""
        scope = asyncio.timeout(None)
        try:
            async with scope:
                watcher = asyncio.create_task(self._end_when_gone(scope))
                try:
                    yield
                finally:
                    watcher.cancel()
        except TimeoutError:
            if not scope.expired():
                raise

    async def _end_when_gone(self, scope: asyncio.Timeout) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        scope.reschedule(asyncio.get_running_loop().time())
