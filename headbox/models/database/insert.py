"""Inserting many rows at once, whoever may have inserted some of them already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

from headbox.models.database.connection import Connection
from headbox.models.database.postgres_errors import translating
from headbox.models.database.sql import MAX_PARAMETERS, execute, is_sqlite

#: From how many rows on PostgreSQL is sent them by COPY: a statement more, and half the time for each row.
COPIED_ROWS = 100


async def insert_new(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    constants: Mapping[str, str | datetime] = MappingProxyType({}),
    on_conflict: str = "DO NOTHING",
) -> int:
    """Insert the rows that are not there yet, and return how many rows that changed.

    Args:
        connection: A connection inside of a transaction.
        table: Name of the table.
        columns: Names of the columns that differ from row to row.
        rows: Values in the order of the columns: texts, numbers, truths, times or None. In the order of the table's
            key, so that two transactions with rows in common never lock each other out.
        constants: Column -> text or time, of the columns that are the same in all rows.
        on_conflict: What follows ON CONFLICT.
    """
    if not rows:
        return 0
    new = _NewRows(table, columns, rows, constants, on_conflict)
    if is_sqlite(connection):
        return await new.insert_literal(connection)
    if len(rows) < COPIED_ROWS:
        return await new.insert_values(connection)
    return await new.insert_copied(connection)


@dataclass(frozen=True, slots=True)
class _NewRows:
    """What is to be inserted; see `insert_new`."""

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    constants: Mapping[str, str | datetime]
    on_conflict: str

    def _statement(self, source: str) -> str:
        names = ", ".join((*self.columns, *self.constants))
        return f"INSERT INTO {self.table} ({names}) {source} ON CONFLICT {self.on_conflict}"

    async def insert_literal(self, connection: Connection) -> int:
        # Many rows a statement, and not executemany: that takes and gives the interpreter's lock for each row, and a
        # busy thread of Python beside it would make every row wait. The constants are part of the statement: parameters
        # with numbers, and a SELECT from VALUES, cost more the more rows there are.
        width = len(self.columns)
        marks = f"({', '.join([*'?' * width, *map(_literal, self.constants.values())])})"
        size = MAX_PARAMETERS // width
        changed = 0
        for start in range(0, len(self.rows), size):
            some = self.rows[start : start + size]
            values = ", ".join([marks] * len(some))
            changed += await execute(connection, self._statement(f"VALUES {values}"), list(chain.from_iterable(some)))
        return changed

    async def insert_values(self, connection: Connection) -> int:
        # Not selected from VALUES: there, PostgreSQL would take every parameter for a text.
        whole = [(*row, *self.constants.values()) for row in self.rows]
        values = ", ".join([f"({', '.join('?' * len(whole[0]))})"] * len(whole))
        return await execute(connection, self._statement(f"VALUES {values}"), list(chain.from_iterable(whole)))

    async def insert_copied(self, connection: Connection) -> int:
        """Copy the rows into a table of this session, and insert them from there."""
        names = ", ".join(self.columns)
        # Kept until the session ends, so that the catalog does not grow with every batch; emptied by every commit.
        staging = f"new_{self.table}_{hashlib.sha256(names.encode()).hexdigest()[:8]}"
        prepare = (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS"  # noqa: S608
            f" AS SELECT {names} FROM {self.table} WITH NO DATA; DELETE FROM {staging}"
        )
        with translating():
            async with connection.acquire_connection() as raw:
                await raw.execute(prepare)
                await raw.copy_records_to_table(staging, records=self.rows, columns=self.columns)
        selected = ", ".join((*self.columns, *"?" * len(self.constants)))
        statement = self._statement(f"SELECT {selected} FROM {staging}")  # noqa: S608
        return await execute(connection, statement, list(self.constants.values()))


def _literal(value: str | datetime) -> str:
    """Return a value as SQLite reads it in a statement."""
    text = str(value)
    assert "\0" not in text, "SQLite takes it for the end of the statement"
    return "'" + text.replace("'", "''") + "'"
