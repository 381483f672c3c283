"""Bring the database's tables up to this release."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing

from tortoise import Tortoise
from tortoise.context import TortoiseContext
from tortoise.migrations.api import migrate as apply_migrations
from tortoise.migrations.executor import MigrationExecutor

from headbox.models.database.connection import Database
from headbox.models.database.search import create_search_indexes


class DatabaseUnusable(Exception):
    """The database's file is none, or cannot be read."""


async def migrate(database: Database, searched: Iterable[tuple[str, str]] = ()) -> None:
    """Apply the migrations that are missing, and create the indexes; several processes may try it at once.

    Args:
        database: Not connected yet.
        searched: Kind and field of whatever content can be searched by.

    Raises:
        DatabaseUnusable: There is something else in its place.
    """
    _check(database)
    # SQLite rebuilds a table to alter it, and dropping the old one would delete the rows that refer to it.
    config = database.config(foreign_keys="OFF")
    async with _migration_lock(database), TortoiseContext():
        await apply_migrations(config=config, direction="forward")
        async with database.connected():
            await create_search_indexes(database.connection, searched)


async def pending_migrations(database: Database) -> list[str]:
    """Return the names of the migrations that are missing, in the order they are applied in.

    Raises:
        DatabaseUnusable: There is something else in the database's place.
    """
    _check(database)
    config = database.config()
    async with TortoiseContext() as context:
        await Tortoise.init(config=config, init_connections=False)
        steps = await MigrationExecutor(context.connections.get("default"), config["apps"]).plan()
    return [step.migration.name for step in steps]


def _check(database: Database) -> None:
    """Look before the migrations do: they take a database that they cannot read for an empty one."""
    try:
        with closing(sqlite3.connect(database.path)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{database.path} cannot be used as a database: {error}") from error


@asynccontextmanager
async def _migration_lock(database: Database) -> AsyncIterator[None]:
    path = database.path.with_suffix(".migration.lock")
    with path.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield
