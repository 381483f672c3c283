"""Transactions, and the statements that the ORM has no words for; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from headbox.models import Artifact, Repository, TaskGroup
from headbox.models.database import (
    SQLITE_FILE,
    Database,
    DatabaseUnusable,
    delete_in_batches,
    execute,
    fetch,
    has_label,
    insert_new,
    migrate,
    migrate_apart,
    now,
    pending_migrations,
    transaction,
)
from headbox.settings import Settings
from headbox.types import SearchedField, uuid7

COLUMNS = ("sha256", "size", "created_at")


@pytest.fixture
async def database(data_dir: Path) -> AsyncIterator[Database]:
    async with Database.of(Settings(data_dir=data_dir)).connected() as database:
        yield database


def rows(*digests: str, size: int = 1) -> list[tuple[object, ...]]:
    return [(digest, size, datetime(2026, 1, 1, tzinfo=UTC)) for digest in digests]


@pytest.mark.embedded
async def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path)
    assert await pending_migrations(database) != []

    await migrate(database)
    await migrate(database)

    assert await pending_migrations(database) == []


@pytest.mark.embedded
async def test_database_of_a_later_release_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(tmp_path)
    await migrate(database)
    assert await pending_migrations(database) == []
    assert not caplog.messages
    async with database.connected():
        await fetch(
            database.connection,
            "INSERT INTO tortoise_migrations (app, name, applied_at) SELECT app, '0099_later', applied_at"
            " FROM tortoise_migrations LIMIT 1",
        )

    assert await pending_migrations(database) == []

    [message] = caplog.messages
    assert "of a later release, and has 0099_later" in message


@pytest.mark.embedded
async def test_migrations_can_be_applied_by_another_process(tmp_path: Path) -> None:
    database = Database(tmp_path)

    await migrate_apart(database, [SearchedField("file.content", "size", is_number=True, is_text=False)])

    assert await pending_migrations(database) == []
    async with database.connected():
        assert await TaskGroup.all().count() == 0


@pytest.mark.embedded
async def test_what_fails_in_another_process_is_told_here(tmp_path: Path) -> None:
    (tmp_path / SQLITE_FILE).write_bytes(b"no database" * 1000)

    with pytest.raises(DatabaseUnusable, match="not a database"):
        await migrate_apart(Database(tmp_path))


async def test_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with transaction() as connection:
            await TaskGroup.create(description="never", using_db=connection)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await TaskGroup.all().count() == 0


async def test_inner_transaction_fails_alone(database: Database) -> None:
    async def fail() -> None:
        async with transaction() as inner:
            await TaskGroup.create(description="inner", using_db=inner)
            raise LookupError

    async with transaction() as connection:
        await TaskGroup.create(description="outer", using_db=connection)
        with pytest.raises(LookupError):
            await fail()

    assert [group.description for group in await TaskGroup.all()] == ["outer"]


@pytest.mark.embedded
async def test_writers_wait_for_each_other(data_dir: Path) -> None:
    """Each with a connection of its own: deferred transactions would fail with "database is locked"."""

    async def count_up() -> None:
        async with Database.of(Settings(data_dir=data_dir)).connected():
            for _ in range(10):
                async with transaction() as connection:
                    [row] = await fetch(connection, "SELECT COUNT(*) AS number FROM task_group")
                    await TaskGroup.create(description=str(row["number"]), using_db=connection)

    await asyncio.gather(*(count_up() for _ in range(4)))

    async with Database.of(Settings(data_dir=data_dir)).connected():
        assert sorted(int(group.description) for group in await TaskGroup.all()) == list(range(40))


@pytest.mark.parametrize("steps", range(8))
async def test_transaction_that_is_canceled_while_it_begins_leaves_the_connection_free(
    database: Database, steps: int
) -> None:
    async def write() -> None:
        async with transaction() as connection:
            await TaskGroup.create(description="canceled", using_db=connection)

    writing = asyncio.create_task(write())
    for _ in range(steps):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    async with asyncio.timeout(5), transaction() as connection:
        await TaskGroup.create(description="next", using_db=connection)
    assert "next" in [group.description for group in await TaskGroup.all()]


class TestInsertNew:
    async def test_rows_that_are_there_are_left_alone(self, database: Database) -> None:
        async with transaction() as connection:
            assert await insert_new(connection, "artifact", COLUMNS, rows("a", "b")) == 2
            assert await insert_new(connection, "artifact", COLUMNS, rows("b", "c", size=9)) == 1

        assert {row.sha256: row.size for row in await Artifact.all()} == {"a": 1, "b": 1, "c": 9}

    async def test_conflict_can_update(self, database: Database) -> None:
        clause = "(sha256) DO UPDATE SET size = excluded.size WHERE artifact.size <> excluded.size"
        async with transaction() as connection:
            await insert_new(connection, "artifact", COLUMNS, rows("a", "b"))
            assert await insert_new(connection, "artifact", COLUMNS, rows("a"), on_conflict=clause) == 0
            assert await insert_new(connection, "artifact", COLUMNS, rows("a", size=9), on_conflict=clause) == 1

        assert (await Artifact.get(sha256="a")).size == 9

    async def test_values_come_back_as_they_were(self, database: Database) -> None:
        odd = 'it\'s "odd" \\ \n \x01 é 日本 \U0001f4e6'
        time = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        async with transaction() as connection:
            await insert_new(connection, "artifact", COLUMNS, [(odd, 2**62, time)])

        [row] = await Artifact.all()
        assert (row.sha256, row.size, row.created_at) == (odd, 2**62, time)

    async def test_no_rows_are_nothing_to_do(self, database: Database) -> None:
        async with transaction() as connection:
            assert await insert_new(connection, "artifact", COLUMNS, []) == 0


async def test_delete_in_batches_deletes_all_that_match(database: Database) -> None:
    one, two = str(uuid7()), str(uuid7())
    async with transaction() as connection:
        for task in (one, two):
            staged = [(str(UUID(int=number)), str(UUID(int=number)), number) for number in range(6000)]
            columns = ("content_id", "slot", "ordinal")
            await insert_new(connection, "staged_content", columns, staged, constants={"task_id": task})

    await delete_in_batches(database.connection, "staged_content", "task_id = ?", [one])

    [left] = await fetch(database.connection, "SELECT task_id, COUNT(*) AS rows FROM staged_content GROUP BY task_id")
    assert (str(left["task_id"]), left["rows"]) == (two, 6000)


@pytest.mark.parametrize(
    ("key", "value", "matches"),
    [
        ("team", "crane", True),
        ("team", None, True),
        ("team", "other", False),
        ("tea", None, False),
        ("dotted.key", "yes", True),
        ("1st", None, True),
        ('quo"ted', "x", True),
    ],
)
async def test_labels_are_found_by_key_and_value(
    database: Database, key: str, value: str | None, *, matches: bool
) -> None:
    labels = {"team": "crane", "dotted.key": "yes", "1st": "", 'quo"ted': "x"}
    await Repository.create(kind="file.repository", name="r", labels=labels)
    connection = database.connection
    condition = has_label(connection, "repository.labels", value)

    parameters = [key] if value is None else [key, value]
    found = await fetch(connection, f"SELECT name FROM repository WHERE {condition}", parameters)

    assert bool(found) == matches


async def test_execute_tells_how_many_rows_it_changed(database: Database) -> None:
    async with transaction() as connection:
        await insert_new(connection, "artifact", COLUMNS, rows("a", "b", "c"))

    assert await execute(database.connection, "UPDATE artifact SET size = 5 WHERE sha256 > ?", ["a"]) == 2
    assert await execute(database.connection, "DELETE FROM artifact WHERE sha256 = ?", ["gone"]) == 0


async def test_clock_of_the_database_knows_its_zone(database: Database) -> None:
    assert (await now(database.connection)).tzinfo is not None
