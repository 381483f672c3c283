"""Plain SQL for sets of rows: where work must grow with what changed and not with Python objects.

Statements are written with `?` for each parameter, and run on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.sqlite.client import SqliteClient

from headbox.models.database.connection import Connection


def _dialect(connection: Connection, statement: str) -> str:
    if connection.capabilities.dialect == "sqlite":
        return statement
    pieces = statement.split("?")
    return "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


async def fetch(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a statement and return its rows; also for INSERT, UPDATE and DELETE with RETURNING."""
    return await connection.execute_query_dict(_dialect(connection, statement), list(parameters))


async def execute(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it changed."""
    changed, _ = await connection.execute_query(_dialect(connection, statement), list(parameters))
    return changed


async def insert_new(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert the rows that are not there yet, and return how many that were.

    Args:
        connection: A connection inside of a transaction.
        table: Name of the table.
        columns: Names of the columns.
        rows: Values in the order of the columns, as the database stores them.
    """
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - names of our own tables
    # The only branch on the database: SQLite counts changed rows for the connection, PostgreSQL gets COPY here.
    assert isinstance(connection, SqliteClient)
    raw = connection._connection  # noqa: SLF001 - executemany's count of changes is known to the driver alone
    assert raw is not None
    before = raw.total_changes
    await connection.execute_many(statement, rows)  # type: ignore[arg-type]
    return raw.total_changes - before


async def delete_in_batches(connection: Connection, table: str, condition: str, parameters: Sequence[Any]) -> None:
    """Delete rows without holding the write lock for long."""
    statement = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT 5000)"  # noqa: S608
    while await execute(connection, statement, parameters):
        pass


async def now(connection: Connection) -> datetime:
    """Return the time on the database's clock."""
    if connection.capabilities.dialect == "sqlite":
        # The database is in this process: its clock is this one.
        return datetime.now(UTC)
    rows = await fetch(connection, "SELECT now() AS now")
    time: datetime = rows[0]["now"]
    return time
