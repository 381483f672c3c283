"""A GraphQL endpoint over HTTP and graphql-transport-ws, whose answers a test writes."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

#: The connection breaks off with this code where a test names no other: the server goes away.
GOING_AWAY = 1001


@dataclass
class Stream:
    """What a subscription is answered with.

    Attributes:
        messages: Messages of the protocol without their ids.
        close_code: How the connection ends after them, or None when the client is to end it.
    """

    messages: list[dict[str, Any]]
    close_code: int | None = None


@dataclass
class Scripted:
    """What the endpoint answers, one request after the other.

    Attributes:
        answers: A response, or a stream; a response to a WebSocket is that to its handshake.
        requests: The documents and variables that it was sent, with the headers.
        url: Where it listens.
    """

    answers: deque[web.Response | Stream] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        answer = self.answers.popleft()
        if isinstance(answer, Stream):
            return await self._stream(request, answer)
        if request.method == "POST":
            self.requests.append(await request.json() | {"headers": request.headers})
        return answer

    async def _stream(self, request: web.Request, stream: Stream) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("graphql-transport-ws",))
        await socket.prepare(request)
        assert await socket.receive_json() == {"type": "connection_init"}
        await socket.send_json({"type": "ping"})
        await socket.send_json({"type": "connection_ack"})
        assert await socket.receive_json() == {"type": "pong"}
        subscribe = await socket.receive_json()
        self.requests.append(subscribe["payload"] | {"headers": request.headers})
        for message in stream.messages:
            await socket.send_json({"id": subscribe["id"], **message})
        if stream.close_code is not None:
            await socket.close(code=stream.close_code)
        await socket.receive()
        return socket

    @asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
        app = web.Application()
        app.router.add_route("*", "/graphql", self.answer)
        server = TestServer(app, scheme="https" if tls else "http")
        await server.start_server(ssl=tls)
        self.url = str(server.make_url("")).rstrip("/")
        try:
            yield self
        finally:
            await server.close()


def data(value: dict[str, Any]) -> web.Response:
    return web.json_response({"data": value})


def events(*values: dict[str, Any], is_complete: bool) -> Stream:
    """Return a stream of messages, after which the subscription completes or the server goes away."""
    messages = [{"type": "next", "payload": {"data": value}} for value in values]
    return Stream([*messages, {"type": "complete"}]) if is_complete else Stream(messages, GOING_AWAY)
