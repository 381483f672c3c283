"""The log of a task: written, read and watched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headbox.models import Task, TaskLogLine
from headbox.resolvers import task_log as resolver
from headbox.tasking import bus as topics
from headbox.tasking import log as logs
from headbox.tasking.lifecycle import Attempt
from headbox.tasking.log import recorded
from headbox.types import TaskState, uuid7
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.support.engine import LocalEngine
from tests.support.waiting import PATIENCE_SECONDS

LINE = "number attempt level logger message extra loggedAt"
LOG = f"""
query ($id: ID!, $first: Int, $after: String, $last: Int) {{
  task(id: $id) {{ log(first: $first, after: $after, last: $last) {{
    dropped totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ {LINE} }} }}
  }} }}
}}
"""
WATCH = f"subscription ($id: ID!) {{ taskLog(id: $id) {{ dropped ended lines {{ {LINE} }} }} }}"

log = logging.getLogger("tests.plugin")


async def read(api: Api, task: Task, **page: Any) -> dict[str, Any]:
    """Return a page of the log."""
    found: dict[str, Any] = (await api.run(LOG, id=gid("WaitTask", task), **page))["task"]["log"]
    return found


def messages(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["message"] for edge in page["edges"]]


async def watched(updates: AsyncIterator[dict[str, Any]]) -> list[str]:
    """Return the messages of all lines up to the end, which the last update says it is."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        received = [update["taskLog"] async for update in updates]
    assert [update["ended"] for update in received] == [False] * (len(received) - 1) + [True]
    return [line["message"] for update in received for line in update["lines"]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are written at once."""
    monkeypatch.setattr(logs, "WRITE_SECONDS", 0.05)


async def test_log_has_what_a_task_said_and_nobody_else(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    task, other = await make_wait(engine, gate, says="mine"), await make_wait(engine, gate, says="other")
    await held.holds(2)
    log.warning("said outside of any task")
    held.open()
    await engine.finished(task)
    await engine.finished(other)
    await engine.dispatcher.rest()

    page = await read(api, task)

    assert messages(page) == ["before the gate: mine", "behind the gate: mine"]
    assert (page["dropped"], page["totalCount"]) == (0, 2)
    node = page["edges"][0]["node"]
    assert (node["number"], node["attempt"], node["level"], node["extra"]) == (1, 1, "warning", {"where": "before"})
    assert node["logger"] == "tests.support.tasks"


async def test_task_that_says_nothing_has_no_log(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()

    task = await engine.finished(await make_wait(engine, gate))

    await engine.dispatcher.rest()
    assert (await read(api, task))["edges"] == []


async def test_log_of_a_task_that_failed_is_whole(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    task = await make_wait(engine, gate, says="bad", fails=True)

    await engine.failed(task)

    assert messages(await read(api, task)) == ["before the gate: bad", "behind the gate: bad"]


async def test_log_goes_on_in_the_next_attempt(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    task = await make_wait(engine, gate, says="x")
    await held.holds(1)
    await engine.runner.stop()
    await engine.reached(task, {TaskState.WAITING})
    held.open()

    engine.dispatcher.deliver(task.id, await engine.hire())
    await engine.finished(task)
    await engine.dispatcher.rest()

    nodes = [edge["node"] for edge in (await read(api, task))["edges"]]
    assert [(node["number"], node["attempt"], node["message"]) for node in nodes] == [
        (1, 1, "before the gate: x"),
        (2, 2, "before the gate: x"),
        (3, 2, "behind the gate: x"),
    ]
    data = await api.run("query ($id: ID!) { task(id: $id) { attempt } }", id=gid("WaitTask", task))
    assert data == {"task": {"attempt": 2}}


async def test_long_log_loses_its_oldest_lines_and_says_how_many(
    api: Api, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_LINES", 10)
    monkeypatch.setattr(logs, "WRITE_SECONDS", 0.02)
    task = await Task.create(kind="gate.wait", correlation_id="test", attempt=1)

    async with recorded(engine, Attempt(task.id, 1)):
        for number in range(1, 26):
            log.warning("line %d", number)
            if number % 8 == 0:
                await asyncio.sleep(0.1)

    page = await read(api, task, first=3)
    assert (page["dropped"], page["totalCount"]) == (15, 10)
    assert messages(page) == ["line 16", "line 17", "line 18"]
    assert messages(await read(api, task, first=2, after=page["pageInfo"]["endCursor"])) == ["line 19", "line 20"]
    assert messages(await read(api, task, last=1)) == ["line 25"]


async def test_attempt_that_is_over_writes_no_lines_and_tells_none(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await Task.create(kind="gate.wait", correlation_id="test", attempt=2)
    told: list[Any] = []
    monkeypatch.setattr(engine.bus, "publish", lambda *event: told.append(event))

    async with recorded(engine, Attempt(task.id, 1)):
        log.warning("said by a zombie")
    assert told == [(topics.TASK_LOG, str(task.id), {"attempt": 1, "lines": [], "is_over": True})]
    async with recorded(engine, Attempt(uuid7(), 1)):
        log.warning("said for a task that was purged")

    assert await TaskLogLine.all().count() == 0


async def test_lines_said_in_threads_and_subtasks_belong_to_the_task(engine: LocalEngine) -> None:
    task = await Task.create(kind="gate.wait", correlation_id="test", attempt=1)

    async def say() -> None:
        log.warning("in a subtask")

    async with recorded(engine, Attempt(task.id, 1)):
        await asyncio.to_thread(log.warning, "in a thread")
        await asyncio.create_task(say())

    assert [line.message for line in await TaskLogLine.all().order_by("number")] == ["in a thread", "in a subtask"]


@pytest.mark.usefixtures("quick")
async def test_watcher_gets_the_lines_so_far_then_new_ones_until_the_end(
    api: Api, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Told of the end, and not by waiting for it.
    monkeypatch.setattr(resolver, "LAST_LINES_SECONDS", 600.0)
    gate, held = make_gate()
    task = await make_wait(engine, gate, says="x")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await TaskLogLine.exists(task_id=task.id):  # noqa: ASYNC110 - nothing tells of a row
            await asyncio.sleep(0.01)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as updates:
        first = (await anext(updates))["taskLog"]
        assert [line["message"] for line in first["lines"]] == ["before the gate: x"]
        held.open()
        assert await watched(updates) == ["behind the gate: x"]


async def test_watcher_of_a_failing_task_gets_its_last_lines(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    task = await make_wait(engine, gate, says="x", fails=True)
    await held.holds(1)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as updates:
        await anext(updates)
        held.open()
        assert (await watched(updates))[-1] == "behind the gate: x"


async def test_watcher_of_a_finished_task_gets_its_log_and_the_end(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    task = await engine.finished(await make_wait(engine, gate, says="x"))
    await engine.dispatcher.rest()

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as updates:
        assert await watched(updates) == ["before the gate: x", "behind the gate: x"]


async def test_watcher_of_a_task_that_never_runs_is_told_of_the_end(api: Api, engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = True
    gate, _ = make_gate()
    task = await make_wait(engine, gate)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as updates:
        assert (await anext(updates))["taskLog"] == {"dropped": 0, "ended": False, "lines": []}
        await engine.cancel(task)
        assert await watched(updates) == []


@pytest.mark.usefixtures("quick")
async def test_slow_watcher_misses_no_line_that_is_kept(api: Api, engine: LocalEngine) -> None:
    task = await Task.create(kind="gate.wait", correlation_id="test", attempt=1, state=TaskState.RUNNING)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as updates:
        await anext(updates)
        async with recorded(engine, Attempt(task.id, 1)):
            for number in range(20):
                log.warning("line %d", number)
                await asyncio.sleep(0.03)
        await Task.filter(id=task.id).update(state=TaskState.COMPLETED)
        assert await watched(updates) == [f"line {number}" for number in range(20)]


async def test_log_of_what_is_no_task_cannot_be_watched(api: Api) -> None:
    for key in ("nonsense", gid("WaitTask", Task(id=uuid7()))):
        with pytest.raises(AssertionError, match="There is no"):
            async with api.subscribe(WATCH, id=key) as updates:
                await anext(updates)
