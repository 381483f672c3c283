"""Indexes on the fields that kinds of content can be searched by.

A plugin owns no tables and brings no migrations; what it declares as searched becomes an expression index of core's
table.
"""

from __future__ import annotations

from collections.abc import Iterable

from headbox.models.database.connection import Connection
from headbox.models.database.sql import execute, json_field


async def create_search_indexes(connection: Connection, searched: Iterable[tuple[str, str]]) -> None:
    """Create the indexes that are missing.

    Args:
        connection: The database.
        searched: Kind and field; both are names that the registry has checked.
    """
    for kind, field in searched:
        name = f"content_search_{kind.replace('.', '_')}_{field}"
        expression = json_field(connection, "document", field)
        await execute(
            connection, f"CREATE INDEX IF NOT EXISTS {name} ON content ({expression}, id) WHERE kind = '{kind}'"
        )
