"""What is done whether anybody asks for it or not: old tasks go, and rows that nobody needs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from headbox.errors import ErrorCode
from headbox.kinds import TaskPurge
from headbox.models import IdempotencyKey, ResourceQueue, SyncIssue, Task, TaskGroup, TaskLogLine, Worker
from headbox.models.database import fetch
from headbox.services import purge
from headbox.services.purge import PurgeRequest
from headbox.services.upkeep import Upkeep, sweep
from headbox.settings import TaskSettings
from headbox.tasking import bus as topics
from headbox.tasking import lifecycle
from headbox.tasking.claims import Claim
from headbox.types import TaskState
from tests.factories.task import make_gate, make_wait
from tests.support.engine import LocalEngine


async def ended(engine: LocalEngine, *, days_ago: float = 0.0, fails: bool = False) -> Task:
    """Return a task that ended some days ago."""
    gate, held = make_gate()
    held.open()
    task = await engine.finished(await make_wait(engine, gate, fails=fails))
    await Task.filter(id=task.id).update(finished_at=datetime.now(UTC) - timedelta(days=days_ago))
    return task


async def reported(engine: LocalEngine, task: Task, done: int) -> None:
    """Wait until a purge has deleted so many."""
    with engine.bus.subscribe(topics.TASK, str(task.id)) as events:
        async for event in events:
            actions = event[1]["actions"] if event else []
            if any(report["done"] == done for action in actions for report in action["reports"]):
                return


async def purged(engine: LocalEngine, request: PurgeRequest) -> Task:
    """Run a purge and return its task."""
    async with engine.unit_of_work() as work:
        task = await purge.create(work, request)
    return await engine.completed(task)


async def left() -> set[UUID]:
    return {task.id for task in await Task.exclude(kind=TaskPurge.kind)}


async def test_purge_deletes_what_ended_before_and_counts_it(engine: LocalEngine) -> None:
    old = [await ended(engine, days_ago=10), await ended(engine, days_ago=10, fails=True)]
    new = await ended(engine, days_ago=1)
    gate, held = make_gate()
    running = await make_wait(engine, gate)
    await held.holds(1)

    task = await purged(engine, PurgeRequest(older_than_days=5))

    assert await left() == {new.id, running.id}
    [report] = task.actions[0]["reports"]
    assert (report["code"], report["done"], report["total"]) == ("purge.delete.tasks", len(old), len(old))


async def test_purge_is_of_some_states_and_kinds_only(engine: LocalEngine) -> None:
    failed, completed = await ended(engine, fails=True), await ended(engine)

    await purged(engine, PurgeRequest(older_than_days=0, states=[TaskState.FAILED], kinds=["file.sync"]))
    assert await left() == {failed.id, completed.id}

    await purged(engine, PurgeRequest(older_than_days=0, states=[TaskState.FAILED], kinds=["file.sync", "gate.wait"]))
    assert await left() == {completed.id}


async def test_purge_of_many_tasks_goes_on_in_batches(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    for number in range(7):
        await ended(engine, days_ago=1 + number % 2)

    task = await purged(engine, PurgeRequest(finished_before=datetime.now(UTC)))

    assert await left() == set()
    assert task.actions[0]["reports"][0]["done"] == 7


async def test_what_belongs_to_a_task_goes_with_it(engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    task = await engine.finished(await make_wait(engine, gate, idempotency_key="key"))
    repeated = await ended(engine)
    await Task.filter(id=repeated.id).update(repeats_id=task.id)
    await SyncIssue.create(task_id=task.id, code=ErrorCode.INVALID, message="bad")
    await TaskLogLine.create(
        task_id=task.id, number=1, attempt=1, logged_at=datetime.now(UTC), level="info", logger="a", message="b"
    )
    await Task.filter(id=repeated.id).update(finished_at=datetime.now(UTC) + timedelta(days=1))

    await purged(engine, PurgeRequest(older_than_days=0))

    assert await SyncIssue.all().count() == await TaskLogLine.all().count() == await IdempotencyKey.all().count() == 0
    assert (await Task.get(id=repeated.id)).repeats_id is None


async def test_canceled_purge_stops_between_two_batches(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 1)
    monkeypatch.setattr(purge, "PAUSE_SECONDS", 60.0)
    for _ in range(3):
        await ended(engine)
    async with engine.unit_of_work() as work:
        task = await purge.create(work, PurgeRequest(older_than_days=0))
    await reported(engine, task, 1)

    await engine.cancel(task)

    assert (await engine.finished(task)).state is TaskState.CANCELED
    assert len(await left()) == 2


async def test_purges_run_one_after_the_other(engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = True
    async with engine.unit_of_work() as work:
        first = await purge.create(work, PurgeRequest(older_than_days=0))
        second = await purge.create(work, PurgeRequest(older_than_days=0))

    assert await engine.blockers(second.id) == [first.id]


async def test_old_tasks_are_purged_when_settings_say_so(engine: LocalEngine) -> None:
    old, new = await ended(engine, days_ago=31), await ended(engine, days_ago=29)

    await Upkeep(engine).run()
    assert await left() == {old.id, new.id}

    engine.settings = engine.settings.model_copy(update={"task": TaskSettings(keep_days=30)})
    upkeep = Upkeep(engine)
    await upkeep.run()
    await upkeep.run()
    [task] = await Task.filter(kind=TaskPurge.kind)
    await engine.completed(task)
    assert await left() == {new.id}
    await Upkeep(engine).run()
    assert await Task.filter(kind=TaskPurge.kind).count() == 1


async def test_sweep_keeps_the_order_of_what_still_waits(engine: LocalEngine) -> None:
    gate, held = make_gate()
    await make_wait(engine, gate, resource="wanted")
    await ended(engine)
    await held.holds(1)
    assert await ResourceQueue.all().count() == 2

    await sweep(engine.database.connection)

    assert [queue.resource for queue in await ResourceQueue.all()] == ["resource:wanted"]
    second = await make_wait(engine, gate, resource="wanted")
    assert len(await engine.blockers(second.id)) == 1
    held.open()
    await engine.completed(second)
    await sweep(engine.database.connection)
    assert await ResourceQueue.all().count() == 0
    await engine.completed(await make_wait(engine, gate, resource="wanted"))


async def test_claims_made_while_queues_are_swept_keep_their_order(engine: LocalEngine) -> None:
    """The numbering of a resource never begins again while somebody claims it."""
    engine.dispatcher.is_losing = True

    async def claim() -> None:
        for _ in range(20):
            async with engine.unit_of_work() as work:
                task = Task(kind="gate.wait", correlation_id="test")
                await lifecycle.create(work, task, [Claim("resource:contended", exclusive=True)])
            await asyncio.sleep(0)
            await engine.cancel(task)

    async def sweep_often() -> None:
        for _ in range(40):
            await sweep(engine.database.connection)
            claimed = await fetch(
                engine.database.connection,
                "SELECT resource FROM task_claim WHERE resource NOT IN (SELECT resource FROM resource_queue)",
            )
            assert claimed == []

    await asyncio.gather(claim(), claim(), sweep_often())


async def test_sweep_forgets_old_workers_and_empty_groups(engine: LocalEngine) -> None:
    task = await ended(engine)
    long_ago = datetime.now(UTC) - timedelta(days=30)
    worker = await Worker.create(name="used", last_seen_at=long_ago)
    await Worker.create(name="unused", last_seen_at=long_ago, stopped_at=long_ago)
    group, _ = await TaskGroup.create(description="full"), await TaskGroup.create(description="empty")
    await Task.filter(id=task.id).update(worker_id=worker.id, group_id=group.id)

    await sweep(engine.database.connection)

    assert sorted([known.name for known in await Worker.all()]) == ["test", "used"]
    assert [known.description for known in await TaskGroup.all()] == ["full"]
