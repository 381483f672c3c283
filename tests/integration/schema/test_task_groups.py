"""Groups of tasks: created as one, counted, canceled."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.models import Task, TaskGroup
from headbox.types import TaskState
from tests.factories.names import unused_name
from tests.factories.repository import make_repository
from tests.factories.task import make_gate
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid, local_id
from tests.support.engine import LocalEngine
from tests.support.statements import statements
from tests.support.upstream import Upstream

GROUP = "id description finished counts { waiting running completed failed canceled } tasks { edges { node { id } } }"
CREATE = f"""
mutation ($input: CreateTaskGroupInput!) {{
  createTaskGroup(input: $input) {{ taskGroup {{ {GROUP} }} errors {{ code message path }} }}
}}
"""
CANCEL = f"""
mutation ($id: ID!) {{ cancelTaskGroup(id: $id) {{ taskGroup {{ {GROUP} }} errors {{ code message path }} }} }}
"""


async def create(api: Api, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Create a group and return the payload."""
    payload: dict[str, Any] = (await api.run(CREATE, input={"tasks": tasks, **fields}))["createTaskGroup"]
    return payload


def wait(gate: str, resource: str = "") -> dict[str, Any]:
    return {"waitTask": {"gate": gate, "resource": resource or unused_name("resource")}}


async def test_group_creates_tasks_of_several_types_and_counts_them(
    api: Api, engine: LocalEngine, files: Upstream
) -> None:
    gate, held = make_gate()
    repositories = [await make_repository(engine, files) for _ in range(2)]
    syncs = [{"fileSync": {"repository": gid("FileRepository", repository)}} for repository in repositories]

    payload = await create(api, *syncs, wait(gate), description="nightly")

    assert payload["errors"] == []
    group = payload["taskGroup"]
    assert group["description"] == "nightly"
    assert not group["finished"]
    held.open()
    await engine.dispatcher.rest()
    again = await api.run(f"query ($id: ID!) {{ node(id: $id) {{ ... on TaskGroup {{ {GROUP} }} }} }}", id=group["id"])
    assert again["node"]["finished"]
    assert again["node"]["counts"] == {"waiting": 0, "running": 0, "completed": 3, "failed": 0, "canceled": 0}
    filtered = await api.run("query ($id: ID!) { tasks(filter: { group: $id }) { totalCount } }", id=group["id"])
    assert filtered["tasks"]["totalCount"] == 3
    tasks = await Task.filter(group_id=local_id(group["id"])).order_by("id")
    assert [task.kind for task in tasks] == ["file.sync", "file.sync", "gate.wait"]


async def test_group_is_created_whole_or_not_at_all(api: Api, engine: LocalEngine, files: Upstream) -> None:
    good, bad = await make_repository(engine, files), await make_repository(engine)

    payload = await create(
        api,
        {"fileSync": {"repository": gid("FileRepository", good)}},
        {"fileSync": {"repository": gid("FileRepository", bad)}},
    )

    assert payload["taskGroup"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("NO_REMOTE", ["input", "tasks", "1", "fileSync", "remote"])
    ]
    assert await Task.all().count() == await TaskGroup.all().count() == 0
    assert engine.dispatcher.sent == []


@pytest.mark.parametrize(
    ("tasks", "fields", "code", "path"),
    [
        ([], {}, "REQUIRED", ["input", "tasks"]),
        ([wait("a")] * 501, {}, "LIMIT_EXCEEDED", ["input", "tasks"]),
        ([wait("a")], {"description": "x" * 4097}, "INVALID", ["input", "description"]),
        ([wait("a")], {"idempotencyKey": ""}, "INVALID", ["input", "idempotencyKey"]),
        (
            [{"waitTask": {"gate": "a", "idempotencyKey": "mine"}}],
            {},
            "INVALID",
            ["input", "tasks", "0", "waitTask", "idempotencyKey"],
        ),
    ],
)
async def test_bad_group_is_refused(
    api: Api, tasks: list[dict[str, Any]], fields: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = await create(api, *tasks, **fields)

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, path)]
    assert await Task.all().count() == await TaskGroup.all().count() == 0


async def test_same_key_gives_the_same_group(api: Api) -> None:
    gate, held = make_gate()
    held.open()

    first = await create(api, wait(gate, "a"), wait(gate, "b"), idempotencyKey="once")
    second = await create(api, wait(gate, "a"), wait(gate, "b"), idempotencyKey="once")
    third = await create(api, wait(gate, "a"), idempotencyKey="once")

    assert second["taskGroup"]["id"] == first["taskGroup"]["id"]
    assert await Task.all().count() == 2
    assert [error["path"] for error in third["errors"]] == [["input", "idempotencyKey"]]


async def test_canceled_group_ends_what_waits_and_what_runs(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    done, _ = make_gate()
    group = (await create(api, wait(gate, "same"), wait(gate, "same"), wait(done)))["taskGroup"]
    await held.holds(1)

    payload = (await api.run(CANCEL, id=group["id"]))["cancelTaskGroup"]

    assert payload["errors"] == []
    await engine.dispatcher.rest()
    assert {task.state for task in await Task.all()} == {TaskState.CANCELED}
    assert held.ended == []
    again = (await api.run(CANCEL, id=group["id"]))["cancelTaskGroup"]
    assert again["taskGroup"]["finished"]
    await engine.assert_nothing_left()


async def test_list_of_groups_takes_the_same_queries_however_long_it_is(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    document = f"{{ taskGroups {{ edges {{ node {{ {GROUP} }} }} }} }}"

    async def queries() -> int:
        await engine.dispatcher.rest()
        with statements() as asked:
            await api.run(document)
        return len(asked)

    await create(api, wait(gate))
    few = await queries()
    for _ in range(5):
        await create(api, wait(gate))

    assert await queries() == few
