"""Moments to wait for: until what others write has ended, and until what is committed cannot get lost."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import cast

from tortoise.backends.sqlite.client import SqliteClient

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


async def commits_durable(connection: Connection) -> None:
    """Return when no crash of the machine takes back what was committed before this was called.

    PostgreSQL promises that with each commit. SQLite's file is whole after a crash, and may lack the last commits.

    Args:
        connection: Outside of a transaction.

    Source: https://www.sqlite.org/pragma.html#pragma_synchronous, "NORMAL"; https://www.sqlite.org/wal.html
    """
    if is_sqlite(connection):
        database = cast("SqliteClient", connection).filename
        await asyncio.to_thread(_sync, Path(f"{database}-wal"))


def _sync(path: Path) -> None:
    # Without a log, all is in the database, which is made durable before its log goes.
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


async def _oldest(connection: Connection) -> int:
    statement = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number"
    [row] = await fetch(connection, statement)
    number: int = row["number"]
    return number
