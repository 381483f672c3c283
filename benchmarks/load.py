"""Requests one after the other over several connections: as many a second as the server answers.

It costs the processor little, so that what is measured is the server, on a machine that both share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

CONNECTIONS = 8


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, and sends it again."""

    def __init__(self, request: bytes, status: int, body_size: int, on_answer: Callable[[], bool]) -> None:
        self._request = request
        self._status = f"HTTP/1.1 {status} ".encode()
        self._body_size = body_size
        self._on_answer = on_answer
        self._buffer = b""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        headers_end = self._buffer.find(b"\r\n\r\n")
        if headers_end < 0 or len(self._buffer) < headers_end + 4 + self._body_size:
            return
        if not self._buffer.startswith(self._status):
            self.closed.set_exception(AssertionError(self._buffer[:200]))
            self._transport.close()
            return
        self._buffer = b""
        if self._on_answer():
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def requests_per_second(url: str, *, status: int, body_size: int, seconds: float) -> float:
    """Return how many requests a second are answered.

    Args:
        url: What is asked for.
        status: What each answer must have.
        body_size: Size of each answer's body, in bytes.
        seconds: How long to measure.
    """
    address = urlsplit(url)
    host, port = address.hostname, address.port
    assert host is not None, "the address of a server"
    assert port is not None, "the address of a server on a port of its own"
    request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
    answers = 0
    ends_at = time.perf_counter() + seconds

    def on_answer() -> bool:
        nonlocal answers
        answers += 1
        return time.perf_counter() < ends_at

    started = time.perf_counter()
    connections = []
    for _ in range(CONNECTIONS):
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(request, status, body_size, on_answer), host, port
        )
        connections.append(connection)
    await asyncio.gather(*(connection.closed for connection in connections))
    return answers / (time.perf_counter() - started)
