"""PostgreSQL for Tortoise: a bounded pool that outlives its server, and errors that say what can be tried again.

Stock clients leave a connection in nobody's hands when a transaction is canceled while it begins, raise what the driver
raises, and count no row of an INSERT.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    ConnectionWrapper,
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import ConnectionToken, get_connections

from headbox.models.database.failures import ConnectionLost, Unreachable
from headbox.models.database.postgres import KEEPALIVE
from headbox.models.database.postgres_errors import translated, translating

#: How often a server that does not take connections is asked again, in seconds.
RETRY_SECONDS = 0.1
#: How long a connection may take to be ready for its next user, in seconds; one that takes longer is closed.
RELEASE_SECONDS = 5.0

#: Statements whose status ends with the number of rows.
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE"})

ResultT = TypeVar("ResultT")

if TYPE_CHECKING:
    # Generic in its stubs alone.
    _RawConnection = asyncpg.Connection[asyncpg.Record]
    _Raw = PoolConnectionProxy[asyncpg.Record]
else:
    _RawConnection = asyncpg.Connection
    _Raw = PoolConnectionProxy

log = logging.getLogger(__name__)


class _Connection(_RawConnection):
    """A connection that needs no cleaning between two users."""

    def get_reset_query(self) -> str:
        """Spare each statement a second round trip: nobody here leaves anything that outlives a transaction."""
        return ""


async def _watch(connection: _RawConnection) -> None:
    """Let the system notice a server that is gone without a word, and not only after hours."""
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001 - the driver hands its socket to nobody
    raw: socket.socket = transport.get_extra_info("socket")
    if raw.family == socket.AF_UNIX:
        return
    idle, interval, count = KEEPALIVE
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, (idle + interval * count) * 1000)


class _Statements(AsyncpgDBClient):
    """What is mended both in and outside of transactions."""

    async def _translate_exceptions(
        self, func: Callable[..., Coroutine[None, None, ResultT]], *args: Any, **kwargs: Any
    ) -> ResultT:
        with translating():
            return await func(self, *args, **kwargs)

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, list[dict[str, Any]]]:
        """See `AsyncpgDBClient`; rows that were inserted are counted too."""
        async with self.acquire_connection() as connection:
            self.log.debug("%s: %s", query, values)
            if query.lstrip()[:6].upper() in _CHANGES:
                status: str = await connection.execute(query, *(values or ()))
                return int(status.rpartition(" ")[2]), []
            rows: list[dict[str, Any]] = await connection.fetch(query, *(values or ()))
            return len(rows), rows


class _Transaction(_Statements, TransactionWrapper):
    """A transaction, or a savepoint of one."""

    def __init__(self, parent: AsyncpgDBClient, connection: _Raw | None = None) -> None:
        super().__init__(parent)
        if connection is not None:
            self._connection = cast("_RawConnection", connection)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_Transaction(self))

    @translate_exceptions
    async def commit(self) -> None:
        """See `TransactionWrapper`."""
        await super().commit()

    @translate_exceptions
    async def rollback(self) -> None:
        """See `TransactionWrapper`."""
        await super().rollback()


class _TransactionContext(TransactionContext):
    """A transaction on a connection of its own, which goes back whatever happens."""

    def __init__(self, pool: PooledClient) -> None:
        self._pool = pool
        self._token: ConnectionToken | None = None
        self.client: TransactionalDBClient

    async def __aenter__(self) -> TransactionalDBClient:
        raw = await self._pool.take()
        try:
            self.client = transaction = _Transaction(self._pool, raw)
            await transaction.begin()
        except BaseException:
            # It may have begun.
            _end(raw)
            await self._pool.give_back(raw)
            raise
        self._raw = raw
        self._token = get_connections().set(self._pool.connection_name, transaction)
        return transaction

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        try:
            if kind is None:
                await self.client.commit()
            else:
                await self._roll_back()
        except BaseException:
            # Nobody knows where the transaction stands.
            _end(self._raw)
            raise
        finally:
            assert self._token is not None
            get_connections().reset(self._token)
            await self._pool.give_back(self._raw)

    async def _roll_back(self) -> None:
        try:
            await self.client.rollback()
        except ConnectionLost:
            # The server rolls back what it hears no more of; what went wrong before that is what counts.
            _end(self._raw)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _end(connection: _Raw) -> None:
    """Close a connection at once, unless it is closed."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


