"""What every process of an installation is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Self

from tortoise.exceptions import BaseORMException

from headbox.cli.processes.refusal import StartRefused
from headbox.kinds import Registry
from headbox.models.cipher import Cipher, KeyUnusable
from headbox.models.database import (
    Database,
    DatabaseUnusable,
    in_use,
    migrate_apart,
    pending_migrations,
    waiting_for_database,
)
from headbox.services.installation import OtherKey, check_key
from headbox.settings import Settings
from headbox.storage import ArtifactStorage, StorageUnusable, Workspace, open_storage, own_workspace
from headbox.tasking.bus import EventBus, MemoryBus
from headbox.tasking.redis_bus import RedisBus


@dataclass(frozen=True)
class Parts:
    """What the settings name, opened.

    Attributes:
        settings: The settings.
        registry: The installed plugins.
        cipher: Has the key of the installation.
        storage: Keeps artifacts.
        workspace: Of this process alone.
    """

    settings: Settings
    registry: Registry
    cipher: Cipher
    storage: ArtifactStorage
    workspace: Workspace

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> Iterator[Self]:
        """Open everything but connections.

        Raises:
            StartRefused: Something of it cannot be used.
        """
        try:
            storage = open_storage(settings)
        except StorageUnusable as error:
            raise StartRefused(str(error), "Make it writable, or name another one.") from error
        with own_workspace(settings.data_dir / "work") as workspace:
            yield cls(settings, Registry.installed(), _cipher(settings), storage, workspace)

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[EventBus]:
        """Give the bus that the settings name, and let it carry events for as long as the block lasts."""
        if self.settings.redis.url is None:
            yield MemoryBus()
        else:
            async with RedisBus(self.settings.redis).running() as bus:
                yield bus

    async def prepare_database(self, *, may_migrate: bool) -> None:
        """Make sure that the database is one of this release and of this installation; before anything is connected.

        A database that is away is waited for: a server may be started at the same time, or again.

        Args:
            may_migrate: Whether it may be brought up to this release.

        Raises:
            StartRefused: It is not, or cannot be used.
        """
        database = Database.of(self.settings)
        with _refusing():
            await waiting_for_database(lambda: self._prepare(database, may_migrate=may_migrate))

    @asynccontextmanager
    async def database_in_use(self) -> AsyncIterator[asyncio.Event]:
        """Keep processes from the database that this one would not hear of, for as long as the block lasts.

        Yields:
            Set when another one has the database: this one is to end.

        Raises:
            StartRefused: Another one has it now.
        """
        database = Database.of(self.settings)
        if database.is_sqlite:
            # Nobody else has the data folder.
            yield asyncio.Event()
            return
        async with AsyncExitStack() as stack:
            with _refusing():
                use = in_use(database, is_shared=self.settings.redis.url is not None)
                lost = await stack.enter_async_context(use)
            yield lost

    async def _prepare(self, database: Database, *, may_migrate: bool) -> None:
        if may_migrate:
            await migrate_apart(database, self.registry.searched_fields())
        elif pending := await pending_migrations(database):
            raise StartRefused(f"the database lacks {', '.join(pending)}", "Run headbox migrate.")
        async with database.connected():
            await check_key(database.connection, self.cipher)


@contextmanager
def _refusing() -> Iterator[None]:
    """Let what is wrong with the database say what to do next."""
    try:
        yield
    except DatabaseUnusable as error:
        raise StartRefused(str(error), error.hint) from error
    except (BaseORMException, OSError) as error:
        raise StartRefused(f"the database cannot be used: {error}", "Mend it, and start again.") from error
    except OtherKey as error:
        hint = "Set the right one. If it is lost: headbox migrate --new-key; then set the credentials of all remotes,"
        hint += " and rotate the secrets of all webhooks."
        raise StartRefused(str(error), hint) from error


def _cipher(settings: Settings) -> Cipher:
    try:
        return Cipher.of(settings)
    except KeyUnusable as error:
        hint = (
            "Restore it from a backup. If it is lost: delete it, run headbox migrate --new-key, and set the credentials"
        )
        hint += " of all remotes again, and rotate the secrets of all webhooks."
        raise StartRefused(str(error), hint) from error
