"""The statements that a test makes the database run, and how it runs them."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headbox.models.database import Connection, is_sqlite, transaction


class _Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements that databases are asked in the block, each as `statement: [parameters]`."""
    logger, handler = logging.getLogger("tortoise.db_client"), _Statements()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler.texts
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


async def plan_of(connection: Connection, asked: str, values: list[Any] | None = None) -> str:
    """Return how a database runs one of `statements`: PostgreSQL as it would if the tables were large.

    Args:
        connection: The database.
        asked: The statement, with its parameters.
        values: The parameters, where some of them cannot be read from what was collected, such as times.
    """
    if values is None:
        statement, _, parameters = asked.rpartition(": ")
        values = ast.literal_eval(parameters)
    else:
        statement, _, _ = asked.partition(": [")
    if is_sqlite(connection):
        rows = await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {statement}", values)
        return "\n".join(row["detail"] for row in rows)
    async with transaction() as inner:
        await inner.execute_script("SET LOCAL enable_seqscan = off")
        rows = await inner.execute_query_dict(f"EXPLAIN {statement}", values)
    return "\n".join(row["QUERY PLAN"] for row in rows)
