"""Which databases headbox takes, and what it makes of an empty one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from string import ascii_letters, digits

import asyncpg
import pytest
from tortoise.exceptions import OperationalError

from headbox.models import ArtifactSource, Content, ContentArtifact, Repository
from headbox.models.database import (
    ConnectionLost,
    Database,
    DatabaseUnusable,
    create_search_indexes,
    execute,
    fetch,
    migrate,
    pending_migrations,
)
from headbox.settings import DatabaseSettings
from headbox.types import MAX_PATH_BYTES, SearchedField, uuid7
from tests.support.services import PostgresServer

pytestmark = pytest.mark.distributed


def database_at(url: str, wait_seconds: float = 0.3) -> Database:
    return Database(Path(), DatabaseSettings(url=url, wait_seconds=wait_seconds))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://somebody:hidden@127.0.0.1:1/nothing", "connect"),
        ("postgres://somebody:hidden@host.invalid/nothing", "name"),
    ],
)
async def test_server_that_cannot_be_reached_is_named_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        await migrate(database_at(url))

    assert reason in str(caught.value).lower()
    assert "hidden" not in str(caught.value)
    assert "HEADBOX_DATABASE_URL" in caught.value.hint


async def test_database_that_is_not_there_is_told_at_once(postgres_server: PostgresServer) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(DatabaseUnusable, match="does not exist"):
            await pending_migrations(database_at(postgres_server.url("nowhere"), wait_seconds=60))


async def test_database_that_goes_away_is_not_taken_for_an_empty_one(
    postgres_url: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = database_at(postgres_url)

    async def stop_after_it() -> None:
        await asyncio.to_thread(postgres_server.stop)

    monkeypatch.setattr(database.place, "check", stop_after_it)
    try:
        with pytest.raises(ConnectionLost):
            await pending_migrations(database)
    finally:
        await asyncio.to_thread(postgres_server.start)

    assert await pending_migrations(database_at(postgres_url)) == []


async def test_database_that_cannot_hold_all_text_is_refused(postgres_server: PostgresServer) -> None:
    server = await asyncpg.connect(postgres_server.url())
    try:
        await server.execute("CREATE DATABASE ascii_only ENCODING 'SQL_ASCII' TEMPLATE template0")
    finally:
        await server.close()

    with pytest.raises(DatabaseUnusable, match="SQL_ASCII"):
        await migrate(database_at(postgres_server.url("ascii_only")))


async def test_several_processes_may_migrate_at_once(postgres_server: PostgresServer) -> None:
    searched = [SearchedField("book.content", "title")]
    with postgres_server.database() as url:
        databases = [database_at(url) for _ in range(2)]
        assert len(await pending_migrations(databases[0])) > 1

        # One after the other in this process, which sets the models up for each; beside another process.
        other = asyncio.to_thread(asyncio.run, _lock_for(databases[1], 0.5))
        await asyncio.gather(migrate(databases[0], searched), other)

        assert await pending_migrations(databases[0]) == []


async def _lock_for(database: Database, seconds: float) -> None:
    async with database.place.migration_lock():
        await asyncio.sleep(seconds)


async def test_no_text_is_ordered_by_locale(database: Database) -> None:
    columns = await fetch(
        database.connection,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'",
    )
    names = ["a-b", "a_b", "aB", "ab", "A", "ä"]
    for name in names:
        await Repository.create(kind="file.repository", name=name)

    assert columns == []
    assert [row.name for row in await Repository.all().order_by("name")] == sorted(names)


async def test_index_that_a_killed_process_left_half_made_is_made_anew(database: Database) -> None:
    connection = database.connection
    searched = [SearchedField("book.content", "title")]
    await create_search_indexes(connection, searched)
    await execute(
        connection,
        "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'content_search_book_content_title'::regclass",
    )

    await create_search_indexes(connection, searched)
    await create_search_indexes(connection, searched)

    [row] = await fetch(
        connection, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'content_search_book_content_title'::regclass"
    )
    assert row["indisvalid"]


async def test_long_names_of_indexes_stay_apart(database: Database) -> None:
    searched = [SearchedField("book.content", "a" * 60 + last) for last in "xy"]

    await create_search_indexes(database.connection, searched)

    indexes = await fetch(database.connection, "SELECT 1 FROM pg_indexes WHERE indexname LIKE 'content_search_book%'")
    assert len(indexes) == 2


async def test_statement_that_takes_too_long_is_ended(postgres_url: str) -> None:
    settings = DatabaseSettings(url=postgres_url, statement_timeout_seconds=0.1)
    async with Database(Path(), settings).connected() as database:
        with pytest.raises(OperationalError, match="timeout"):
            await fetch(database.connection, "SELECT pg_sleep(5)")


async def test_longest_path_fits_every_index(database: Database) -> None:
    random = Random(1)
    # Such that nothing of it can be compressed away.
    path = "".join(random.choice(ascii_letters + digits) for _ in range(MAX_PATH_BYTES))
    identifier = uuid7()
    connection = database.connection
    await create_search_indexes(connection, [SearchedField("book.content", "title")])

    await Content.create(id=identifier, kind="book.content", document={"title": path}, slot=identifier)
    await ContentArtifact.create(content_id=identifier, relative_path=path)
    await ArtifactSource.create(content_id=identifier, relative_path=path, remote_id=uuid7(), url="http://a")
