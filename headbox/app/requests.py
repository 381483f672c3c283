"""What every request goes through before it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headbox.errors import Invalid
from headbox.models.database import Database
from headbox.settings import ServerSettings
from headbox.tasking import correlation, user

#: Response header that names the correlation id of a request; a client may send its own.
CORRELATION_HEADER = "X-Correlation-ID"


def middleware(database: Database, server: ServerSettings, *, user_header: str | None = None) -> list[Middleware]:
    """Return the middleware of an application that has a database.

    Args:
        database: The database.
        server: Says how clients reach the server.
        user_header: Header that names the user; None where nothing of the application asks who it is.
    """
    return [Middleware(RequestContext, database=database, user_header=user_header), trusted_hosts(server)]


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
    """Gives each request its correlation id, its user and the database of this event loop."""

    def __init__(self, app: ASGIApp, database: Database, user_header: str | None = None) -> None:
        self._app = app
        self._database = database
        self._user_header = user_header

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

        with correlation.correlated(correlation_id):
            try:
                name = self._user(scope)
            except Invalid as error:
                # As GraphQL has it, so that its clients show why; others can read it too.
                refusal = JSONResponse({"errors": [{"message": error.message}]}, status_code=400)
                await refusal(scope, receive, send_with_id)
                return
            with user.acting_for(name), self._database.selected():
                await self._app(scope, receive, send_with_id)

    def _user(self, scope: Scope) -> str | None:
        """Return the user that a request names.

        Raises:
            Invalid: The header cannot be one that a proxy wrote.
        """
        if self._user_header is None:
            return None
        header = self._user_header.lower().encode()
        return user.named(self._user_header, [value for name, value in scope["headers"] if name == header])
