"""The heartbeat: a worker that cannot say that it lives ends what others take from it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from headbox.models import Task, Worker
from headbox.models.database import SQLITE_FILE, now
from headbox.settings import WorkerSettings
from headbox.types import TaskState
from headbox.workers.heartbeat import Heartbeat
from tests.factories.task import make_gate, make_wait
from tests.support.engine import LocalEngine
from tests.support.statements import statements

#: How long a worker may be silent, in seconds.
LOST_AFTER_SECONDS = 0.6


@pytest.fixture
async def engine(data_dir: Path) -> AsyncIterator[LocalEngine]:
    settings = WorkerSettings(lost_after_seconds=LOST_AFTER_SECONDS, heartbeat_seconds=LOST_AFTER_SECONDS / 2)
    async with LocalEngine(data_dir, worker=settings).running() as engine:
        yield engine


async def heartbeat_of(engine: LocalEngine, *, is_alone: bool = False) -> Heartbeat:
    return Heartbeat(engine, await Worker.get(), engine.runner, is_alone=is_alone)


@asynccontextmanager
async def no_heartbeat_written(engine: LocalEngine) -> AsyncIterator[None]:
    """Let nobody write into the table of workers for as long as the block lasts."""
    if engine.database.is_sqlite:
        connection = sqlite3.connect(engine.settings.data_dir / SQLITE_FILE, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.close()
        return
    locked = await asyncpg.connect(os.environ["HEADBOX_DATABASE_URL"])
    try:
        async with locked.transaction():
            await locked.execute("LOCK TABLE worker IN EXCLUSIVE MODE")
            yield
    finally:
        await locked.close()


async def beat_in_vain(heartbeat: Heartbeat) -> None:
    """Beat until the worker counts as lost."""
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await heartbeat.beat()


async def test_heartbeat_is_written_on_the_clock_of_the_database(engine: LocalEngine) -> None:
    await Worker.all().update(last_seen_at=await now(engine.database.connection) - timedelta(hours=1))
    heartbeat = await heartbeat_of(engine)
    before = await now(engine.database.connection)

    await heartbeat.beat()

    assert before <= (await Worker.get()).last_seen_at <= await now(engine.database.connection)


async def test_idle_worker_asks_for_little(engine: LocalEngine) -> None:
    heartbeat = await heartbeat_of(engine)

    with statements() as asked:
        await heartbeat.beat()

    # That it lives, by which clock, and what is said to run here; the last of it also when it begins to hear events.
    assert len(set(asked)) <= 3


async def test_worker_that_cannot_say_that_it_lives_ends_what_it_runs(engine: LocalEngine) -> None:
    name, gate = make_gate()
    task = await make_wait(engine, name)
    await gate.holds(1)
    heartbeat = await heartbeat_of(engine)

    async with no_heartbeat_written(engine):
        await beat_in_vain(heartbeat)
        await gate.holds(0)

    # The database is back before anybody has missed the worker: the task is given back, and found by its message.
    await engine.reached(task, {TaskState.WAITING, TaskState.RUNNING})
    gate.open()
    done = await engine.completed(task)
    assert (done.attempt, done.losses) == (2, 0)


async def test_worker_that_is_alone_goes_on(engine: LocalEngine) -> None:
    name, gate = make_gate()
    task = await make_wait(engine, name)
    await gate.holds(1)
    heartbeat = await heartbeat_of(engine, is_alone=True)

    async with no_heartbeat_written(engine):
        await beat_in_vain(heartbeat)
    assert gate.waiting == 1
    gate.open()

    assert (await engine.completed(task)).attempt == 1


async def test_worker_that_slept_learns_what_was_taken_from_it(engine: LocalEngine) -> None:
    name, gate = make_gate()
    task = await make_wait(engine, name)
    await gate.holds(1)
    heartbeat = await heartbeat_of(engine)
    await Task.filter(id=task.id).update(state=TaskState.WAITING, worker_id=None)

    await heartbeat.beat()
    await gate.holds(0)

    await asyncio.wait_for(engine.dispatcher.rest(), 5)
    assert gate.ended == []
    assert (await Task.get(id=task.id)).state is TaskState.WAITING
