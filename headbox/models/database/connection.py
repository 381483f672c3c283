"""Contexts of connections: one for each event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

# Tortoise selects a context with `with context:` in one task; a server selects it for each request, a worker for each
# message.
from tortoise.context import TortoiseContext, _current_context
from tortoise.transactions import in_transaction

Connection = BaseDBAsyncClient

#: How long a writer waits for another one, in milliseconds: longer than the longest transaction of a sync.
BUSY_TIMEOUT_MS = 30_000
#: Page cache of one SQLite connection, in KiB.
CACHE_KIB = 32 * 1024
#: Length of the write-ahead log at which it is written back, in pages of 4 KiB.
WAL_PAGES = 16_384


class Database:
    """Where the database is, and the connections to it of one event loop."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "headbox.db"
        self._context: TortoiseContext | None = None

    def config(self, **pragmas: object) -> dict[str, Any]:
        """Return the configuration for Tortoise; each pragma overrides one of the connection's."""
        credentials = {
            "file_path": str(self.path),
            "busy_timeout": BUSY_TIMEOUT_MS,
            "synchronous": "NORMAL",
            "cache_size": -CACHE_KIB,
            # Checkpoints write each changed page once: the longer the log, the more often a page was changed meanwhile.
            "wal_autocheckpoint": WAL_PAGES,
            "journal_size_limit": WAL_PAGES * 4096,
            **pragmas,
        }
        return {
            "connections": {
                "default": {"engine": "headbox.models.database.sqlite_backend", "credentials": credentials}
            },
            "apps": {
                "core": {
                    "models": ["headbox.models"],
                    "default_connection": "default",
                    "migrations": "headbox.models.migrations",
                }
            },
            "use_tz": True,
            "timezone": "UTC",
        }

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Database]:
        """Open the connections for this event loop, select them here, and close them at the end."""
        context = TortoiseContext()
        with context:
            await context.init(config=self.config())
        self._context = context
        self.select()
        try:
            yield self
        finally:
            # Entered and left in different tasks, where a server's life is not one block: no token to go back to.
            with self.selected():
                await context.connections.close_all()
            self._context = None
            self.select()

    @contextmanager
    def selected(self) -> Iterator[None]:
        """Let the models use these connections for as long as the block lasts, in this task and those it starts."""
        token = _current_context.set(self._context)
        try:
            yield
        finally:
            _current_context.reset(token)

    def select(self) -> None:
        """Let the models use these connections from here on, in whatever runs in this thread's context."""
        _current_context.set(self._context)

    @property
    def connection(self) -> Connection:
        """The connection outside of transactions."""
        assert self._context is not None, "the database is not connected"
        return self._context.connections.get("default")


@asynccontextmanager
async def transaction() -> AsyncIterator[Connection]:
    """Run a block as one transaction: all of it happens, or nothing. An inner block is a savepoint."""
    async with in_transaction("default") as connection:
        yield connection
