"""Plain SQL for sets of rows: where work must grow with what changed and not with Python objects.

Statements are written with `?` for each parameter, and run on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from tortoise.models import Model

from headbox.models.database.connection import Connection

#: Most parameters of one statement, as SQLite since 3.32 takes them; PostgreSQL takes twice as many.
MAX_PARAMETERS = 32_766

ModelT = TypeVar("ModelT", bound=Model)


def is_sqlite(connection: Connection) -> bool:
    """Tell whether a connection is to SQLite and not to PostgreSQL."""
    return connection.capabilities.dialect == "sqlite"


def _dialect(connection: Connection, statement: str) -> str:
    if is_sqlite(connection):
        return statement
    pieces = statement.split("?")
    return "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


async def fetch(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a statement and return its rows; also for INSERT, UPDATE and DELETE with RETURNING."""
    return await connection.execute_query_dict(_dialect(connection, statement), list(parameters))


def model_from(model: type[ModelT], row: dict[str, Any]) -> ModelT:
    """Return the model of a row that holds all of its columns."""
    return model._init_from_db(**row)  # noqa: SLF001 - as the ORM's own queries do it; raw() takes no parameters


def has_label(connection: Connection, column: str, value: str | None) -> str:
    """Return the condition that a column of labels has one.

    Args:
        connection: Tells the dialect.
        column: The JSON column, with its table.
        value: Whether a value is asked for: None matches any value.

    Returns:
        A condition with a parameter for the key and, unless `value` is None, one for the value.
    """
    # Not `->>`: SQLite reads a key with a dot or a leading digit as a path.
    function = "json_each" if is_sqlite(connection) else "jsonb_each_text"
    matching = "label.key = ?" if value is None else "label.key = ? AND label.value = ?"
    return f"EXISTS (SELECT 1 FROM {function}({column}) AS label WHERE {matching})"  # noqa: S608 - names of our own columns


def json_field(connection: Connection, column: str, field: str) -> str:
    """Return the expression for one field of a JSON document: its scalar on SQLite, its text on PostgreSQL.

    Args:
        connection: Tells the dialect.
        column: The JSON column, with its table.
        field: Name of the field: a Python identifier, because an expression index takes no parameters.
    """
    assert field.isidentifier(), field
    return f"json_extract({column}, '$.{field}')" if is_sqlite(connection) else f"({column}->>'{field}')"


async def execute(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it changed."""
    changed, _ = await connection.execute_query(_dialect(connection, statement), list(parameters))
    return changed


async def insert_new(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    constants: Mapping[str, Any] = MappingProxyType({}),
    on_conflict: str = "DO NOTHING",
) -> int:
    """Insert the rows that are not there yet, and return how many rows that changed.

    Args:
        connection: A connection inside of a transaction.
        table: Name of the table.
        columns: Names of the columns that differ from row to row.
        rows: Values in the order of the columns: texts, numbers, truths, times or None.
        constants: Column -> value, of the columns that are the same in all rows.
        on_conflict: What follows ON CONFLICT.
    """
    # Many rows a statement, and not executemany: that takes and gives the interpreter's lock for each row, and a busy
    # thread of Python beside it would make every row wait.
    names = ", ".join((*columns, *constants))
    marks = f"({', '.join('?' * len(columns))})"
    selected = ", ".join([f"column{number}" for number in range(1, len(columns) + 1)] + ["?"] * len(constants))
    size = (MAX_PARAMETERS - len(constants)) // len(columns)
    changed = 0
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        values = ", ".join([marks] * len(some))
        # WHERE TRUE keeps SQLite from taking ON for the beginning of a join's condition.
        statement = (
            f"INSERT INTO {table} ({names}) SELECT {selected} FROM (VALUES {values}) AS new"  # noqa: S608
            f" WHERE TRUE ON CONFLICT {on_conflict}"
        )
        changed += await execute(connection, statement, [*constants.values(), *chain.from_iterable(some)])
    return changed


async def lock_row(connection: Connection, table: str, row_id: UUID) -> None:
    """Let no other transaction change or lock a row until this one ends.

    Args:
        connection: A connection inside of a transaction.
        table: Name of the table.
        row_id: Which row; one that is not there is no error.
    """
    # A transaction of SQLite has the whole database locked from its beginning.
    if not is_sqlite(connection):
        await fetch(connection, f"SELECT 1 FROM {table} WHERE id = ? FOR UPDATE", [str(row_id)])  # noqa: S608


async def delete_in_batches(connection: Connection, table: str, condition: str, parameters: Sequence[Any]) -> None:
    """Delete rows without holding the write lock for long."""
    statement = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT 5000)"  # noqa: S608
    while await execute(connection, statement, parameters):
        pass


async def now(connection: Connection) -> datetime:
    """Return the time on the database's clock."""
    if is_sqlite(connection):
        # The database is in this process: its clock is this one.
        return datetime.now(UTC)
    rows = await fetch(connection, "SELECT now() AS now")
    time: datetime = rows[0]["now"]
    return time
