"""Inserting many rows at once, whoever may have inserted some of them already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

from headbox.models.database.connection import Connection
from headbox.models.database.postgres_errors import translating
from headbox.models.database.sql import MAX_PARAMETERS, execute, execute_all, is_sqlite

#: From how many rows on PostgreSQL is sent them by COPY: a statement more, and half the time for each row.
COPIED_ROWS = 100


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows that are to be inserted where they are not there yet.

    Attributes:
        table: Name of the table.
        columns: Names of the columns that differ from row to row.
        rows: Values in the order of the columns: texts, numbers, truths, times or None. In the order of the table's
            key, so that two transactions with rows in common never lock each other out.
        constants: Column -> text or time, of the columns that are the same in all rows.
        on_conflict: What follows ON CONFLICT.
    """

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    constants: Mapping[str, str | datetime] = field(default_factory=dict)
    on_conflict: str = "DO NOTHING"

    def statement(self, source: str) -> str:
        """Return the statement that inserts what the source says."""
        names = ", ".join((*self.columns, *self.constants))
        return f"INSERT INTO {self.table} ({names}) {source} ON CONFLICT {self.on_conflict}"


async def insert_new(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    constants: Mapping[str, str | datetime] = MappingProxyType({}),
    on_conflict: str = "DO NOTHING",
) -> int:
    """Insert the rows of one `Insert`, inside of a transaction, and return how many rows that changed."""
    [changed] = await insert_all(connection, [Insert(table, columns, rows, constants, on_conflict)])
    return changed


async def insert_all(connection: Connection, inserts: Sequence[Insert]) -> list[int]:
    """Insert rows into one table after the other, in a transaction, and return how many rows each of them changed."""
    if not is_sqlite(connection):
        return [await _insert(connection, insert) for insert in inserts]
    # In one visit to the driver's thread: a busy thread of Python beside it would make each one wait.
    # Times as the text that the driver would ask Python to make of each of them.
    statements = [
        (number, *statement)
        for number, insert in enumerate(inserts)
        for statement in _in_values(insert, map(str, insert.constants.values()))
    ]
    rows = await execute_all(connection, [(statement, parameters) for _, statement, parameters in statements])
    changed = [0] * len(inserts)
    for (number, _, _), some in zip(statements, rows, strict=True):
        changed[number] += some
    return changed


def _in_values(insert: Insert, values: Iterable[str | datetime]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements with many rows each, and their parameters.

    Not executemany, which takes and gives the interpreter's lock for each row. And not a SELECT from VALUES: PostgreSQL
    would take every parameter for a text, and SQLite more time the more rows there are. What is the same in all rows is
    a parameter all the same, so that the next statement has the same words: drivers keep what they made of them.
    """
    constants = tuple(values)
    width = len(insert.columns) + len(constants)
    marks = f"({', '.join('?' * width)})"
    for start in range(0, len(insert.rows), MAX_PARAMETERS // width):
        some = insert.rows[start : start + MAX_PARAMETERS // width]
        statement = insert.statement(f"VALUES {', '.join([marks] * len(some))}")
        yield statement, list(chain.from_iterable((*row, *constants) for row in some))


async def _insert(connection: Connection, insert: Insert) -> int:
    if len(insert.rows) >= COPIED_ROWS:
        return await _insert_copied(connection, insert)
    statements = _in_values(insert, insert.constants.values())
    return sum([await execute(connection, statement, parameters) for statement, parameters in statements])


async def _insert_copied(connection: Connection, insert: Insert) -> int:
    """Copy the rows into a table of this session, and insert them from there."""
    names = ", ".join(insert.columns)
    # Kept until the session ends, so that the catalog does not grow with every batch; emptied by every commit.
    staging = f"new_{insert.table}_{hashlib.sha256(names.encode()).hexdigest()[:8]}"
    prepare = (
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS"  # noqa: S608
        f" AS SELECT {names} FROM {insert.table} WITH NO DATA; DELETE FROM {staging}"
    )
    with translating():
        async with connection.acquire_connection() as raw:
            await raw.execute(prepare)
            await raw.copy_records_to_table(staging, records=insert.rows, columns=insert.columns)
    selected = ", ".join((*insert.columns, *"?" * len(insert.constants)))
    statement = insert.statement(f"SELECT {selected} FROM {staging}")  # noqa: S608
    return await execute(connection, statement, list(insert.constants.values()))
