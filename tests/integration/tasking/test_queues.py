"""Claims: first come, first served for each resource; compared with a model that is a list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headbox.models import Task
from headbox.tasking import claims, lifecycle
from headbox.tasking.claims import Claim
from headbox.tasking.lifecycle import Attempt, AttemptOver, Outcome
from headbox.tasking.queries import claims_of
from headbox.types import TaskPriority, TaskState, uuid7
from tests.factories.task import make_gate, make_wait
from tests.support.engine import LocalEngine
from tests.support.installation import Installations
from tests.support.length import rounds

#: Whether a claim on each of three resources is exclusive.
Claims = dict[str, bool]


@dataclass
class Queued:
    """A task, as the model has it."""

    id: UUID
    claims: Claims
    is_running: bool = False

    def waits_for(self, earlier: Queued) -> bool:
        shared = self.claims.keys() & earlier.claims.keys()
        return any(self.claims[name] or earlier.claims[name] for name in shared)


@dataclass
class Model:
    """Unfinished tasks in the order of their making."""

    tasks: list[Queued] = field(default_factory=list)

    def blockers(self, task: Queued) -> list[UUID]:
        return [earlier.id for earlier in self.tasks[: self.tasks.index(task)] if task.waits_for(earlier)]

    def runnable(self, resources: set[str] | None = None) -> set[UUID]:
        return {
            task.id
            for task in self.tasks
            if not task.is_running and not self.blockers(task) and (resources is None or resources & task.claims.keys())
        }


class Comparison:
    """Does the same to the engine and to the model."""

    def __init__(self, engine: LocalEngine) -> None:
        self.engine = engine
        self.model = Model()
        self.worker = engine.runner._worker

    async def create(self, wanted: Claims) -> None:
        task = Task(id=uuid7(), kind="gate.wait", correlation_id="test")
        async with self.engine.unit_of_work() as work:
            await lifecycle.create(work, task, [Claim(name, exclusive) for name, exclusive in wanted.items()])
        self.model.tasks.append(Queued(task.id, wanted))

    async def take(self, number: int) -> None:
        runnable = sorted(self.model.runnable())
        if not runnable:
            return
        chosen = runnable[number % len(runnable)]
        async with self.engine.unit_of_work() as work:
            assert await lifecycle.take(work, chosen, self.worker) is not None
        next(task for task in self.model.tasks if task.id == chosen).is_running = True

    async def finish(self, number: int) -> None:
        running = [task for task in self.model.tasks if task.is_running]
        if not running:
            return
        chosen = running[number % len(running)]
        async with self._freeing(chosen), self.engine.unit_of_work() as work:
            await lifecycle.complete(work, Attempt(chosen.id, 1), Outcome(), [])

    async def cancel(self, number: int) -> None:
        waiting = [task for task in self.model.tasks if not task.is_running]
        if not waiting:
            return
        chosen = waiting[number % len(waiting)]
        async with self._freeing(chosen):
            await self.engine.cancel(await Task.get(id=chosen.id))

    @asynccontextmanager
    async def _freeing(self, chosen: Queued) -> AsyncIterator[None]:
        """Make sure that what waited for a task, and nothing that still waits, is sent when the task ends."""
        before = self.model.runnable()
        self.engine.dispatcher.sent.clear()
        yield
        self.model.tasks.remove(chosen)
        runnable = self.model.runnable()
        assert runnable - before <= set(self.engine.dispatcher.sent) <= runnable

    async def compare(self) -> None:
        connection = self.engine.database.connection
        runnable = {task.id for task in await claims.all_runnable(connection)}
        assert runnable == self.model.runnable()
        ids = [task.id for task in self.model.tasks]
        if ids:
            assert {task.id for task in await claims.runnable_among(connection, ids)} == runnable
        for task in self.model.tasks:
            assert await self.engine.blockers(task.id) == self.model.blockers(task)
        found = await claims_of(ids)
        assert {task_id: {claim.resource: claim.exclusive for claim in held} for task_id, held in found.items()} == {
            task.id: task.claims for task in self.model.tasks if task.claims
        }


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.booleans(), max_size=3)),
        st.tuples(st.sampled_from(["take", "finish", "cancel"]), st.integers(0, 9)),
    ),
    max_size=25,
)


async def test_backlog_of_one_priority_hides_no_task_of_another(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BATCH", 2)
    engine.dispatcher.is_losing = True
    gate, _ = make_gate()
    low = [await make_wait(engine, gate, priority=TaskPriority.LOW) for _ in range(3)]
    high = await make_wait(engine, gate, priority=TaskPriority.HIGH)

    found = await claims.all_runnable(engine.database.connection)

    assert [task.id for task in found] == [high.id, low[0].id, low[1].id]


@settings(max_examples=rounds(30, long=200))
@given(operations=OPERATIONS)
def test_runnable_tasks_are_those_of_the_model(
    installations: Installations, operations: Sequence[tuple[str, Claims | int]]
) -> None:
    async def compare_all(data_dir: Path) -> None:
        async with LocalEngine(data_dir).running() as engine:
            engine.dispatcher.is_losing = True
            comparison = Comparison(engine)
            for operation, argument in operations:
                await getattr(comparison, operation)(argument)
                await comparison.compare()

    with TemporaryDirectory() as folder, installations.new(Path(folder) / "data") as data_dir:
        asyncio.run(compare_all(data_dir))


async def test_tasks_on_one_resource_run_one_at_a_time_in_order(engine: LocalEngine) -> None:
    name, gate = make_gate()
    gate.open()

    made = [await make_wait(engine, name, str(number), resource="shelf") for number in range(50)]
    for task in made:
        await engine.completed(task)

    assert gate.ended == [str(number) for number in range(50)]
    assert gate.peak == 1


async def test_tasks_on_other_resources_go_by(engine: LocalEngine) -> None:
    shut, _ = make_gate()
    open_name, gate = make_gate()
    gate.open()
    first = await make_wait(engine, shut, resource="shelf")
    behind = await make_wait(engine, open_name, "behind", resource="shelf")

    await engine.completed(await make_wait(engine, open_name, "by", resource="elsewhere"))

    assert gate.ended == ["by"]
    assert (await Task.get(id=behind.id)).state is TaskState.WAITING
    assert await engine.blockers(behind.id) == [first.id]
    assert await engine.blockers(first.id) == []


async def test_nothing_is_sent_or_kept_of_a_transaction_that_fails(engine: LocalEngine) -> None:
    async def fail() -> None:
        async with engine.unit_of_work() as work:
            task = Task(kind="gate.wait", correlation_id="test")
            await lifecycle.create(work, task, [Claim("shelf", exclusive=True)])
            await lifecycle.hold(work.connection, Attempt(task.id, 1))

    with pytest.raises(AttemptOver):
        await fail()

    assert engine.dispatcher.sent == []
    assert [await engine.rows_of(table) for table in ("task", "task_claim", "resource_queue")] == [0, 0, 0]
