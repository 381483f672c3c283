"""The pool: bounded, shown, and whole again whatever happens to its connections."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY
from tortoise.exceptions import IntegrityError, TransactionManagementError

from headbox.models import Repository, TaskGroup
from headbox.models.database import (
    ConnectionLost,
    Contended,
    Database,
    DatabaseAway,
    end_sessions,
    execute,
    fetch,
    insert_new,
    lock_name,
    lock_row,
    retrying,
    transaction,
)
from headbox.settings import DatabaseSettings
from headbox.types import uuid7
from tests.support.services import PostgresServer
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.distributed


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"headbox_database_{name}", {"part": "test", **labels})


class Holders:
    """Transactions that last until they are let go."""

    def __init__(self, number: int) -> None:
        self.begun = 0
        self._may_end = asyncio.Event()
        self._tasks = [asyncio.create_task(self._hold()) for _ in range(number)]

    async def let_go(self) -> None:
        self._may_end.set()
        await asyncio.gather(*self._tasks)

    async def _hold(self) -> None:
        async with transaction() as connection:
            await fetch(connection, "SELECT 1")
            self.begun += 1
            await self._may_end.wait()


async def test_pool_is_bounded_and_shown(database: Database) -> None:
    holders = Holders(5)
    await until(lambda: holders.begun == 3)

    assert (gauge("connections", state="used"), gauge("connections_limit")) == (3, 3)
    assert gauge("waiting") == 2

    await holders.let_go()
    assert (gauge("connections", state="idle"), gauge("waiting")) == (3, 0)


async def test_no_connection_in_time_is_an_error(postgres_url: str) -> None:
    # Long enough for a busy server to let two in.
    settings = DatabaseSettings(url=postgres_url, pool_size=2, wait_seconds=3)
    async with Database(Path(), settings).connected() as database:
        holders = Holders(2)
        await until(lambda: holders.begun == 2)
        with pytest.raises(ConnectionLost, match="no connection"):
            await fetch(database.connection, "SELECT 1")
        await holders.let_go()


@pytest.mark.parametrize("steps", range(12))
async def test_transaction_may_be_canceled_anywhere(database: Database, steps: int) -> None:
    async def write() -> None:
        async with transaction() as connection:
            await TaskGroup.create(description="canceled", using_db=connection)
            async with transaction() as inner:
                await fetch(inner, "SELECT pg_sleep(0.01)")

    for pause in (0.0, 0.002):
        writing = asyncio.create_task(write())
        for _ in range(steps):
            await asyncio.sleep(pause)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await Holders(9).let_go()
    assert await fetch(database.connection, "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in%'") == []


async def test_transaction_that_failed_is_not_taken_for_committed(database: Database) -> None:
    async def swallow() -> None:
        async with transaction() as connection:
            group = await TaskGroup.create(description="first", using_db=connection)
            with pytest.raises(IntegrityError):
                await TaskGroup.create(id=group.id, description="again", using_db=connection)

    with pytest.raises(TransactionManagementError):
        await swallow()
    assert await TaskGroup.all().count() == 0


async def test_inner_transaction_fails_alone(database: Database) -> None:
    async with transaction() as connection:
        group = await TaskGroup.create(description="outer", using_db=connection)
        with pytest.raises(IntegrityError):
            async with transaction() as inner:
                await TaskGroup.create(id=group.id, description="inner", using_db=inner)

    assert [row.description for row in await TaskGroup.all()] == ["outer"]


class TestRestart:
    async def test_reads_go_on(self, database: Database, postgres_server: PostgresServer) -> None:
        reading = asyncio.create_task(fetch(database.connection, "SELECT pg_sleep(0.5), 7 AS seven"))
        await asyncio.sleep(0.1)

        await asyncio.to_thread(postgres_server.restart)

        assert [row["seven"] for row in await reading] == [7]

    async def test_step_is_taken_again(self, database: Database, postgres_server: PostgresServer) -> None:
        begun: list[int] = []

        async def step() -> None:
            async with transaction() as connection:
                await TaskGroup.create(description="once", using_db=connection)
                begun.append(1)
                if len(begun) == 1:
                    await asyncio.to_thread(postgres_server.restart)
                await fetch(connection, "SELECT 1")

        await retrying(step)

        assert len(begun) == 2
        assert [group.description for group in await TaskGroup.all()] == ["once"]

    async def test_transaction_is_lost_with_one_kind_of_error(
        self, database: Database, postgres_server: PostgresServer
    ) -> None:
        async def write() -> None:
            async with transaction() as connection:
                await TaskGroup.create(description="lost", using_db=connection)
                await asyncio.to_thread(postgres_server.restart)

        with pytest.raises(ConnectionLost):
            await write()
        assert await TaskGroup.all().count() == 0

    async def test_server_that_follows_another_one_is_not_asked(
        self, postgres_url: str, postgres_server: PostgresServer
    ) -> None:
        settings = DatabaseSettings(url=postgres_url, wait_seconds=0.2)
        async with Database(Path(), settings).connected() as database:
            await asyncio.to_thread(postgres_server.demote)
            try:
                with pytest.raises(ConnectionLost, match="primary"):
                    await fetch(database.connection, "SELECT 1")
                with pytest.raises(DatabaseAway, match="primary"):
                    await database.place.check()
            finally:
                await asyncio.to_thread(postgres_server.promote)

            await TaskGroup.create(description="taken")


async def test_server_that_takes_nothing_is_as_good_as_away(database: Database) -> None:
    async def write() -> None:
        async with transaction() as connection:
            await execute(connection, "SET TRANSACTION READ ONLY", [])
            await TaskGroup.create(description="not taken", using_db=connection)

    with pytest.raises(ConnectionLost, match="read-only"):
        await write()


async def test_deadlock_ends_one_and_is_taken_again(database: Database) -> None:
    rows = [await Repository.create(kind="file.repository", name=name) for name in "ab"]
    tries: list[str] = []
    both = asyncio.Barrier(2)

    async def change(first: Repository, second: Repository) -> None:
        async def step() -> None:
            tries.append(first.name)
            async with transaction() as connection:
                await lock_row(connection, "repository", first.id)
                if len(tries) <= 2:
                    await both.wait()
                await lock_row(connection, "repository", second.id)

        await retrying(step)

    await asyncio.gather(change(*rows), change(*reversed(rows)))

    assert len(tries) == 3


async def test_lock_that_is_not_to_be_had_in_time_is_an_error(postgres_url: str, database: Database) -> None:
    row = await Repository.create(kind="file.repository", name="a")
    locked = asyncio.Event()

    async def hold() -> None:
        async with transaction() as connection:
            await lock_row(connection, "repository", row.id)
            locked.set()
            await asyncio.sleep(1)

    holding = asyncio.create_task(hold())
    await locked.wait()
    other = await asyncpg.connect(postgres_url, server_settings={"lock_timeout": "100"})
    try:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await other.execute("UPDATE repository SET name = 'b'")
    finally:
        await other.close()
    await holding

    async def impatient() -> None:
        async with transaction() as connection:
            await execute(connection, "SET LOCAL lock_timeout = 100")
            await lock_row(connection, "repository", row.id)

    locked.clear()
    holding = asyncio.create_task(hold())
    await locked.wait()
    with pytest.raises(Contended):
        await impatient()
    await holding


async def test_names_are_locked_by_one_at_a_time(database: Database) -> None:
    inside: list[int] = []

    async def one() -> None:
        async with transaction() as connection:
            await lock_name(connection, "remote", "a")
            inside.append(1)
            assert len(inside) == 1
            await asyncio.sleep(0.02)
            inside.pop()

    await asyncio.gather(*(one() for _ in range(5)))


async def test_sessions_of_a_client_are_ended_and_what_it_began_is_undone(
    database: Database, postgres_url: str
) -> None:
    suspended = await asyncpg.connect(postgres_url, server_settings={"application_name": "headbox worker x"})
    try:
        await suspended.execute("BEGIN; INSERT INTO task_group VALUES (gen_random_uuid(), now(), 'half')")

        await end_sessions(database.connection, "headbox worker x")

        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
            await suspended.execute("COMMIT")
    finally:
        suspended.terminate()
    assert await TaskGroup.all().count() == 0


class TestInsertNew:
    """By COPY, where there are many rows."""

    COLUMNS = ("id", "description")

    def _rows(self, number: int) -> list[tuple[str, str]]:
        return [(str(uuid7()), f"group {n}") for n in range(number)]

    async def test_counts_what_is_new(self, database: Database) -> None:
        rows = self._rows(1000)
        constants = {"created_at": (await TaskGroup.create(description="x")).created_at}
        async with transaction() as connection:
            first = await insert_new(connection, "task_group", self.COLUMNS, rows[:600], constants=constants)
            second = await insert_new(connection, "task_group", self.COLUMNS, rows, constants=constants)
        async with transaction() as connection:
            third = await insert_new(connection, "task_group", self.COLUMNS, rows, constants=constants)

        assert (first, second, third) == (600, 400, 0)
        assert await TaskGroup.all().count() == 1001

    async def test_works_again_after_a_transaction_that_was_rolled_back(self, database: Database) -> None:
        rows = self._rows(200)
        constants = {"created_at": (await TaskGroup.create(description="x")).created_at}

        async def fail() -> None:
            async with transaction() as connection:
                await insert_new(connection, "task_group", self.COLUMNS, rows, constants=constants)
                raise LookupError

        for _ in range(4):
            with pytest.raises(LookupError):
                await fail()
        async with transaction() as connection:
            assert await insert_new(connection, "task_group", self.COLUMNS, rows, constants=constants) == 200
