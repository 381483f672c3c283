"""Indexes on the fields that kinds of content can be searched by.

A plugin owns no tables and brings no migrations; what it declares as searched becomes an expression index of core's
table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from headbox.models.database.connection import Connection
from headbox.models.database.postgres_errors import translating
from headbox.models.database.sql import execute, fetch, is_sqlite, json_field
from headbox.types import SearchedField

#: Longest name of an index on PostgreSQL, which cuts longer ones.
MAX_NAME = 63


async def create_search_indexes(connection: Connection, searched: Iterable[SearchedField]) -> None:
    """Create the indexes that are missing, beside whatever goes on."""
    for field in searched:
        name = index_name(field)
        expression = json_field(connection, "document", field.name, is_number=field.is_number)
        definition = f"ON content ({expression}, id) WHERE kind = '{field.kind}'"
        if is_sqlite(connection):
            await execute(connection, f"CREATE INDEX IF NOT EXISTS {name} {definition}")
        else:
            await _create_concurrently(connection, name, definition)
            # An index on some of the rows tells PostgreSQL nothing of how many have a value.
            statistics = _shortened(f"content_values_{field.name}{'_number' if field.is_number else ''}")
            await execute(connection, f"CREATE STATISTICS IF NOT EXISTS {statistics} ON {expression} FROM content")


def index_name(field: SearchedField) -> str:
    """Return the name of the index on a field."""
    # By the type too: a later version of a plugin may have numbers where the one before had texts.
    prefix = "content_number" if field.is_number else "content_search"
    return _shortened(f"{prefix}_{field.kind.replace('.', '_')}_{field.name}")


def _shortened(name: str) -> str:
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


async def _create_concurrently(connection: Connection, name: str, definition: str) -> None:
    """Create an index without keeping anybody from writing, which cannot be part of a transaction."""
    found = await fetch(connection, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(?)", [name])
    if found and found[0]["indisvalid"]:
        return
    with translating():
        async with connection.acquire_connection() as raw:
            # It waits for every transaction that began before it, however long that takes.
            await raw.execute("SET lock_timeout = 0")
            try:
                # One that is there and not valid was begun by a process that was killed.
                await raw.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                await raw.execute(f"CREATE INDEX CONCURRENTLY {name} {definition}")
            finally:
                await raw.execute("RESET lock_timeout")
