"""A GraphQL endpoint over HTTP and server-sent events, whose answers a test writes."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Scripted:
    """What the endpoint answers, one request after the other.

    Attributes:
        answers: A response, or the bytes of an event stream; the connection breaks off after one without an end.
        requests: The bodies that it was sent.
        url: Where it listens.
    """

    answers: deque[web.Response | bytes] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json() | {"accept": request.headers["Accept"]})
        answer = self.answers.popleft()
        if isinstance(answer, web.Response):
            return answer
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(answer)
        return stream

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Scripted]:
        app = web.Application()
        app.router.add_post("/graphql", self.answer)
        server = TestServer(app)
        await server.start_server()
        self.url = str(server.make_url("")).rstrip("/")
        try:
            yield self
        finally:
            await server.close()


def data(value: dict[str, Any]) -> web.Response:
    return web.json_response({"data": value})


def events(*values: dict[str, Any], is_complete: bool) -> bytes:
    """Return a stream of messages with a heartbeat between them."""
    stream = b"".join(
        f": heartbeat\n\nevent: next\ndata: {json.dumps({'data': value})}\n\n".encode() for value in values
    )
    return stream + (b"event: complete\ndata: \n\n" if is_complete else b"")
