"""PostgreSQL: a server that many processes share."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from headbox.models.database.failures import ConnectionLost, DatabaseAway, DatabaseUnusable
from headbox.models.database.postgres_errors import translated
from headbox.settings import DatabaseSettings

if TYPE_CHECKING:
    # Generic in its stubs alone.
    Session = asyncpg.Connection[asyncpg.Record]
else:
    Session = asyncpg.Connection

#: The oldest major version whose behaviour is tested.
OLDEST_VERSION = 14
#: Key of the lock that migrations are applied under: "headbox" in ASCII.
MIGRATION_LOCK = int.from_bytes(b"headbox")
#: How often a process that waits to migrate looks whether it may, in seconds.
LOCK_POLL_SECONDS = 0.2
#: After how many seconds of silence a peer is asked whether it is there, how often then, and how many times.
KEEPALIVE = (10, 5, 3)
#: How long a server may take to answer at all when a database is looked at, in seconds.
CHECK_SECONDS = 10.0
#: What the driver raises where it finds no server that may be talked to.
_REFUSED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
#: Which server may be talked to. One that follows another, as a former primary does after a failover, takes nothing and
#: answers from the past; the driver hears from the server itself which one it is.
TARGET = SessionAttribute.primary


class PostgresServer:
    """A database on a server."""

    def __init__(self, settings: DatabaseSettings, client: str) -> None:
        assert settings.url is not None, "PostgreSQL has a URL"
        self._url = settings.url
        self._settings = settings
        self._client = client
        self.name = _without_credentials(settings.url)

    def connection_config(self, *, is_migrating: bool) -> dict[str, Any]:
        """See `Place`."""
        settings = self._settings
        credentials = {
            "dsn": self._url,
            "minsize": 0 if is_migrating else min(settings.pool_min_size, settings.pool_size),
            "maxsize": settings.pool_size,
            "wait_seconds": settings.wait_seconds,
            # Behind the server's own timeout: this one is for a server that is not heard of any more.
            "command_timeout": None if is_migrating else settings.statement_timeout_seconds + KEEPALIVE[0],
            "server_settings": {
                "application_name": self._client,
                **_session(settings, is_migrating=is_migrating),
            },
        }
        return {"engine": "headbox.models.database.postgres_backend", "credentials": credentials}

    async def check(self) -> None:
        """See `Place`."""
        async with self._session() as connection:
            major = connection.get_server_version().major
            if major < OLDEST_VERSION:
                raise DatabaseUnusable(
                    f"{self.name} is on PostgreSQL {major}", f"headbox needs PostgreSQL {OLDEST_VERSION} or newer."
                )
            encoding = connection.get_settings().server_encoding
            if encoding != "UTF8":
                raise DatabaseUnusable(
                    f"{self.name} keeps text as {encoding}", "Create the database with the encoding UTF8."
                )

    @asynccontextmanager
    async def migration_lock(self) -> AsyncIterator[None]:
        """See `Place`."""
        async with self._session() as connection:
            # Asked for again and again, and not waited for: an index that is built beside running work waits for all
            # transactions that are under way, a waiting one too, and that one would wait for the index.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK):  # noqa: ASYNC110
                await asyncio.sleep(LOCK_POLL_SECONDS)
            yield

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        connection = await self.connect()
        try:
            yield connection
        finally:
            connection.terminate()

    async def connect(self, **settings: str) -> Session:
        """Return a connection beside all pools, waiting for a server that starts.

        Args:
            settings: What it tells the server when it begins, by name.

        Raises:
            DatabaseAway: There is none in time.
            DatabaseUnusable: The server does not want this client.
        """
        try:
            return await self._connected(settings)
        except (*_REFUSED, ValueError) as error:
            unusable = DatabaseAway if isinstance(translated(error), ConnectionLost) else DatabaseUnusable
            raise unusable(
                f"{self.name} cannot be used: {str(error) or type(error).__name__}",
                "Check HEADBOX_DATABASE_URL, and that the server runs and lets this user in.",
            ) from error

    async def _connected(self, settings: dict[str, str]) -> Session:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.wait_seconds
        while True:
            try:
                return await asyncpg.connect(
                    self._url,
                    timeout=CHECK_SECONDS,
                    target_session_attrs=TARGET,
                    server_settings={"application_name": self._client, "idle_session_timeout": "0", **settings},
                )
            except _REFUSED as error:
                if not isinstance(translated(error), ConnectionLost) or loop.time() > deadline:
                    raise
            await asyncio.sleep(LOCK_POLL_SECONDS)


def keep_alive(connection: Session, times: tuple[int, int, int] = KEEPALIVE) -> None:
    """Let the system notice a server that is gone without a word, and not only after hours; see `KEEPALIVE`."""
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001 - the driver hands its socket to nobody
    raw: socket.socket = transport.get_extra_info("socket")
    if raw.family == socket.AF_UNIX:
        return
    idle, interval, count = times
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, (idle + interval * count) * 1000)


def keepalive_settings(times: tuple[int, int, int] = KEEPALIVE) -> dict[str, str]:
    """Return what lets the server notice a client that is gone without a word, and free its locks."""
    idle, interval, count = times
    return {
        "tcp_keepalives_idle": str(idle),
        "tcp_keepalives_interval": str(interval),
        "tcp_keepalives_count": str(count),
        "client_connection_check_interval": _milliseconds(idle),
    }


def _session(settings: DatabaseSettings, *, is_migrating: bool) -> dict[str, str]:
    """Return what every connection of a pool tells the server when it begins."""
    return {
        "timezone": "UTC",
        # What services rely on, whatever the operator prefers for other databases.
        "default_transaction_isolation": "read committed",
        # The filling of a new index takes as long as it takes.
        "statement_timeout": "0" if is_migrating else _milliseconds(settings.statement_timeout_seconds),
        "lock_timeout": _milliseconds(settings.lock_timeout_seconds),
        # A process that is suspended amid a transaction keeps rows locked that others need: this frees them.
        "idle_session_timeout": "0",
        "idle_in_transaction_session_timeout": (
            "0" if is_migrating else _milliseconds(settings.idle_transaction_seconds)
        ),
        # No statement here is worth the tenths of a second that it takes to compile one.
        "jit": "off",
        **keepalive_settings(),
    }


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "the database of HEADBOX_DATABASE_URL"
