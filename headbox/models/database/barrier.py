"""A moment that everybody has passed: whoever was writing before it has ended."""

from __future__ import annotations

import asyncio

from headbox.models.database.connection import Connection
from headbox.models.database.sql import fetch, is_sqlite

#: How often it is looked whether all have ended, in seconds.
_POLL_SECONDS = 0.05


async def writers_ended(connection: Connection) -> None:
    """Return when all transactions have ended that had written, or locked a row, when this was called.

    Nobody waits for this. Transactions on other databases of the same server are waited for, too.

    Args:
        connection: Outside of a transaction.

    Source: PostgreSQL's documentation, "Transaction ID and Snapshot Information Functions": a transaction is given its
        number when it first writes or locks, and all whose numbers lie below `pg_snapshot_xmin` have ended.
    """
    if is_sqlite(connection):
        # Writers come one after the other, from the beginning of a transaction to its end.
        return
    [row] = await fetch(connection, "SELECT pg_current_xact_id()::text::bigint AS number")
    while await _oldest(connection) < row["number"]:  # noqa: ASYNC110 - other processes end them
        await asyncio.sleep(_POLL_SECONDS)


async def _oldest(connection: Connection) -> int:
    statement = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number"
    [row] = await fetch(connection, statement)
    number: int = row["number"]
    return number
