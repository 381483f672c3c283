"""Builds the application: GraphQL, content, health and metrics behind one origin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tortoise.exceptions import BaseORMException

from headbox.content_app import ContentApp
from headbox.models.database import Database, fetch
from headbox.schema.app import GraphQLApp
from headbox.settings import ServerSettings
from headbox.storage.interface import ArtifactStorage
from headbox.tasking import correlation
from headbox.tasking.engine import Engine
from headbox.tasking.queries import task_counts, workers_online

#: Response header that names the correlation id of a request; a client may send its own.
CORRELATION_HEADER = "X-Correlation-ID"


def create_app(
    *,
    engine: Engine,
    storage: ArtifactStorage,
    graphql: GraphQLApp,
    content: ContentApp,
    metrics: CollectorRegistry,
) -> Starlette:
    """Return the ASGI application; the databases are connected on the event loop that it is served on."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await content.start()
        try:
            yield
        finally:
            graphql.close()
            await content.stop()

    health = _Health(engine, storage, metrics)
    routes: list[BaseRoute] = [
        *graphql.routes(),
        Mount("/content", app=content),
        *health.routes(),
        Route("/", lambda _: RedirectResponse("/graphql"), methods=["GET"]),
    ]
    middleware = [
        Middleware(RequestContext, database=engine.database),
        # A page of another site that a name server sends here (DNS rebinding) must not talk to a server without
        # accounts.
        Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(engine.settings.server), www_redirect=False),
    ]
    return Starlette(routes=routes, middleware=middleware, lifespan=lifespan)


def allowed_hosts(server: ServerSettings) -> Sequence[str]:
    """Return the names that a client may call the server by."""
    public = urlsplit(server.public_url).hostname if server.public_url else None
    return [name for name in ("localhost", "127.0.0.1", server.host, public) if name]


class RequestContext:
    """Gives each request its correlation id and the database of this event loop."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        correlation_id = correlation.accepted(Headers(scope=scope).get(CORRELATION_HEADER))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[CORRELATION_HEADER] = correlation_id
            await send(message)

        with correlation.correlated(correlation_id), self._database.selected():
            await self._app(scope, receive, send_with_id)


class _Health:
    """What orchestrators and monitors ask."""

    def __init__(self, engine: Engine, storage: ArtifactStorage, metrics: CollectorRegistry) -> None:
        self._engine = engine
        self._storage = storage
        self._metrics = metrics
        self._tasks = Gauge("headbox_tasks", "Tasks by state.", ["state"], registry=metrics)
        self._workers = Gauge("headbox_workers_online", "Workers that were seen lately.", registry=metrics)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/livez", self.live, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def live(self, _: Request) -> Response:
        """Answer as long as the event loop turns."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """Answer 200 when requests can be served, else 503, with what is wrong."""
        problems = await self._problems()
        return JSONResponse({"ready": not problems, "problems": problems}, status_code=503 if problems else 200)

    async def _problems(self) -> list[str]:
        problems = []
        try:
            await fetch(self._engine.database.connection, "SELECT 1")
        except BaseORMException as error:
            problems.append(f"the database does not answer: {error}")
        storage = await self._storage.check()
        if not storage.ok:
            problems.append(f"artifacts cannot be stored: {storage.detail}")
        return problems

    async def metrics(self, _: Request) -> Response:
        """Answer in the Prometheus text format."""
        connection = self._engine.database.connection
        for state, number in (await task_counts(connection)).items():
            self._tasks.labels(state=state.value).set(number)
        lost_after = self._engine.settings.worker.lost_after_seconds
        self._workers.set(len(await workers_online(connection, lost_after)))
        return Response(generate_latest(self._metrics), media_type=CONTENT_TYPE_LATEST)
