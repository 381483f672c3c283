"""SQLite for Tortoise, with transactions that take the write lock when they begin.

Stock transactions begin as readers; when two of them turn into writers, one fails at once with "database is locked",
however long the busy timeout is. With BEGIN IMMEDIATE the second one waits.

Source: https://www.sqlite.org/lang_transaction.html. Tortoise asks for "sqlite" in the path of this module.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

import aiosqlite
from tortoise.backends.base.client import ConnectionWrapper, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError


class SqliteTransaction(SqliteTransactionWrapper):
    """A transaction that takes the write lock when it begins."""

    async def begin(self) -> None:
        """Begin as a writer."""
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    async def commit(self) -> None:
        """Commit, or roll back and raise."""
        try:
            await super().commit()
        except sqlite3.OperationalError as error:
            # A full disk, most likely. SQLite may have rolled back by itself, or not.
            await self._connection.rollback()
            raise OperationalError(error) from error

    async def execute_all(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[int]:
        """Run statements in one visit to the driver's thread, and return how many rows each of them changed."""
        try:
            # The driver has no public way to do several things in one visit to its thread.
            execute: Any = self._connection._execute  # noqa: SLF001
            changed: list[int] = await execute(_run_all, self._connection, statements)
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        except sqlite3.IntegrityError as error:
            raise IntegrityError(error) from error
        return changed

    async def abandon(self) -> None:
        """End a transaction that may have begun."""
        await self._connection.rollback()


def _run_all(driver: aiosqlite.Connection, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[int]:
    connection = driver._conn  # noqa: SLF001
    return [connection.execute(statement, parameters).rowcount for statement, parameters in statements]


class _TransactionContext(SqliteTransactionContext):
    """A transaction that can be canceled while it begins: Tortoise's own would keep its connection locked for ever."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            self.token = get_connections().set(self.connection_name, self.connection)
            try:
                await self.connection.begin()
            except BaseException:
                get_connections().reset(self.token)
                # The driver's thread may be at BEGIN yet; it takes this after it.
                await asyncio.shield(self.connection.abandon())
                raise
        except BaseException:
            self._trxlock.release()
            raise
        connection: TransactionalDBClient = self.connection
        return connection


class _Acquired(ConnectionWrapper[Any]):
    """The connection for one statement: left free when it cannot be had, where Tortoise's own would stay locked."""

    async def __aenter__(self) -> Any:
        await self._lock.acquire()
        try:
            await self.ensure_connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection


class ImmediateSqliteClient(SqliteClient):
    """A client whose transactions never have to be repeated for a lock."""

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """See `SqliteClient.acquire_connection`."""
        return _Acquired(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(SqliteTransaction(self), self._lock)


client_class = ImmediateSqliteClient
