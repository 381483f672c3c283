"""The sessions that other processes have on the server."""

from __future__ import annotations

from headbox.models.database.connection import Connection
from headbox.models.database.sql import fetch, is_sqlite


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
