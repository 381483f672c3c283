"""Bring the database's tables up to this release."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import get_context

from tortoise import Tortoise
from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError
from tortoise.migrations.api import migrate as apply_migrations
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.recorder import MigrationRecorder

from headbox.models.database.connection import Database
from headbox.models.database.failures import TRANSIENT
from headbox.models.database.search import create_search_indexes
from headbox.models.database.sql import fetch
from headbox.models.database.tuning import tune
from headbox.types import SearchedField

log = logging.getLogger(__name__)


async def migrate(database: Database, searched: Iterable[SearchedField] = ()) -> None:
    """Apply the migrations that are missing, and create the indexes; several processes may try it at once.

    Args:
        database: Not connected yet.
        searched: Fields that content can be searched by.

    Raises:
        DatabaseUnusable: There is something else in its place.
        BaseORMException: A migration failed; those before it stay, and it can be tried again.
    """
    await database.place.check()
    async with database.place.migration_lock(), TortoiseContext():
        await apply_migrations(config=database.config(is_migrating=True), direction="forward")
        async with database.connected(is_migrating=True):
            await tune(database.connection)
            await create_search_indexes(database.connection, searched)


async def migrate_apart(database: Database, searched: Iterable[SearchedField] = ()) -> None:
    """Do as `migrate`, in a process of its own where migrations are missing.

    Applying them takes some 50 MB, which would stay with this process for as long as it lives.

    Raises:
        DatabaseUnusable: As of `migrate`.
        BaseORMException: As of `migrate`.
    """
    fields = tuple(searched)
    if await pending_migrations(database):
        process = get_context("spawn").Process(target=_migrate, args=(database, fields), daemon=True)
        process.start()
        await asyncio.to_thread(process.join)
    # What has failed there fails here too, and says why.
    await migrate(database, fields)


def _migrate(database: Database, searched: Iterable[SearchedField]) -> None:
    with suppress(Exception):
        asyncio.run(migrate(database, searched))


async def pending_migrations(database: Database) -> list[str]:
    """Return the names of the migrations that are missing, in the order they are applied in.

    A database of a later release is no error: a release runs on the database of the next one. It is logged.

    Raises:
        DatabaseUnusable: There is something else in the database's place.
        ConnectionLost: The database went away meanwhile.
    """
    await database.place.check()
    config = database.config()
    async with TortoiseContext() as context:
        await Tortoise.init(config=config, init_connections=False)
        executor = MigrationExecutor(context.connections.get("default"), config["apps"])
        executor.recorder = executor.loader.recorder = _Recorder(executor.connection)
        steps = await executor.plan()
    loader = executor.loader
    if later := sorted(key.name for key in loader.applied_migrations - loader.disk_migrations.keys()):
        log.warning(
            "the database is of a later release, and has %s: this release runs on that of the next one, no later one",
            ", ".join(later),
        )
    return [step.migration.name for step in steps]


class _Recorder(MigrationRecorder):
    """Reads which migrations were applied; Tortoise's own takes a database that is away for an empty one."""

    async def applied_migrations(self) -> list[MigrationKey]:
        """See `MigrationRecorder`."""
        try:
            rows = await fetch(self.connection, f"SELECT app, name FROM {self.table_name} ORDER BY id")  # noqa: S608
        except TRANSIENT:
            raise
        except OperationalError:
            return []  # There is no such table yet.
        return [MigrationKey(row["app"], row["name"]) for row in rows]
