"""The network between a process and a server, which can be cut and can fall silent."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from tests.support.accepting import stop_accepting
from tests.support.services.process import PATIENCE_SECONDS, free_port


class TcpProxy:
    """Carries connections from a free port of 127.0.0.1 to a server's.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._ends: set[_End] = set()
        self._is_open = True
        self._is_silent = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def cut(self) -> None:
        """Reset all connections, and every new one until `heal`."""
        self._run(self._set(is_open=False, is_silent=False))

    def silence(self) -> None:
        """Carry nothing until `heal`, and let nobody know: what is sent arrives then."""
        self._run(self._set(is_open=True, is_silent=True))

    def heal(self) -> None:
        """Carry everything again."""
        self._run(self._set(is_open=True, is_silent=False))

    def reset(self) -> None:
        """Reset the connections that there are."""
        self.cut()
        self.heal()

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result(PATIENCE_SECONDS)

    async def _listen(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._listener = await self._loop.create_server(lambda: _Client(self), sock=self._listening)

    async def _close(self) -> None:
        await stop_accepting(self._listening)
        self._listener.close()
        await self._set(is_open=False, is_silent=False)
        # Connections that are on their way to the server.
        jobs = asyncio.all_tasks() - {asyncio.current_task()}
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    async def _set(self, *, is_open: bool, is_silent: bool) -> None:
        self._is_open, self._is_silent = is_open, is_silent
        for end in list(self._ends):
            if is_open:
                end.silence(is_silent=is_silent)
            else:
                end.reset()
        # Lets resets be sent before anybody is told that they were.
        await asyncio.sleep(0)

    def joined(self, end: _End) -> None:
        """Keep an end of a connection, under the conditions that hold now."""
        self._ends.add(end)
        if self._is_open:
            end.silence(is_silent=self._is_silent)
        else:
            end.reset()

    def left(self, end: _End) -> None:
        """Forget an end of a connection."""
        self._ends.discard(end)

    async def reach(self, client: _Client) -> None:
        """Connect a client with the server."""
        try:
            await self._loop.create_connection(lambda: _End(self, client), "127.0.0.1", self._server_port)
        except OSError:
            client.reset()


class _End(asyncio.Protocol):
    """One end of a connection: what arrives here leaves at the other end."""

    transport: asyncio.Transport

    def __init__(self, proxy: TcpProxy, other: _End | None) -> None:
        self.proxy = proxy
        self.other = other
        self._is_silent = False
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.other is not None:
            self.other.other = self
            self.other.silence(is_silent=self.other._is_silent)
        self.proxy.joined(self)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None, "a client is not listened to before the server is reached"
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other is not None and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.fill(is_full=True)

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.fill(is_full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.proxy.left(self)
        if self.other is not None:
            self.other.transport.close() if exc is None else self.other.reset()

    def fill(self, *, is_full: bool) -> None:
        """Read no more than the other end can write."""
        self._is_full = is_full
        self._read_or_not()

    def silence(self, *, is_silent: bool) -> None:
        """Read nothing, or go on."""
        self._is_silent = is_silent
        self._read_or_not()

    def reset(self) -> None:
        """End the connection without a word."""
        connection: socket.socket = self.transport.get_extra_info("socket")
        if connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _read_or_not(self) -> None:
        if self.transport.is_closing():
            return
        if self._is_silent or self._is_full or self.other is None:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


class _Client(_End):
    """The client's end, which is there before the server's."""

    def __init__(self, proxy: TcpProxy) -> None:
        super().__init__(proxy, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._reaching = asyncio.get_running_loop().create_task(self.proxy.reach(self))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._reaching.cancel()
