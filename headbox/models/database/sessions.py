"""Ending what runs in the database: of other processes, and of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from headbox.models.database.connection import Connection
from headbox.models.database.sql import fetch, is_sqlite

if TYPE_CHECKING:
    from tortoise.backends.sqlite.client import SqliteClient


async def end_sessions(connection: Connection, client: str) -> None:
    """End whatever a client does on the server, and what it began is rolled back; SQLite has no sessions.

    It may connect again. Not only an idle one hears of it, as the server's own timeouts demand: also one that was
    suspended while it sent rows.

    Args:
        connection: Any other connection.
        client: What the client calls itself; see `Database.of`.
    """
    if not is_sqlite(connection):
        await fetch(
            connection,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = ? AND usename = current_user AND datname = current_database()",
            [client],
        )


async def interrupt(connection: Connection) -> None:
    """Let the statement fail that runs on a connection; on PostgreSQL, it ends with whoever waits for it.

    Args:
        connection: Outside of a transaction. SQLite has one for all, in a thread that nobody can end otherwise.
    """
    if is_sqlite(connection):
        driver = cast("SqliteClient", connection)._connection  # noqa: SLF001 - Tortoise has no other name for it
        if driver is not None:
            await driver.interrupt()
