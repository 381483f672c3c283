"""SQLite: one file in the data folder."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from headbox.models.database.failures import DatabaseUnusable

#: Name of the file in the data folder.
SQLITE_FILE = "headbox.db"
#: How long a writer waits for another one, in milliseconds: longer than the longest transaction of a sync.
BUSY_TIMEOUT_MS = 30_000
#: Page cache of one connection, in KiB.
CACHE_KIB = 32 * 1024
#: Length of the write-ahead log at which a commit writes it back, in pages of 4 KiB, where nobody else has: see
#: `checkpoints`.
WAL_PAGES = 65_536


class SqliteFile:
    """A database of one host."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def connection_config(self, *, is_migrating: bool) -> dict[str, Any]:
        """See `Place`."""
        credentials = {
            "file_path": str(self.path),
            "busy_timeout": BUSY_TIMEOUT_MS,
            "synchronous": "NORMAL",
            "cache_size": -CACHE_KIB,
            # Written back once, however often a page was changed meanwhile.
            "wal_autocheckpoint": WAL_PAGES,
            "journal_size_limit": WAL_PAGES * 4096,
            # SQLite rebuilds a table to alter it, and dropping the old one would delete the rows that refer to it.
            "foreign_keys": "OFF" if is_migrating else "ON",
        }
        return {"engine": "headbox.models.database.sqlite_backend", "credentials": credentials}

    async def check(self) -> None:
        """See `Place`."""
        try:
            with closing(sqlite3.connect(self.path)) as connection:
                connection.execute("PRAGMA schema_version").fetchone()
                connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise DatabaseUnusable(
                f"{self.path} cannot be used as a database: {error}",
                "Restore it from a backup, or name another folder with --data-dir.",
            ) from error

    @asynccontextmanager
    async def migration_lock(self) -> AsyncIterator[None]:
        """See `Place`."""
        with self.path.with_suffix(".migration.lock").open("w") as file:
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            yield
