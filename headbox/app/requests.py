"""What every request goes through before it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headbox.models.database import Database
from headbox.settings import ServerSettings
from headbox.tasking import correlation

#: Response header that names the correlation id of a request; a client may send its own.
CORRELATION_HEADER = "X-Correlation-ID"


def middleware(database: Database, server: ServerSettings) -> list[Middleware]:
    """Return the middleware of an application that has a database."""
    return [Middleware(RequestContext, database=database), trusted_hosts(server)]


def trusted_hosts(server: ServerSettings) -> Middleware:
    """Return the middleware that refuses requests for other hosts.

    A page of another site that a name server sends here (DNS rebinding) must not talk to a server without accounts.
    """
    return Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(server), www_redirect=False)


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
