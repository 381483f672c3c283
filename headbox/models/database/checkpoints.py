"""Writing SQLite's log back into the database beside whoever writes, and not in their way.

A commit that finds the log long writes it back itself, and everybody waits for that: a sync would stand still for a
quarter of a second, again and again.

Source: https://www.sqlite.org/wal.html#ckpt.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from threading import Event, Thread

from headbox.models.database.connection import Database
from headbox.models.database.sqlite import SqliteFile

#: How often the log is looked at, in seconds, and how long it is before anything is done about it, in bytes.
POLL_SECONDS, LONG_BYTES = 0.5, 4 * 1024 * 1024

log = logging.getLogger(__name__)


@asynccontextmanager
async def checkpointed(database: Database) -> AsyncIterator[None]:
    """Keep the log of a migrated database short for as long as the block lasts; PostgreSQL does so by itself."""
    if not isinstance(database.place, SqliteFile):
        yield
        return
    stop = Event()
    thread = Thread(target=_keep_short, args=(database.place.path, stop), name="checkpoints", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)


def _keep_short(path: Path, stop: Event) -> None:
    log_path = path.with_name(f"{path.name}-wal")
    # It never waits for others: whoever reads or writes goes first, and the next look is soon.
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        while not stop.wait(POLL_SECONDS):
            try:
                if log_path.stat().st_size >= LONG_BYTES:
                    _write_back(connection)
            except FileNotFoundError:
                pass  # Nobody is connected.
            except sqlite3.Error:
                log.warning("the log of the database cannot be written back now", exc_info=True)


def _write_back(connection: sqlite3.Connection) -> None:
    _, pages, written = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if pages == written:
        # Cut, so that its length tells what is left to do. Others wait for this alone, which has next to nothing to do.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
