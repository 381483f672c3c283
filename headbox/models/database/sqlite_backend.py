"""SQLite for Tortoise, with transactions that take the write lock when they begin.

Stock transactions begin as readers; when two of them turn into writers, one fails at once with "database is locked",
however long the busy timeout is. With BEGIN IMMEDIATE the second one waits.

Source: https://www.sqlite.org/lang_transaction.html. Tortoise asks for "sqlite" in the path of this module.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

from tortoise.backends.base.client import ConnectionWrapper, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError


class _Transaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    async def commit(self) -> None:
        try:
            await super().commit()
        except sqlite3.OperationalError as error:
            # A full disk, most likely. SQLite may have rolled back by itself, or not.
            await self._connection.rollback()
            raise OperationalError(error) from error

    async def abandon(self) -> None:
        """End a transaction that may have begun."""
        await self._connection.rollback()


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
        return _TransactionContext(_Transaction(self), self._lock)


client_class = ImmediateSqliteClient
