"""Tasks whose database went away, or preferred others, go on: it is no fault of theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest

from headbox.kinds import Registry
from headbox.models import Task, TaskGroup, Worker
from headbox.models.database import ConnectionLost, Contended, fetch
from headbox.plugin_api import Plugin, TaskContext, TaskType
from headbox.plugins.file.plugin import plugin as file_plugin
from headbox.services import task as tasks
from headbox.tasking.engine import UnitOfWork
from headbox.types import TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import EmbeddedEngine, LocalEngine
from tests.support.mirror import serve
from tests.support.services import PostgresServer
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import until


class Unlucky(TaskType, kind="luck.out"):
    """Lose the database some times."""

    losses: ClassVar[list[Exception]] = []

    async def run(self, ctx: TaskContext) -> None:
        """See `TaskType.run`."""
        ctx.report("luck.try", "Trying").add()
        if self.losses:
            raise self.losses.pop()


luck_plugin = Plugin(name="luck", version="1", description="Bad luck.", documents=(), tasks=(Unlucky,))


async def make_unlucky(engine: LocalEngine, *losses: Exception) -> Task:
    engine.registry = Registry([file_plugin, luck_plugin])
    Unlucky.losses[:] = losses
    async with engine.unit_of_work() as work:
        return await tasks.create(work, Unlucky, {})


@pytest.mark.parametrize(
    "losses",
    [
        [ConnectionLost("gone")],
        [Contended("deadlock"), ConnectionLost("gone")],
        [ExceptionGroup("several", [ExceptionGroup("inner", [ConnectionLost("gone")])])],
    ],
)
async def test_task_that_lost_its_database_runs_again(engine: LocalEngine, losses: list[Exception]) -> None:
    number = len(losses)
    task = await engine.completed(await make_unlucky(engine, *losses))

    assert (task.attempt, task.losses) == (number + 1, number)
    await engine.assert_nothing_left()


async def test_task_that_always_loses_it_fails(engine: LocalEngine) -> None:
    task = await make_unlucky(engine, *[ConnectionLost("gone") for _ in range(9)])

    error = await engine.failed(task)

    row = await Task.get(id=task.id)
    assert (error["code"], row.attempt) == ("INTERNAL", engine.settings.worker.max_attempts)


async def test_step_that_is_taken_again_does_and_tells_its_work_once(engine: LocalEngine) -> None:
    tries: list[int] = []

    async def step(work: UnitOfWork) -> str:
        tries.append(1)
        await TaskGroup.create(description="once", using_db=work.connection)
        if len(tries) < 3:
            raise Contended("deadlock")
        return "done"

    assert await engine.transact(step) == "done"
    assert await TaskGroup.all().count() == 1


@pytest.mark.distributed
async def test_sync_outlives_a_restart_of_the_server(
    engine: LocalEngine, upstream: Upstream, postgres_server: PostgresServer
) -> None:
    repository = await make_repository(engine, upstream)
    serve(upstream, {f"{number}.txt": b"%d" % number for number in range(300)})
    upstream.fault("7.txt", Slow(1.0))
    task = await make_sync(engine, repository)
    await engine.reached(task, [TaskState.RUNNING])

    await asyncio.to_thread(postgres_server.restart)

    await engine.completed(task)
    [members] = await fetch(engine.database.connection, "SELECT COUNT(*) AS units FROM membership")
    assert members["units"] == 300
    await engine.assert_nothing_left()


@pytest.mark.distributed
async def test_worker_that_begins_while_the_server_is_away_waits_and_says_so(
    data_dir: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HEADBOX_DATABASE_WAIT_SECONDS", "0.2")
    engine = EmbeddedEngine(data_dir)
    await asyncio.to_thread(postgres_server.stop)

    async def work() -> None:
        async with engine.running():
            assert await Worker.filter(stopped_at__isnull=True).count() == 1

    try:
        working = asyncio.create_task(work())
        await until(lambda: "the database is away; waiting for it" in caplog.messages)
    finally:
        await asyncio.to_thread(postgres_server.start)

    await working
