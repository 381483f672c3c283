"""What makes the tables of PostgreSQL behave as those of SQLite, and what PostgreSQL alone can be told about them.

Not in the migrations: the ORM has no words for it, and it goes for the columns of every release alike.
"""

from __future__ import annotations

from headbox.models.database.connection import Connection
from headbox.models.database.sql import execute, fetch, is_sqlite

_TEXTS_BY_LOCALE = """
    SELECT tables.relname AS table, columns.attname AS column,
           format_type(columns.atttypid, columns.atttypmod) AS type
    FROM pg_attribute columns JOIN pg_class tables ON tables.oid = columns.attrelid
    JOIN pg_collation collations ON collations.oid = columns.attcollation
    WHERE tables.relkind = 'r' AND tables.relnamespace = current_schema()::regnamespace
      AND columns.attnum > 0 AND NOT columns.attisdropped AND collations.collname = 'default'
    ORDER BY 1, 2
"""

#: Storage parameters, by table.
_STORAGE = {
    # Its progress is written once a second: room on each page keeps the new row beside the old one, and out of indexes.
    "task": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"},
    # Every task adds rows here and takes them away: what counts is how many went, and not how many there are.
    "task_claim": {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1000"},
    "resource_queue": {"fillfactor": "50"},
    # Each sync fills it, and empties it again.
    "staged_content": {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "10000"},
}


async def tune(connection: Connection) -> None:
    """Do what is not done yet; on SQLite, there is nothing to do."""
    if not is_sqlite(connection):
        await _sort_texts_by_bytes(connection)
        await _set_storage(connection)


async def _sort_texts_by_bytes(connection: Connection) -> None:
    """Let no order depend on the locale that an operator chose: pages of lists and of folders follow the bytes."""
    columns: dict[str, list[str]] = {}
    for row in await fetch(connection, _TEXTS_BY_LOCALE):
        change = f'ALTER COLUMN "{row["column"]}" TYPE {row["type"]} COLLATE "C"'
        columns.setdefault(row["table"], []).append(change)
    for table, changes in columns.items():
        await execute(connection, f'ALTER TABLE "{table}" {", ".join(changes)}')


async def _set_storage(connection: Connection) -> None:
    for table, parameters in _STORAGE.items():
        wanted = {f"{name}={value}" for name, value in parameters.items()}
        [row] = await fetch(connection, "SELECT reloptions FROM pg_class WHERE oid = to_regclass(?)", [table])
        # Looked at before: setting them waits for whoever cleans up the table.
        if not wanted <= set(row["reloptions"] or ()):
            values = ", ".join(f"{name} = {value}" for name, value in parameters.items())
            await execute(connection, f"ALTER TABLE {table} SET ({values})")
