"""The log of SQLite is written back beside whoever reads and writes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headbox.models.database import SQLITE_FILE, Database, checkpointed
from headbox.models.database.checkpoints import LONG_BYTES, POLL_SECONDS
from tests.support.waiting import until

pytestmark = pytest.mark.embedded


@pytest.fixture
def writer(data_dir: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data_dir / SQLITE_FILE, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE filler (bytes BLOB)")
        yield writer


def fill(writer: sqlite3.Connection) -> None:
    writer.execute("INSERT INTO filler VALUES (zeroblob(?))", (LONG_BYTES,))


def log_bytes(data_dir: Path) -> int:
    return (data_dir / f"{SQLITE_FILE}-wal").stat().st_size


async def test_long_log_is_written_back_and_cut(data_dir: Path, writer: sqlite3.Connection) -> None:
    fill(writer)
    assert log_bytes(data_dir) > LONG_BYTES

    async with checkpointed(Database(data_dir)):
        await until(lambda: log_bytes(data_dir) == 0)
        fill(writer)
        await until(lambda: log_bytes(data_dir) == 0)

    assert writer.execute("SELECT COUNT(*) FROM filler").fetchone() == (2,)


async def test_nobody_waits_for_whoever_reads_on(data_dir: Path, writer: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(data_dir / SQLITE_FILE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT COUNT(*) FROM filler").fetchone() == (0,)

        async with checkpointed(Database(data_dir)):
            fill(writer)
            await asyncio.sleep(POLL_SECONDS * 3)
            fill(writer)
            assert reader.execute("SELECT COUNT(*) FROM filler").fetchone() == (0,)
            assert log_bytes(data_dir) > 2 * LONG_BYTES

            reader.execute("COMMIT")
            await until(lambda: log_bytes(data_dir) == 0)
