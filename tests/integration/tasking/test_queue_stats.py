"""The figures of the queues, and how they are counted."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from headbox.models import Task
from headbox.services import queue_stats as service
from headbox.services.queue_stats import Figures, Queue, look
from headbox.services.shared_look import KEPT_SECONDS, SharedLook
from headbox.tasking import lifecycle
from headbox.tasking.claims import Claim, all_runnable
from headbox.types import TaskPriority, TaskState
from tests.factories.task import make_gate, make_wait
from tests.support.engine import LocalEngine
from tests.support.statements import statements


def total(stats: dict[Queue, Figures]) -> tuple[int, int, int]:
    """Return how many can run, wait for others, and run."""
    whole = Figures()
    for figures in stats.values():
        whole.add(figures)
    return whole.runnable, whole.blocked, whole.running


async def test_figures_are_those_of_each_kind_and_priority(engine: LocalEngine) -> None:
    gate, held = make_gate()
    await make_wait(engine, gate, resource="a")
    await held.holds(1)
    await make_wait(engine, gate, resource="a")
    engine.dispatcher.is_losing = True
    first = await make_wait(engine, gate, resource="b", priority=TaskPriority.HIGH)
    await make_wait(engine, gate, resource="b", priority=TaskPriority.HIGH)

    stats = (await look(engine.database.connection)).stats

    normal, high = (stats[Queue("gate.wait", priority)] for priority in (TaskPriority.NORMAL, TaskPriority.HIGH))
    assert (normal.runnable, normal.blocked, normal.running) == (0, 1, 1)
    assert (high.runnable, high.blocked, high.running) == (1, 1, 0)
    assert high.oldest == first.created_at
    assert len(normal.waits) == 1
    assert high.waits == []


@pytest.mark.parametrize("is_short", [True, False], ids=["counting heads", "counting all"])
async def test_both_ways_of_counting_agree_with_what_can_run(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, is_short: bool
) -> None:
    """Random claims, exclusive and shared, on a few resources."""

    async def chosen(*_: object) -> bool:
        return is_short

    monkeypatch.setattr(service, "_has_few_heads", chosen)
    engine.dispatcher.is_losing = True
    dice = random.Random(7)
    async with engine.unit_of_work() as work:
        for number in range(120):
            resources = dice.sample(range(12), dice.randint(1, 3))
            held = [Claim(f"resource:{name}", exclusive=dice.random() < 0.3) for name in resources]
            await lifecycle.create(work, Task(kind=f"gate.{number % 2}", correlation_id="test"), held)

    stats = (await look(engine.database.connection)).stats

    can_run = {task.id for task in await all_runnable(engine.database.connection)}
    assert 0 < len(can_run) < 120
    for kind in ("gate.0", "gate.1"):
        mine = {task.id for task in await Task.filter(kind=kind)}
        figures = stats[Queue(kind, TaskPriority.NORMAL)]
        assert (figures.runnable, figures.blocked) == (len(mine & can_run), len(mine - can_run))


async def test_task_that_claims_nothing_can_run_however_long_the_queues_are(engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = True
    async with engine.unit_of_work() as work:
        for held in itertools.chain([[]], itertools.repeat([Claim("resource:a", exclusive=True)], 20)):
            await lifecycle.create(work, Task(kind="gate.wait", correlation_id="test"), held)

    assert total((await look(engine.database.connection)).stats) == (2, 19, 0)


async def test_long_queue_is_counted_by_its_head(engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = True
    async with engine.unit_of_work() as work:
        for _ in range(20):
            task = Task(kind="gate.wait", correlation_id="test")
            await lifecycle.create(work, task, [Claim("resource:a", exclusive=True)])

    assert await service._has_few_heads(engine.database.connection, 20)
    assert total((await look(engine.database.connection)).stats) == (1, 19, 0)


async def test_those_who_ask_together_share_a_look_that_is_soon_forgotten(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, shared = engine.database.connection, SharedLook(look)
    engine.dispatcher.is_losing = True

    with statements() as asked:
        first, second = await asyncio.gather(shared.ask(connection), shared.ask(connection))
    assert first is second
    assert sum("AS oldest" in statement for statement in asked) == 1

    async with engine.unit_of_work() as work:
        await lifecycle.create(work, Task(kind="gate.wait", correlation_id="test"), [])
    await asyncio.sleep(KEPT_SECONDS)
    third = await shared.ask(connection)
    assert third.as_of > first.as_of
    assert total(third.stats) == (1, 0, 0)


async def test_waits_are_those_of_tasks_that_ended_lately(engine: LocalEngine) -> None:
    now = datetime.now(UTC)

    async def make(wait_seconds: float, ended_ago: timedelta, state: TaskState = TaskState.COMPLETED) -> None:
        task = await Task.create(
            kind="gate.wait",
            correlation_id="test",
            state=state,
            started_at=now - ended_ago,
            finished_at=now - ended_ago,
        )
        await Task.filter(id=task.id).update(created_at=now - ended_ago - timedelta(seconds=wait_seconds))

    for seconds in range(1, 21):
        await make(seconds, timedelta(minutes=5), TaskState.FAILED if seconds % 2 else TaskState.COMPLETED)
    await make(1000, timedelta(hours=2))
    await make(1000, timedelta(minutes=5), TaskState.CANCELED)

    [figures] = (await look(engine.database.connection)).stats.values()

    assert figures.wait_seconds(0.5) == pytest.approx(10)
    assert figures.wait_seconds(0.95) == pytest.approx(19)
    assert Figures().wait_seconds(0.5) is None


async def test_blockers_are_the_head_of_a_long_queue(engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = True
    tasks = []
    async with engine.unit_of_work() as work:
        for number in range(130):
            # Every third one shares.
            claim = Claim("resource:a", exclusive=number % 3 != 0)
            task = Task(kind="gate.wait", correlation_id="test")
            tasks.append(await lifecycle.create(work, task, [claim]))

    exclusive, shared = tasks[128], tasks[129]

    assert await engine.blockers(exclusive.id) == [task.id for task in tasks[:100]]
    alone = [task.id for number, task in enumerate(tasks) if number % 3 != 0]
    assert await engine.blockers(shared.id) == alone[:100]
    assert await engine.blockers(tasks[1].id) == [tasks[0].id]
    assert await engine.blockers(tasks[3].id) == [tasks[1].id, tasks[2].id]
    assert await engine.blockers(tasks[0].id) == []
