"""The engine through the real broker, with worker threads, heartbeat and reconciler, as `headbox serve` has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from headbox.models import RepositoryVersion, Task, Worker
from headbox.models.database import now
from headbox.resolvers.loaders import MAX_BLOCKERS
from headbox.settings import WorkerSettings
from headbox.tasking.claims import Runnable
from headbox.tasking.queries import task_counts, workers_online
from headbox.types import TaskPriority, TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import EmbeddedEngine
from tests.support.length import rounds
from tests.support.upstream import Slow, Upstream, pulp_manifest
from tests.support.waiting import PATIENCE_SECONDS, until

THREADS = 4
#: More than anything asks for at once, be it the tasks to run or those in the way of one.
TASKS = rounds(120, long=200)
QUICK = WorkerSettings(threads=THREADS, heartbeat_seconds=0.1, reconcile_seconds=0.1)


@pytest.fixture
async def engine(data_dir: Path) -> AsyncIterator[EmbeddedEngine]:
    async with EmbeddedEngine(data_dir, worker=QUICK).running() as engine:
        yield engine


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    upstream.files.update({"a.txt": b"a", "PULP_MANIFEST": pulp_manifest({"a.txt": b"a"})})
    return upstream


@pytest.mark.distributed
async def test_every_thread_can_keep_a_connection_and_the_worker_lives_on(data_dir: Path) -> None:
    async with EmbeddedEngine(data_dir, worker=WorkerSettings(threads=20)).running():
        limit = REGISTRY.get_sample_value("headbox_database_connections_limit", {"part": "worker"})

    assert limit == 24


async def test_tasks_on_one_repository_run_one_at_a_time_in_order(engine: EmbeddedEngine, upstream: Upstream) -> None:
    repository = await make_repository(engine, upstream)

    made = [await make_sync(engine, repository) for _ in range(TASKS)]
    blockers = await engine.blockers(made[-1].id)
    done = [await engine.completed(task) for task in made]

    ids = [task.id for task in made]
    assert blockers == ids[ids.index(blockers[0]) : -1][:MAX_BLOCKERS]
    for earlier, later in pairwise(done):
        assert earlier.finished_at is not None
        assert later.started_at is not None
        assert earlier.finished_at <= later.started_at
    assert await RepositoryVersion.filter(repository_id=repository.id).count() == 2
    assert upstream.peak == 1
    await engine.assert_nothing_left()


async def test_tasks_on_twenty_repositories_run_side_by_side_up_to_the_threads(
    engine: EmbeddedEngine, upstream: Upstream
) -> None:
    upstream.fault("PULP_MANIFEST", Slow(0.1))
    repositories = [await make_repository(engine, upstream) for _ in range(20)]

    made = [await make_sync(engine, repository) for repository in repositories]
    for task in made:
        await engine.completed(task)

    assert upstream.peak == THREADS
    assert upstream.hits("a.txt") <= THREADS


async def test_higher_priority_goes_first(data_dir: Path, upstream: Upstream) -> None:
    upstream.fault("PULP_MANIFEST", Slow(0.2), times=1)
    one_thread = WorkerSettings(threads=1, reconcile_seconds=60)
    async with EmbeddedEngine(data_dir, worker=one_thread).running() as engine:
        repositories = [await make_repository(engine, upstream) for _ in range(4)]
        busy = await make_sync(engine, repositories[0])
        await engine.reached(busy, {TaskState.RUNNING})

        made = [
            await make_sync(engine, repository, priority=priority)
            for repository, priority in zip(
                repositories[1:], (TaskPriority.LOW, TaskPriority.NORMAL, TaskPriority.HIGH), strict=True
            )
        ]
        done = [await engine.completed(task) for task in made]

    in_order = sorted(done, key=lambda task: (task.started_at is None, task.started_at))
    assert [task.priority for task in in_order] == [TaskPriority.HIGH, TaskPriority.NORMAL, TaskPriority.LOW]


async def test_task_whose_message_was_lost_is_found(
    engine: EmbeddedEngine, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_: list[Runnable]) -> None: ...

    repository = await make_repository(engine, upstream)
    monkeypatch.setattr(engine, "send", lose)

    await engine.completed(await make_sync(engine, repository))


async def test_worker_says_that_it_lives(engine: EmbeddedEngine) -> None:
    long_ago = await now(engine.database.connection) - timedelta(hours=1)
    await Worker.all().update(last_seen_at=long_ago)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await workers_online(engine.database.connection, 10) != await Worker.all():  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.01)


async def test_next_process_takes_up_what_a_killed_one_was_running(data_dir: Path, upstream: Upstream) -> None:
    first = EmbeddedEngine(data_dir, worker=QUICK)
    async with first.database.connected():
        # As a process leaves it that was killed while it ran the task.
        repository = await make_repository(first, upstream)
        task = await make_sync(first, repository)
        dead = await Worker.create(name="dead", last_seen_at=await now(first.database.connection))
        await Task.filter(id=task.id).update(state=TaskState.RUNNING, attempt=1, worker_id=dead.id)

    async with EmbeddedEngine(data_dir, worker=QUICK).running() as second:
        done = await second.completed(task)
        latest = await RepositoryVersion.filter(repository_id=repository.id).order_by("-number").first()

    assert (done.attempt, done.losses) == (2, 1)
    assert latest is not None
    assert (latest.number, latest.present, latest.created_by_id) == (1, 1, task.id)


async def test_worker_that_stops_gives_back_what_it_runs(data_dir: Path, upstream: Upstream) -> None:
    upstream.fault("PULP_MANIFEST", Slow(30), times=1)
    async with EmbeddedEngine(data_dir, worker=QUICK).running() as first:
        repository = await make_repository(first, upstream)
        task = await make_sync(first, repository)
        await until(lambda: upstream.hits("PULP_MANIFEST"))
        first.process.begin_stop()

    async with EmbeddedEngine(data_dir, worker=QUICK).running() as second:
        done = await second.completed(task)
        counts = await task_counts(second.database.connection)

    assert (done.attempt, done.losses) == (2, 0)
    assert counts == dict.fromkeys(TaskState, 0) | {TaskState.COMPLETED: 1}
