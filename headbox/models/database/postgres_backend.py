"""PostgreSQL for Tortoise: a bounded pool that outlives its server, and errors that say what can be tried again.

Stock clients leave a connection in nobody's hands when a transaction is canceled while it begins, raise what the driver
raises, and count no row of an INSERT.
"""

from __future__ import annotations

import asyncio
import logging
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
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from headbox.models.database.failures import CommitUnconfirmed, ConnectionLost, Unreachable
from headbox.models.database.postgres import TARGET, keep_alive
from headbox.models.database.postgres_errors import may_be_committed, translated, translating

#: How often a server that does not take connections is asked again, in seconds.
RETRY_SECONDS = 0.1
#: How long a connection may take to be ready for its next user, in seconds; one that takes longer is closed.
RELEASE_SECONDS = 5.0
#: How long the pool may take to close, in seconds: a process that ends has no more than a few.
CLOSE_SECONDS = 1.0

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
    keep_alive(connection)


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
    """A transaction, or a savepoint of one; in plain SQL, so that its state is the connection's and nobody else's."""

    def __init__(self, parent: PooledClient | _Transaction, connection: _Raw, depth: int = 0) -> None:
        super().__init__(parent)
        self._connection = cast("_RawConnection", connection)
        self._raw = connection
        self._depth = depth

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_Transaction(self, self._raw, self._depth + 1))

    async def begin(self) -> None:
        """See `TransactionWrapper`."""
        await self.execute_script("BEGIN")

    async def commit(self) -> None:
        """See `TransactionWrapper`.

        Raises:
            TransactionManagementError: A statement had failed, and somebody went on as if it had not.
            CommitUnconfirmed: The connection was lost before the answer came.
        """
        try:
            await self._commit()
        except ConnectionLost as error:
            if may_be_committed(error):
                raise CommitUnconfirmed(_reason(error)) from error
            raise

    @translate_exceptions
    async def _commit(self) -> None:
        async with self.acquire_connection() as connection:
            # The server answers the COMMIT of a failed transaction with ROLLBACK, and with no error.
            if await connection.execute("COMMIT") != "COMMIT":
                raise TransactionManagementError("a statement of the transaction had failed")
        self._finalized = True

    async def rollback(self) -> None:
        """See `TransactionWrapper`."""
        await self.execute_script("ROLLBACK")
        self._finalized = True

    async def savepoint(self) -> None:
        """See `TransactionWrapper`."""
        await self.execute_script(f"SAVEPOINT level_{self._depth}")

    async def release_savepoint(self) -> None:
        """See `TransactionWrapper`."""
        await self.execute_script(f"RELEASE SAVEPOINT level_{self._depth}")
        self._finalized = True

    async def savepoint_rollback(self) -> None:
        """See `TransactionWrapper`."""
        await self.execute_script(f"ROLLBACK TO SAVEPOINT level_{self._depth}; RELEASE SAVEPOINT level_{self._depth}")
        self._finalized = True


class _TransactionContext(TransactionContext):
    """A transaction on a connection of its own, which goes back to the pool whatever happens."""

    def __init__(self, pool: PooledClient) -> None:
        self._pool = pool

    async def __aenter__(self) -> TransactionalDBClient:
        self._raw = await self._pool.take()
        try:
            self.client = transaction = _Transaction(self._pool, self._raw)
            await transaction.begin()
        except BaseException:
            await asyncio.shield(self._abandon())
            raise
        self._token = get_connections().set(self._pool.connection_name, transaction)
        return transaction

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        get_connections().reset(self._token)
        if kind is not None:
            await asyncio.shield(self._abandon())
            return
        try:
            await self.client.commit()
        except BaseException:
            await asyncio.shield(self._abandon())
            raise
        await self._pool.give_back(self._raw)

    async def _abandon(self) -> None:
        """End a transaction that may have begun, and may have been committed."""
        try:
            await self._raw.execute("ROLLBACK", timeout=RELEASE_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            # The server rolls back what it hears no more of; what went wrong before that is what counts.
            with suppress(asyncpg.InterfaceError):
                self._raw.terminate()
        await self._pool.give_back(self._raw)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


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
            target_session_attrs=TARGET,
            command_timeout=self._command_timeout,
            server_settings=self.server_settings,
        )
        await self._post_connect()

    async def _close(self) -> None:
        """End with the connections that are free; those that do not end in time are broken off."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
        self._pool = None

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
        # To wait with a timeout takes longer than to have a connection that is free.
        timeout = None if self._pool.get_idle_size() else max(seconds, RETRY_SECONDS)
        connection: _Raw = await self._pool.acquire(timeout=timeout)
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
