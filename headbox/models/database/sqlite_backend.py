"""SQLite for Tortoise, with transactions that take the write lock when they begin.

Stock transactions begin as readers; when two of them turn into writers, one fails at once with "database is locked", however long
the busy timeout is. With BEGIN IMMEDIATE the second one waits.

Source: https://www.sqlite.org/lang_transaction.html. Tortoise asks for "sqlite" in the path of this module.
"""

from __future__ import annotations

import sqlite3

from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.exceptions import OperationalError


class _Transaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error


class ImmediateSqliteClient(SqliteClient):
    """A client whose transactions never have to be repeated for a lock."""

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(_Transaction(self), self._lock)


client_class = ImmediateSqliteClient
