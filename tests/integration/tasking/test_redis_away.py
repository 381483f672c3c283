"""The engine when Redis loses what it was given, doubles it, or is away: nothing is lost but time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headbox.models import Task
from headbox.settings import WorkerSettings
from headbox.tasking import bus as topics
from headbox.tasking.claims import Runnable
from headbox.types import TaskState
from headbox.workers import reconciler
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import EmbeddedEngine
from tests.support.services import RedisServer
from tests.support.upstream import Slow, Upstream, pulp_manifest
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.distributed

ONE_THREAD = WorkerSettings(threads=1, heartbeat_seconds=0.2, reconcile_seconds=0.2)


@pytest.fixture
async def engine(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedEngine]:
    monkeypatch.setattr(reconciler, "RESEND_SECONDS", 0.5)
    async with EmbeddedEngine(data_dir, worker=ONE_THREAD).running() as engine:
        yield engine


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    upstream.files.update({"a.txt": b"a", "PULP_MANIFEST": pulp_manifest({"a.txt": b"a"})})
    return upstream


async def make_syncs(engine: EmbeddedEngine, upstream: Upstream, number: int) -> list[Task]:
    """Create so many syncs, each of a repository of its own."""
    return [await make_sync(engine, await make_repository(engine, upstream)) for _ in range(number)]


async def test_messages_of_an_emptied_redis_are_sent_again(
    engine: EmbeddedEngine, upstream: Upstream, redis_server: RedisServer
) -> None:
    upstream.fault("PULP_MANIFEST", Slow(1), times=1)
    busy, *waiting = await make_syncs(engine, upstream, 4)
    await engine.reached(busy, {TaskState.RUNNING})

    redis_server.flush()

    for task in (busy, *waiting):
        assert (await engine.completed(task)).attempt == 1


async def test_messages_that_waited_for_long_are_sent_again_soon(
    engine: EmbeddedEngine, upstream: Upstream, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the wait has grown to when a task was seen to wait for a thread again and again.
    monkeypatch.setattr(reconciler, "RESEND_SECONDS", 600.0)
    upstream.fault("PULP_MANIFEST", Slow(1), times=1)
    busy, waiting = await make_syncs(engine, upstream, 2)
    await engine.reached(busy, {TaskState.RUNNING})
    await asyncio.sleep(3 * ONE_THREAD.reconcile_seconds)
    monkeypatch.setattr(reconciler, "RESEND_SECONDS", 0.5)

    redis_server.flush()

    await engine.completed(waiting)


async def test_tasks_run_on_when_redis_is_restarted(
    engine: EmbeddedEngine, upstream: Upstream, redis_server: RedisServer
) -> None:
    upstream.fault("PULP_MANIFEST", Slow(1), times=1)
    busy, *waiting = await make_syncs(engine, upstream, 4)
    await engine.reached(busy, {TaskState.RUNNING})

    await asyncio.to_thread(redis_server.restart)

    for task in (busy, *waiting):
        assert (await engine.completed(task)).attempt == 1


async def test_task_is_created_and_one_is_canceled_while_redis_is_away(
    engine: EmbeddedEngine, upstream: Upstream, redis_server: RedisServer
) -> None:
    upstream.fault("PULP_MANIFEST", Slow(60), times=1)
    [busy] = await make_syncs(engine, upstream, 1)
    await until(lambda: upstream.hits("PULP_MANIFEST"))

    await asyncio.to_thread(redis_server.stop)
    try:
        [later] = await make_syncs(engine, upstream, 1)
        await engine.cancel(busy)
        assert (await engine.finished(busy)).state is TaskState.CANCELED
    finally:
        await asyncio.to_thread(redis_server.start)

    assert (await engine.completed(later)).attempt == 1


async def test_doubled_messages_run_a_task_once(engine: EmbeddedEngine, upstream: Upstream) -> None:
    upstream.fault("PULP_MANIFEST", Slow(0.5), times=1)
    busy, task = await make_syncs(engine, upstream, 2)
    for _ in range(10):
        engine.dispatcher.send(Runnable(task.id, task.priority))

    await engine.completed(busy)
    done = await engine.completed(task)

    assert done.attempt == 1
    assert upstream.hits("PULP_MANIFEST") == 2


async def test_watcher_gets_the_final_state_after_redis_was_away(
    engine: EmbeddedEngine, upstream: Upstream, redis_server: RedisServer
) -> None:
    upstream.fault("PULP_MANIFEST", Slow(1), times=1)
    with engine.bus.subscribe(topics.TASK) as events:
        [task] = await make_syncs(engine, upstream, 1)
        await engine.reached(task, {TaskState.RUNNING})
        await asyncio.to_thread(redis_server.stop)
        await asyncio.sleep(2)
        await asyncio.to_thread(redis_server.start)

        # Told to look, it looks at the row; or it is told the state itself.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (event := await events.next()) is not None and event[1]["state"] != "completed":
                pass
        await engine.completed(task)
