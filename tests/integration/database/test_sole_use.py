"""Who is let into a database beside whom, and what becomes of the lock when its connection is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from headbox.models.database import Database, in_use, sole_use
from headbox.models.database.sole_use import InUse
from headbox.settings import DatabaseSettings
from tests.support.services import PostgresServer
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.distributed

#: Of the sessions that have a lock, in the database that is asked.
HOLDERS = """
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND granted
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sole_use, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(sole_use, "AWAY_SECONDS", 0.05)


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def database_at(url: str) -> Database:
    return Database(Path(), DatabaseSettings(url=url, wait_seconds=0.3))


async def test_those_that_share_a_database_let_in_others_that_do(postgres_url: str) -> None:
    database = database_at(postgres_url)

    async with in_use(database, is_shared=True), in_use(database, is_shared=True), asking(postgres_url) as connection:
        assert len(await connection.fetch(HOLDERS)) == 2


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (True, False, "other processes share postgres://127.0.0.1"),
        (False, True, "another headbox serve runs on postgres://127.0.0.1"),
        (False, False, "another headbox serve runs on postgres://127.0.0.1"),
    ],
)
async def test_nobody_is_let_in_beside_one_that_would_not_hear_of_it(
    postgres_url: str, first: bool, second: bool, reason: str
) -> None:
    database = database_at(postgres_url)
    async with in_use(database, is_shared=first):
        with pytest.raises(InUse, match=reason) as refused:
            async with in_use(database, is_shared=second):
                pass
        assert "HEADBOX_REDIS_URL" in refused.value.hint

    async with in_use(database, is_shared=second):
        pass


async def test_process_goes_on_when_the_database_lets_nobody_in_for_a_while(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    name = urlsplit(postgres_url).path.lstrip("/")
    async with in_use(database_at(postgres_url), is_shared=True) as lost, asking(postgres_server.url()) as server:
        await server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await asyncio.sleep(0.5)
        await server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        async with asking(postgres_url) as connection, asyncio.timeout(PATIENCE_SECONDS):
            while not await connection.fetch(HOLDERS):  # noqa: ASYNC110 - another connection takes it
                await asyncio.sleep(0.01)
        assert not lost.is_set()
