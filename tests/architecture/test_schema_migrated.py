"""The migrations lead to the tables that the models describe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tortoise import Tortoise
from tortoise.context import TortoiseContext

from headbox.models.database import Database, fetch

#: What plain SQL makes beside the models, because the ORM has no words for it.
BEYOND_THE_MODELS = {"base_path", "distribution_base_path"}

Column = tuple[str, str, int, int]


async def described(database: Database) -> dict[str, set[Column]]:
    """Return name, type, NOT NULL and place in the primary key of each column, by table."""
    connection = database.connection
    tables = await fetch(connection, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        table["name"]: {
            (column["name"], re.sub(r"\W.*", "", column["type"]), column["notnull"], column["pk"])
            for column in await fetch(connection, f"PRAGMA table_info({table['name']})")
        }
        for table in tables
    }


async def uniques(database: Database) -> dict[str, set[frozenset[str]]]:
    """Return the column sets that are unique, by table; indexes with a condition are left out."""
    found: dict[str, set[frozenset[str]]] = {}
    for table in await described(database):
        for index in await fetch(database.connection, f"PRAGMA index_list({table})"):
            if index["unique"] and not index["partial"]:
                columns = await fetch(database.connection, f"PRAGMA index_info({index['name']})")
                found.setdefault(table, set()).add(frozenset(column["name"] for column in columns))
    return found


@pytest.mark.embedded
async def test_migrated_tables_are_those_of_the_models(data_dir: Path, tmp_path: Path) -> None:
    modelled = Database(tmp_path)
    async with TortoiseContext() as context:
        await context.init(config=modelled.config())
        await Tortoise.generate_schemas(safe=False)
        await context.connections.close_all()

    async with modelled.connected():
        tables, unique = await described(modelled), await uniques(modelled)
    async with Database(data_dir).connected() as migrated:
        migrated_tables, migrated_unique = await described(migrated), await uniques(migrated)

    own = BEYOND_THE_MODELS | {"tortoise_migrations"}
    assert {name: columns for name, columns in migrated_tables.items() if name not in own} == tables
    assert {name: columns for name, columns in migrated_unique.items() if name not in own} == unique
    assert migrated_tables.keys() - tables.keys() == own
