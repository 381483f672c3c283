"""Clients that ask the same: one execution, and everybody gets what they would get alone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from headbox.models import Task
from headbox.resolvers.ids import GlobalId
from headbox.schema.results import Result, Results, Wanted
from headbox.tasking import bus as topics
from headbox.tasking.snapshot import snapshot_of
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.support.statements import statements
from tests.support.tasks import Gate
from tests.support.waiting import until

WATCH = "subscription ($id: ID!) { task(id: $id) { state claims { resource } } }"


@pytest.fixture
def results(api: Api) -> Results:
    return api.app.results


async def running_task(api: Api) -> tuple[Task, Gate, Wanted]:
    """Return a task that runs until its gate is opened, and how to watch it."""
    name, gate = make_gate()
    task = await make_wait(api.engine, name)
    await gate.holds(1)
    return await Task.get(id=task.id), gate, Wanted(WATCH, {"id": str(GlobalId("WaitTask", task.id))})


def state_in(result: Result) -> str:
    """Return the task's state in a result."""
    state: str = orjson.loads(result.payload)["data"]["task"]["state"]
    return state


async def watch(results: Results, wanted: Wanted, api: Api) -> list[str]:
    """Return the states that one client sees, to the end."""
    async with aclosing(results.of(wanted, api.context())) as stream:
        return [state_in(result) async for result in stream]


async def test_many_clients_take_one_execution(api: Api, results: Results) -> None:
    _, gate, wanted = await running_task(api)

    with statements() as asked:
        watching = [asyncio.create_task(watch(results, wanted, api)) for _ in range(100)]
        await until(lambda: any("task_claim" in statement for statement in asked))
        await asyncio.sleep(0.05)
        executed = len([statement for statement in asked if "task_claim" in statement])
        shared = results.shared_count
        gate.open()
        seen = await asyncio.gather(*watching)

    assert shared == 1
    # Another time where the event of the task's start was still on its way.
    assert executed <= 2
    assert {states[0] for states in seen} == {"RUNNING"}
    assert {states[-1] for states in seen} == {"COMPLETED"}


async def test_client_that_comes_late_gets_the_state_at_once(api: Api, results: Results) -> None:
    _, gate, wanted = await running_task(api)
    first = asyncio.create_task(watch(results, wanted, api))
    await asyncio.sleep(0.05)

    with statements() as asked:
        late = results.of(wanted, api.context())
        state = state_in(await anext(late))
        # The worker has statements of its own meanwhile.
        executed = len([statement for statement in asked if "task_claim" in statement])
    await late.aclose()
    gate.open()

    assert (state, executed) == ("RUNNING", 0)
    assert (await first)[-1] == "COMPLETED"


async def test_slow_client_delays_nobody_and_gets_the_last_state(api: Api, results: Results) -> None:
    task, gate, wanted = await running_task(api)
    slow = results.of(wanted, api.context())
    await anext(slow)
    quick = asyncio.create_task(watch(results, wanted, api))
    await asyncio.sleep(0.05)

    for _ in range(100):
        api.engine.bus.publish(topics.TASK, str(task.id), snapshot_of(task))
        await asyncio.sleep(0)
    gate.open()

    assert (await quick)[-1] == "COMPLETED"
    assert [state_in(result) async for result in slow] == ["COMPLETED"]


async def test_execution_ends_with_its_last_client_and_begins_anew(api: Api, results: Results) -> None:
    task, gate, wanted = await running_task(api)
    one, two = results.of(wanted, api.context()), results.of(wanted, api.context())
    await anext(one)
    await anext(two)

    await one.aclose()
    assert results.shared_count == 1
    await two.aclose()
    assert results.shared_count == 0
    gate.open()
    await api.engine.completed(task)

    assert await watch(results, wanted, api) == ["COMPLETED"]
    assert results.shared_count == 0


async def test_different_questions_are_not_shared(api: Api, results: Results) -> None:
    _, _, wanted = await running_task(api)
    _, _, other = await running_task(api)
    renamed = Wanted(WATCH.replace("subscription", "subscription Mine"), wanted.variables)
    streams = [results.of(question, api.context()) for question in (wanted, other, renamed)]

    for stream in streams:
        await anext(stream)

    assert results.shared_count == 3
    for stream in streams:
        await stream.aclose()


async def test_stream_of_many_tasks_is_everyones_own(api: Api, results: Results) -> None:
    await running_task(api)
    stream = results.of(Wanted("subscription { tasks { id } }"), api.context())

    await anext(stream)

    assert results.shared_count == 0
    await stream.aclose()


async def test_refusal_reaches_everybody(api: Api, results: Results) -> None:
    repository = await make_repository(api.engine)
    wanted = Wanted(WATCH, {"id": str(GlobalId("FileRepository", repository.id))})

    async def refusals() -> list[Any]:
        return [result.refusal async for result in results.of(wanted, api.context())]

    for refused in await asyncio.gather(*(refusals() for _ in range(5))):
        [[error]] = refused
        assert error["extensions"] == {"code": "WRONG_TYPE"}
