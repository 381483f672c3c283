"""The user whom the proxy in front names: taken from the header, and told wherever something was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from headbox.app import requests
from headbox.models import Schedule, Task
from headbox.tasking.user import acting_for
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.additions import COPY, Shelf, file_ids
from tests.integration.schema.api import Api, websocket
from tests.integration.schema.ids import gid
from tests.integration.schema.refusals import ERRORS
from tests.integration.schema.schedules import UPDATE, after_firing, is_due, make_schedule
from tests.support.engine import LocalEngine

HEADER = "X-Forwarded-User"
ADD = f"""
mutation ($input: CreateFileAddInput!) {{ createFileAdd(input: $input) {{ task {{ id user }} {ERRORS} }} }}
"""
ORIGINS = """
query ($id: ID!) { node(id: $id) { ... on FileRepository { latestVersion { content { edges {
  origin addedByUser node { versions { edges { node { addedByUser } } } }
} } } } } }
"""
TASKS = "query ($filter: TaskFilter) { tasks(filter: $filter) { edges { node { id user } } } }"


@pytest.fixture
async def url(api: Api) -> AsyncIterator[str]:
    """Address of the API, which is told of users."""
    settings = api.engine.settings.server
    async with api.served(requests.middleware(api.engine.database, settings, user_header=HEADER)) as url:
        yield url


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


async def test_content_tells_who_brought_it(api: Api, url: str, client: aiohttp.ClientSession) -> None:
    shelf, other = await Shelf.create(api, "shelf"), await Shelf.create(api, "other")
    body = {"query": ADD, "variables": {"input": {"repository": shelf.id, "add": await file_ids(api, ("a", "1"))}}}

    async with client.post(url, json=body, headers={HEADER: "alice"}) as response:
        task = (await response.json())["data"]["createFileAdd"]["task"]
    await shelf.completed(task)
    with acting_for("bob"):
        await other.completed(await other.begin(COPY, repository=other.id, source=shelf.id))

    assert task["user"] == "alice"
    [edge] = (await api.run(ORIGINS, id=other.id))["node"]["latestVersion"]["content"]["edges"]
    assert (edge["origin"], edge["addedByUser"]) == ("COPY", "bob")
    assert [place["node"]["addedByUser"] for place in edge["node"]["versions"]["edges"]] == ["alice", "bob"]


async def test_websocket_acts_for_the_user_of_its_handshake(api: Api, url: str) -> None:
    shelf = await Shelf.create(api, "shelf")
    variables = {"input": {"repository": shelf.id, "add": await file_ids(api, ("a", "1"))}}

    async with websocket(url, headers={HEADER: "alice"}) as socket:
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": ADD, "variables": variables}})
        task = (await socket.receive_json())["payload"]["data"]["createFileAdd"]["task"]

    assert task["user"] == "alice"
    await shelf.completed(task)


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {"X_Forwarded_User": "alice"}, {"Remote-User": "alice"}])
async def test_nobody_is_named(api: Api, url: str, client: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    shelf = await Shelf.create(api, "shelf")
    body = {"query": ADD, "variables": {"input": {"repository": shelf.id, "add": await file_ids(api, ("a", "1"))}}}

    async with client.post(url, json=body, headers=headers) as response:
        task = (await response.json())["data"]["createFileAdd"]["task"]

    assert task["user"] is None
    await shelf.completed(task)


@pytest.mark.parametrize("names", [["alice", "mallory"], ["x" * 256], ["alice\u202e"]])
async def test_what_can_be_no_user_is_refused(
    api: Api, url: str, client: aiohttp.ClientSession, names: list[str]
) -> None:
    shelf = await Shelf.create(api, "shelf")
    body = {"query": ADD, "variables": {"input": {"repository": shelf.id, "add": await file_ids(api, ("a", "1"))}}}
    headers = [(HEADER, name) for name in names]

    async with client.post(url, json=body, headers=headers) as response:
        answer = await response.json()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with websocket(url, headers=headers):
            pass

    assert (response.status, refused.value.status) == (400, 400)
    assert response.headers["X-Correlation-ID"]
    [error] = answer["errors"]
    assert error["message"].startswith(f"{HEADER} is not valid: ")
    assert await Task.all().count() == 0


async def test_tasks_of_a_user(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    with acting_for("alice"):
        first = await make_wait(engine, gate)
    with acting_for("bob"):
        second = await make_wait(engine, gate)
    third = await make_wait(engine, gate)
    for task in (first, second, third):
        await engine.finished(task)

    async def found(filter: dict[str, Any]) -> list[tuple[str, str | None]]:
        edges = (await api.run(TASKS, filter=filter))["tasks"]["edges"]
        return [(edge["node"]["id"], edge["node"]["user"]) for edge in edges]

    assert await found({"user": "alice"}) == [(gid("WaitTask", first), "alice")]
    assert await found({"not": {"user": "alice"}}) == [(gid("WaitTask", third), None), (gid("WaitTask", second), "bob")]
    assert await found({"user": "Alice"}) == await found({"user": ""}) == await found({"user": "\0"}) == []


async def test_tasks_of_a_schedule_are_of_who_changed_it_last(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    with acting_for("alice"):
        schedule = await make_schedule(api, gate)

    async def fired() -> str | None:
        await is_due(schedule)
        fired = await after_firing(engine, schedule)
        task: Task = await engine.finished(await Task.get(id=fired.last_task_id))
        return task.requested_by

    assert await fired() == "alice"
    with acting_for("bob"):
        await api.run(UPDATE, input={"id": gid("Schedule", schedule), "cron": "0 4 * * *"})
    assert await fired() == "bob"
    document = "query ($id: ID!) { node(id: $id) { ... on Schedule { user } } }"
    assert (await api.run(document, id=gid("Schedule", schedule)))["node"]["user"] == "bob"
    assert (await Schedule.get(id=schedule.id)).revision == 2
