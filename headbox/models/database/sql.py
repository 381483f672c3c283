"""Plain SQL for sets of rows: where work must grow with what changed and not with Python objects.

Statements are written with `?` for each parameter, and run on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from tortoise.models import Model

from headbox.models.database.connection import Connection
from headbox.models.database.failures import retrying
from headbox.models.database.sqlite_backend import SqliteTransaction

#: Most parameters of one statement, as SQLite since 3.32 takes them; PostgreSQL takes twice as many.
MAX_PARAMETERS = 32_766
#: From how many rows on a set is joined as a whole, see `joining_many`: to look so many up takes longer than to go
#: through all of another set, as soon as PostgreSQL takes either of them for smaller than it is.
MANY_ROWS = 1_000

ModelT = TypeVar("ModelT", bound=Model)


def is_sqlite(connection: Connection) -> bool:
    """Tell whether a connection is to SQLite and not to PostgreSQL."""
    return connection.capabilities.dialect == "sqlite"


def _dialect(connection: Connection, statement: str) -> str:
    return statement if is_sqlite(connection) else _numbered(statement)


@lru_cache(maxsize=512)
def _numbered(statement: str) -> str:
    """Return a statement with the marks of PostgreSQL."""
    pieces = statement.split("?")
    return "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


async def fetch(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a statement and return its rows; also for INSERT, UPDATE and DELETE with RETURNING."""
    return await connection.execute_query_dict(_dialect(connection, statement), list(parameters))


def model_from(model: type[ModelT], row: dict[str, Any]) -> ModelT:
    """Return the model of a row that holds all of its columns."""
    return model._init_from_db(**row)  # noqa: SLF001 - as the ORM's own queries do it; raw() takes no parameters


async def row_of(connection: Connection, model: type[ModelT], key: UUID) -> ModelT | None:
    """Return the row of a primary key, or None: as the ORM's own query does, in a third of the time."""
    meta = model._meta  # noqa: SLF001 - the ORM has no other name for it
    statement = f"SELECT * FROM {meta.db_table} WHERE {meta.db_pk_column} = ?"  # noqa: S608
    rows = await fetch(connection, statement, [str(key)])
    return model_from(model, rows[0]) if rows else None


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


def json_field(connection: Connection, column: str, field: str, *, is_number: bool = False) -> str:
    """Return the expression for one field of a JSON document, ordered by its bytes where it is a text.

    Args:
        connection: Tells the dialect.
        column: The JSON column, with its table.
        field: Name of the field: a Python identifier, because an expression index takes no parameters.
        is_number: Whether the field holds numbers. On SQLite they are numbers as others are; on PostgreSQL they are
            JSON, which compares them as numbers, and fails for no document of another kind. Of what is neither number
            nor text, SQLite has a number, and PostgreSQL the text that JSON writes.
    """
    assert field.isidentifier(), field
    if is_sqlite(connection):
        return f"json_extract({column}, '$.{field}')"
    return f"({column}->'{field}')" if is_number else f"(({column}->>'{field}') COLLATE \"C\")"


async def execute(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it changed."""
    changed, _ = await connection.execute_query(_dialect(connection, statement), list(parameters))
    return changed


async def execute_all(connection: Connection, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[int]:
    """Run statements one after the other, inside of a transaction, and return how many rows each of them changed."""
    if isinstance(connection, SqliteTransaction):
        return await connection.execute_all(statements)
    return [await execute(connection, statement, parameters) for statement, parameters in statements]


def row_lock(connection: Connection, table: str) -> str:
    """Return the end of a SELECT that locks the rows it finds in a table until the transaction ends.

    Args:
        connection: Tells the dialect.
        table: Name or alias of the table.
    """
    # A transaction of SQLite has the whole database locked from its beginning. PostgreSQL's lock is one that lets
    # others refer to the row meanwhile.
    return "" if is_sqlite(connection) else f" FOR NO KEY UPDATE OF {table}"


async def lock_row(connection: Connection, table: str, row_id: UUID) -> None:
    """Let no other transaction change or lock a row until this one ends.

    Args:
        connection: A connection inside of a transaction.
        table: Name of the table.
        row_id: Which row; one that is not there is no error.
    """
    if not is_sqlite(connection):
        lock = row_lock(connection, table)
        await fetch(connection, f"SELECT 1 FROM {table} WHERE id = ?{lock}", [str(row_id)])  # noqa: S608


async def lock_name(connection: Connection, space: str, name: str, *, is_shared: bool = False) -> None:
    """Let no other transaction lock the same name until this one ends, whether or not there is a row of that name.

    What is looked up after this stays as it is found, as far as everybody locks the name before changing it.

    Args:
        connection: A connection inside of a transaction.
        space: What the name is one of, such as "remote".
        name: The name.
        is_shared: Whether others may share it.
    """
    if not is_sqlite(connection):
        shared = "_shared" if is_shared else ""
        # Two names that share a number wait for each other, and that is all.
        await fetch(connection, f"SELECT pg_advisory_xact_lock{shared}(hashtextextended(?, 0))", [f"{space}:{name}"])


@asynccontextmanager
async def joining_sets(connection: Connection) -> AsyncIterator[None]:
    """Let sets be joined as wholes for as long as the block lasts.

    Of rows that were written a moment ago PostgreSQL has no statistics. It takes them for a few, and would go through
    all of the other set for each of them.

    Args:
        connection: A connection inside of a transaction.
    """
    if is_sqlite(connection):
        yield
        return
    await execute(connection, "SET LOCAL enable_nestloop = off")
    yield
    # Whatever fails in the block ends the transaction, and this with it.
    await execute(connection, "SET LOCAL enable_nestloop TO DEFAULT")


@asynccontextmanager
async def joining_many(connection: Connection, rows: int) -> AsyncIterator[None]:
    """Let sets be joined as wholes where that many rows of one are looked for in the other, see `joining_sets`.

    Few are looked up one by one, so that it takes no longer the larger the other set is.
    """
    if rows < MANY_ROWS:
        yield
        return
    async with joining_sets(connection):
        yield


async def analyze(connection: Connection, table: str) -> None:
    """Let PostgreSQL look at a table that was filled a moment ago, and not only when it finds the time.

    A join of large sets whose size it cannot guess takes hours in place of a second.

    Args:
        connection: Outside of a transaction: two that look at one table wait for each other.
        table: Name of the table.
    """
    if not is_sqlite(connection):
        await retrying(lambda: execute(connection, f"ANALYZE {table}"))


async def delete_in_batches(connection: Connection, table: str, condition: str, parameters: Sequence[Any]) -> None:
    """Delete rows without holding the write lock for long."""
    statement = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT 5000)"  # noqa: S608
    while await retrying(lambda: execute(connection, statement, parameters)):
        pass


def clock(connection: Connection) -> tuple[str, list[datetime]]:
    """Return the expression of a statement for the time on the database's clock, and its parameters."""
    if is_sqlite(connection):
        # The database is in this process: its clock is this one.
        return "?", [datetime.now(UTC)]
    # Not that of the transaction's begin: what waited for a lock meanwhile comes later than what it waited for.
    return "clock_timestamp()", []


async def now(connection: Connection) -> datetime:
    """Return the time on the database's clock."""
    expression, values = clock(connection)
    if values:
        return values[0]
    rows = await fetch(connection, f"SELECT {expression} AS now")
    time: datetime = rows[0]["now"]
    return time
