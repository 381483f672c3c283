"""The GraphQL API as an ASGI application."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from functools import partial

from graphql import GraphQLError
from starlette.datastructures import URL
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_WS_PROTOCOL

from headbox.resolvers.context import Context
from headbox.resolvers.ids import NodeTypes
from headbox.resolvers.looks import Looks
from headbox.schema import graphiql, http, sse
from headbox.schema.build import build_schema
from headbox.schema.masking import shown
from headbox.schema.results import Results, Wanted
from headbox.schema.websocket import LegacyHandler, TransportHandler, bounded_adapter
from headbox.services.sync_plan import Planner
from headbox.storage.interface import ArtifactStorage
from headbox.storage.workspace import Workspace
from headbox.tasking.engine import Engine

#: Most operations that run at a time on one WebSocket.
MAX_OPERATIONS = 100
#: Answers about the schema that are kept: the console's, GraphiQL's, that of the command line.
MAX_CONSTANTS = 8
#: Largest body that is kept, in bytes.
MAX_CONSTANT_BYTES = 2 * 1024 * 1024


class GraphQLApp(GraphQL[Context, None]):
    """Answers queries, mutations and subscriptions, and shows GraphiQL to browsers.

    Args:
        engine: What the process shares.
        storage: Where artifacts are.
        workspace: Where working folders are.

    Raises:
        PluginInvalid: A plugin declares what the API cannot show.
    """

    graphql_transport_ws_handler_class = TransportHandler
    graphql_ws_handler_class = LegacyHandler

    def __init__(self, *, engine: Engine, storage: ArtifactStorage, workspace: Workspace) -> None:
        limits = engine.settings.graphql
        public_url = engine.settings.server.public_url
        self.api = build_schema(engine.registry, limits)
        self.results = Results(self.api)
        super().__init__(
            self.api,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_WS_PROTOCOL),
            max_subscriptions_per_connection=MAX_OPERATIONS,
            allowed_origins=[_origin(public_url)] if public_url else (),
        )
        self.engine = engine
        self._storage = storage
        self._planner = Planner(engine, workspace)
        self._looks = Looks()
        self._types = NodeTypes(engine.registry)
        self._page = graphiql.page(example for plugin in engine.registry.plugins for example in plugin.examples)
        # Bodies of answers about the schema, which every tool asks for when it starts: each takes a tenth of a second.
        self._constants: OrderedDict[tuple[str, str | None], bytes] = OrderedDict()
        self._closing = asyncio.Event()
        self.websocket_adapter_class = bounded_adapter(limits.max_body_bytes)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the API and of its page."""
        return [Route("/graphql", self), WebSocketRoute("/graphql", self), graphiql.assets()]

    def close(self) -> None:
        """End the streams: whoever reads one connects again, to whoever serves then."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket."""
        if scope["type"] == "http":
            # A client that goes away amid its request waits for no answer.
            with suppress(ClientDisconnect):
                response = await self._respond(Request(scope, receive))
                await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Return the context of a connection; each of its operations makes one of its own of it."""
        return self._context(request)

    def _context(self, connection: HTTPConnection) -> Context:
        client = connection.client.host if connection.client else ""
        base_url = _origin(connection.base_url)
        return Context.create(
            self.engine,
            self._storage,
            self._types,
            base_url,
            planner=self._planner,
            looks=self._looks,
            client=client,
        )

    async def _respond(self, request: Request) -> Response:
        accept = request.headers.get("Accept")
        if request.method == "GET" and "query" not in request.query_params and "text/html" in (accept or ""):
            return self._page
        media = http.JSON
        try:
            media = http.media_type(accept)
            wanted = await http.parameters(request, self.engine.settings.graphql.max_body_bytes)
            return await self._execute(request, wanted, media)
        except http.Refused as refused:
            return http.refusal(refused, media)

    async def _execute(self, request: Request, wanted: Wanted, media: str) -> Response:
        try:
            accept = request.headers.get("Accept")
            media = http.answered_as(self.api.documents, wanted, method=request.method, accept=accept)
            is_constant = self.api.documents.check(wanted.query).is_constant(wanted.operation_name)
        except GraphQLError as error:
            return http.answer(None, [error], None, media)
        context = self._context(request)
        if media == http.EVENT_STREAM:
            return sse.stream(self.results.of(wanted, context), self._closing)
        key = (wanted.query, wanted.operation_name)
        if key in self._constants:
            return http.again(self._constants[key], media)
        context.gone = partial(self._unneeded, request)
        result = await self.api.execute(
            wanted.query,
            variable_values=wanted.variables,
            operation_name=wanted.operation_name,
            context_value=context,
        )
        errors = [shown(error) for error in result.errors or ()]
        response = http.answer(result.data, errors, result.extensions, media)
        if is_constant and not errors and len(response.body) <= MAX_CONSTANT_BYTES:
            self._constants[key] = bytes(response.body)
            if len(self._constants) > MAX_CONSTANTS:
                self._constants.popitem(last=False)
        return response

    async def _unneeded(self, request: Request) -> None:
        """Return when nobody waits for the answer to a request any more, or the server is to end."""
        jobs = [asyncio.ensure_future(_gone(request)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()


async def _gone(request: Request) -> None:
    """Return when the client of a request that was read has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _origin(url: URL | str) -> str:
    """Return scheme and host of a URL, as a page's origin has them."""
    parts = URL(url) if isinstance(url, str) else url
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}"