class _Acquired(ConnectionWrapper[Any]):
    """A connection of the pool, for one statement."""

    def __init__(self, pool: PooledClient) -> None:
        self._pool = pool

    async def __aenter__(self) -> _Raw:
        raw = await self._pool.take()
        self.connection = raw
        return raw

    async def __aexit__(self, *_: object) -> None:
        await self._pool.give_back(self.connection)


class PooledClient(_Statements):
    """The pool of one event loop.

    Attributes:
        waiting: How many statements and transactions wait for a connection now.
    """

    def __init__(self, *, dsn: str, wait_seconds: float, command_timeout: float | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._dsn = dsn
        self._wait_seconds = wait_seconds
        self._command_timeout = command_timeout
        self.waiting = 0

    @property
    def pool(self) -> asyncpg.Pool[asyncpg.Record] | None:
        """The connections; None before the first one is needed."""
        pool: asyncpg.Pool[asyncpg.Record] | None = self._pool
        return pool

    async def create_connection(self, with_db: bool) -> None:
        """Make the pool; `with_db` means nothing here, the database is part of the address."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=self.pool_minsize,
            max_size=self.pool_maxsize,
            connection_class=_Connection,
            init=_watch,
            timeout=self._wait_seconds,
            command_timeout=self._command_timeout,
            server_settings=self.server_settings,
        )
        await self._post_connect()

    async def take(self) -> _Raw:
        """Return a connection, waiting for one that is free and for a server that starts.

        Raises:
            Unreachable: There is none in time.
            OperationalError: The server does not want this client.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._wait_seconds
        self.waiting += 1
        try:
            while True:
                try:
                    return await self._acquire(deadline - loop.time())
                except Exception as error:
                    known = translated(error)
                    if known is None:
                        raise
                    is_closing = self._pool is not None and self._pool.is_closing()
                    too_late = loop.time() + RETRY_SECONDS > deadline
                    if not isinstance(known, ConnectionLost):
                        raise known from error
                    if is_closing or too_late:
                        raise Unreachable(f"no connection to the database: {_reason(error)}") from error
                # Nothing was asked of the server yet: it can be tried again whatever it is for.
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            self.waiting -= 1

    async def _acquire(self, seconds: float) -> _Raw:
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
        assert self._pool is not None
        connection: _Raw = await self._pool.acquire(timeout=max(seconds, RETRY_SECONDS))
        return connection

    async def give_back(self, connection: _Raw) -> None:
        """Let somebody else have a connection; one that cannot be made ready for that is closed."""
        if self._pool is None:
            return
        try:
            await self._pool.release(connection, timeout=RELEASE_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("a connection to the database was closed", extra={"reason": str(error)})

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """See `AsyncpgDBClient`."""
        return _Acquired(self)

    async def _translate_exceptions(
        self, func: Callable[..., Coroutine[None, None, ResultT]], *args: Any, **kwargs: Any
    ) -> ResultT:
        """Ask once more what was only read, when the connection was lost: on its way here, a server was restarted."""
        try:
            return await super()._translate_exceptions(func, *args, **kwargs)
        except ConnectionLost as error:
            is_read = bool(args) and isinstance(args[0], str) and args[0].lstrip()[:6].upper() == "SELECT"
            is_slow = isinstance(error.__cause__, TimeoutError)
            if not is_read or is_slow or isinstance(error, Unreachable):
                raise
        return await super()._translate_exceptions(func, *args, **kwargs)

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(self)


client_class = PooledClient
