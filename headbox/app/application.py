"""Builds the applications: of the API, of the content app, of both behind one origin, and of a worker's health."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route

from headbox.app import console, requests
from headbox.app.health import HealthRoutes, TaskGauges, WebhookGauges
from headbox.content_app import ContentApp
from headbox.models.database import Database
from headbox.schema.app import GraphQLApp
from headbox.services import health
from headbox.services.health import Health
from headbox.settings import ServerSettings
from headbox.storage.interface import ArtifactStorage
from headbox.tasking.bus import EventBus
from headbox.tasking.engine import Engine
from headbox.uploads import UploadApp


def create_app(
    *, engine: Engine, storage: ArtifactStorage, graphql: GraphQLApp, uploads: UploadApp, content: ContentApp | None
) -> Starlette:
    """Return the API with its uploads and the console, with or without the content app beside it.

    The databases of both are connected on the event loop that it is served on.
    """
    tasks, webhooks = TaskGauges(engine, REGISTRY), WebhookGauges(engine, REGISTRY)

    async def refresh() -> None:
        await tasks.refresh()
        await webhooks.refresh()

    def look() -> Awaitable[Health]:
        return health.look(engine.database.connection, storage, bus=engine.bus, dispatcher=engine.dispatcher)

    routes: list[BaseRoute] = [
        *graphql.routes(),
        *uploads.routes(),
        *([Mount("/content", app=content)] if content is not None else []),
        *console.routes(),
        *HealthRoutes(look, REGISTRY, refresh=refresh).routes(),
        _redirect(console.PATH),
    ]
    return Starlette(
        routes=routes,
        middleware=requests.middleware(
            engine.database, engine.settings.server, user_header=engine.settings.user_header
        ),
        lifespan=partial(_running, graphql, uploads, content),
    )


def create_content_app(
    *, database: Database, storage: ArtifactStorage, content: ContentApp, bus: EventBus, server: ServerSettings
) -> Starlette:
    """Return the content app alone; its database is connected on the event loop that it is served on."""

    def look() -> Awaitable[Health]:
        return health.look(database.connection, storage, bus=bus)

    routes: list[BaseRoute] = [
        Mount("/content", app=content),
        *HealthRoutes(look, REGISTRY).routes(),
        _redirect("/content/"),
    ]
    return Starlette(
        routes=routes, middleware=requests.middleware(database, server), lifespan=partial(_running, None, None, content)
    )


def create_health_app(
    look: Callable[[], Awaitable[Health]], live: Callable[[], Awaitable[None]], server: ServerSettings
) -> Starlette:
    """Return what a worker shows of itself."""
    return Starlette(
        routes=HealthRoutes(look, REGISTRY, live=live).routes(), middleware=[requests.trusted_hosts(server)]
    )


def _redirect(address: str) -> Route:
    return Route("/", lambda _: RedirectResponse(address), methods=["GET"])


@asynccontextmanager
async def _running(
    graphql: GraphQLApp | None, uploads: UploadApp | None, content: ContentApp | None, _: Starlette
) -> AsyncIterator[None]:
    if uploads is not None:
        await uploads.start()
    if content is not None:
        await content.start()
    try:
        yield
    finally:
        if graphql is not None:
            graphql.close()
        if uploads is not None:
            await uploads.stop()
        if content is not None:
            await content.stop()
