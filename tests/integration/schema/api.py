"""The API as a client has it, on an engine in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from headbox.resolvers.context import Context
from headbox.resolvers.ids import NodeTypes
from headbox.resolvers.looks import Looks
from headbox.schema import GraphQLApp
from headbox.services.sync_plan import Planner
from tests.support.engine import EngineUnderTest
from tests.support.waiting import until

BASE_URL = "http://headbox.test"


class Api:
    """Runs operations without a server between.

    Attributes:
        engine: The engine that they are run on.
        app: What a server would serve.
        planner: Computes the plans of `run`.
        looks: Looks at the installation for `run`.
    """

    def __init__(self, engine: EngineUnderTest) -> None:
        self.engine = engine
        self.app = GraphQLApp(engine=engine, storage=engine.storage, workspace=engine.workspace)
        self.planner = Planner(engine, engine.workspace)
        self.looks = Looks()
        self._types = NodeTypes(engine.registry)

    def context(self) -> Context:
        """Return the context of a request."""
        return Context.create(
            self.engine, self.engine.storage, self._types, BASE_URL, planner=self.planner, looks=self.looks
        )

    async def run(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run an operation and return its data; errors fail the test."""
        result = await self.execute(document, **variables)
        assert not result.errors, result.errors
        data: dict[str, Any] = result.data
        return data

    async def execute(self, document: str, **variables: Any) -> Any:
        """Run an operation and return its result."""
        return await self.app.api.execute(document, variable_values=variables, context_value=self.context())

    async def fail(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run an operation that is to fail as a whole, and return its first error as a client gets it."""
        result = await self.execute(document, **variables)
        assert result.errors, result.data
        error: dict[str, Any] = result.errors[0].formatted
        return error

    @asynccontextmanager
    async def subscribe(self, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Subscribe, and end the subscription with the block; yields the data of each message."""
        stream = await self.app.api.stream(document, variable_values=variables, context_value=self.context())
        async with contextlib.aclosing(stream):
            yield self._data_of(stream)

    async def _data_of(self, stream: Any) -> AsyncIterator[dict[str, Any]]:
        async for result in stream:
            assert not result.errors, result.errors
            yield result.data

    @asynccontextmanager
    async def served(self, middleware: Sequence[Middleware] = ()) -> AsyncIterator[str]:
        """Serve the API on a free port, behind some middleware, and yield the address of its endpoint."""
        app = Starlette(routes=self.app.routes(), middleware=middleware)
        # Its logging is left alone: uvicorn's is that of the whole process, and so of the tests that come after.
        config = uvicorn.Config(app, host="127.0.0.1", port=0, ws="websockets-sansio", log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        try:
            await until(lambda: server.started)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}/graphql"
        finally:
            self.app.close()
            server.should_exit = True
            await serving


@asynccontextmanager
async def websocket(
    url: str, protocol: str = "graphql-transport-ws", **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open a WebSocket of a protocol and have it acknowledged."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=[protocol], **options) as socket:
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"
        yield socket
