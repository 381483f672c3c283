"""Subscriptions: state first, final state always, and nothing of one client in another's way."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from headbox.models import Repository, Task
from headbox.resolvers import watch
from headbox.resolvers.ids import GlobalId
from headbox.tasking import bus as topics
from headbox.tasking.snapshot import snapshot_of
from headbox.types import TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_sync, make_wait
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.support.upstream import Upstream
from tests.support.waiting import until

WATCH = "subscription ($id: ID!) { task(id: $id) { id state actions { name state reports { done total } } } }"
WATCH_ALL = "subscription ($filter: TaskFilter) { tasks(filter: $filter) { id state } }"


async def test_state_comes_first_and_the_final_one_last(api: Api) -> None:
    name, gate = make_gate()
    task = await make_wait(api.engine, name)
    await gate.holds(1)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as messages:
        first = await anext(messages)
        gate.open()
        states = [message["task"] async for message in messages]

    assert first["task"]["state"] == "RUNNING"
    assert states[-1]["state"] == "COMPLETED"
    assert states[-1]["actions"][0]["reports"] == [{"done": 2, "total": 2}]
    assert [state["state"] for state in states].count("COMPLETED") == 1


async def test_finished_task_is_told_once(api: Api) -> None:
    name, gate = make_gate()
    gate.open()
    task = await api.engine.completed(await make_wait(api.engine, name))

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as messages:
        states = [message["task"]["state"] async for message in messages]

    assert states == ["COMPLETED"]


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("rubbish", "NOT_FOUND"),
        (str(GlobalId("FileSync", UUID(int=0))), "NOT_FOUND"),
        (str(GlobalId("FileRemote", UUID(int=0))), "WRONG_TYPE"),
    ],
)
async def test_unknown_task_is_an_error_and_no_stream(api: Api, id: str, code: str) -> None:
    stream: Any = await api.app.api.stream(WATCH, variable_values={"id": id}, context_value=api.context())

    [result] = [result async for result in stream]

    assert result.data is None
    assert [error.formatted["extensions"] for error in result.errors] == [{"code": code}]


async def test_slow_client_skips_states_and_gets_the_final_one(api: Api) -> None:
    name, gate = make_gate()
    task = await make_wait(api.engine, name)
    await gate.holds(1)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as messages:
        await anext(messages)
        row = await Task.get(id=task.id)
        for done in range(1000):
            row.actions = [{**row.actions[0], "reports": [{"done": done, "total": None}]}] if row.actions else [
                {"name": "wait", "state": "running", "reports": [{"done": done, "total": None}]}
            ]  # fmt: skip
            api.engine.bus.publish(topics.TASK, str(task.id), snapshot_of(row))
        gate.open()
        await api.engine.completed(task)
        states = [message["task"]["state"] async for message in messages]

    assert states[-1] == "COMPLETED"
    assert len(states) < 50


async def test_state_that_the_bus_lost_is_read_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "REREAD_SECONDS", 0.05)
    name, gate = make_gate()
    task = await make_wait(api.engine, name)
    await gate.holds(1)
    monkeypatch.setattr(api.engine.bus, "publish", lambda *_: None)

    async with api.subscribe(WATCH, id=gid("WaitTask", task)) as messages:
        await anext(messages)
        gate.open()
        states = [message["task"]["state"] async for message in messages]

    assert states[-1] == "COMPLETED"


async def test_every_matching_task_is_told(api: Api) -> None:
    shut, _ = make_gate()
    before = await make_wait(api.engine, shut, labels={"team": "a"})
    await api.engine.reached(before, {TaskState.RUNNING})
    name, gate = make_gate()
    gate.open()

    async with api.subscribe(WATCH_ALL, filter={"label": [{"key": "team", "value": "a"}]}) as messages:
        first = (await anext(messages))["tasks"]
        other = await make_wait(api.engine, name, labels={"team": "b"})
        later = await make_wait(api.engine, name, labels={"team": "a"})
        seen: list[tuple[str, str]] = []
        async for message in messages:
            seen.append((message["tasks"]["id"], message["tasks"]["state"]))
            if seen[-1] == (gid("WaitTask", later), "COMPLETED"):
                break

    assert first == {"id": gid("WaitTask", before), "state": "RUNNING"}
    assert gid("WaitTask", other) not in dict(seen)


async def test_task_begins_to_match_when_its_state_does(api: Api) -> None:
    name, gate = make_gate()
    task = await make_wait(api.engine, name)
    await gate.holds(1)

    async with api.subscribe(WATCH_ALL, filter={"state": ["COMPLETED"]}) as messages:
        following = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0.5)
        gate.open()
        message = await following

    assert message["tasks"] == {"id": gid("WaitTask", task), "state": "COMPLETED"}


@pytest.mark.parametrize("filter", [{}, {"state": ["COMPLETED"]}])
async def test_end_that_the_bus_lost_is_told_once(
    api: Api, monkeypatch: pytest.MonkeyPatch, filter: dict[str, Any]
) -> None:
    monkeypatch.setattr(watch, "REREAD_SECONDS", 0.05)
    name, gate = make_gate()
    watched = await make_wait(api.engine, name)
    await gate.holds(1)
    told: list[str] = []

    async def listen() -> None:
        async with api.subscribe(WATCH_ALL, filter=filter) as messages:
            async for message in messages:
                told.extend([message["tasks"]["id"]] if message["tasks"]["state"] == "COMPLETED" else [])

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.5)
    with monkeypatch.context() as lost:
        lost.setattr(api.engine.bus, "publish", lambda *_: None)
        gate.open()
        await api.engine.completed(watched)
        missed = await api.engine.completed(await make_wait(api.engine, name))
    heard = await api.engine.completed(await make_wait(api.engine, name))
    await until(lambda: len(told) >= 3)
    # Long enough for several looks, none of which tells anything twice.
    await asyncio.sleep(0.3)
    listening.cancel()
    await asyncio.wait([listening])

    assert sorted(told) == sorted(gid("WaitTask", task) for task in (watched, missed, heard))


async def test_filter_that_is_too_large_is_an_error_and_no_stream(api: Api) -> None:
    variables: dict[str, Any] = {"filter": {"or": [{}] * 5000}}
    stream: Any = await api.app.api.stream(WATCH_ALL, variable_values=variables, context_value=api.context())

    [result] = [result async for result in stream]

    assert [error.formatted["extensions"] for error in result.errors] == [{"code": "LIMIT_EXCEEDED"}]


async def test_repository_is_told_when_it_changes_and_until_it_is_gone(api: Api, files: Upstream) -> None:
    repository = await make_repository(api.engine, files)
    document = "subscription ($id: ID!) { repository(id: $id) { name latestVersion { number summary { present } } } }"

    async with api.subscribe(document, id=gid("FileRepository", repository)) as messages:
        first = (await anext(messages))["repository"]
        await api.engine.completed(await make_sync(api.engine, repository))
        async for message in messages:
            if message["repository"]["latestVersion"]["number"] == 1:
                break
        async with api.engine.unit_of_work() as work:
            await (await Repository.get(id=repository.id)).delete(using_db=work.connection)
            work.repository_changed(repository.id)
        rest = [message async for message in messages]

    assert first == {"name": repository.name, "latestVersion": {"number": 0, "summary": {"present": 0}}}
    assert message["repository"]["latestVersion"] == {"number": 1, "summary": {"present": 3}}
    assert all(message["repository"]["name"] == repository.name for message in rest)
