"""`purgeTasks` as clients have it."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.models import Task
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine

PURGE = """
mutation ($input: PurgeTasksInput!) {
  purgeTasks(input: $input) { task { id kind finishedBefore states kinds } errors { code message path } }
}
"""


async def test_purge_is_a_task_of_its_own(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    await engine.finished(await make_wait(engine, gate))

    payload = (await api.run(PURGE, input={"olderThanDays": 0, "idempotencyKey": "a"}))["purgeTasks"]
    same = (await api.run(PURGE, input={"olderThanDays": 0, "idempotencyKey": "a"}))["purgeTasks"]

    assert payload["errors"] == []
    assert same == payload
    assert payload["task"]["kind"] == "core.purge"
    assert sorted(payload["task"]["states"]) == ["CANCELED", "COMPLETED", "FAILED"]
    await engine.dispatcher.rest()
    assert [task.kind for task in await Task.all()] == ["core.purge"]
    listed = await api.run('{ tasks(filter: { kind: ["core.purge"] }) { totalCount } taskTypes { kind mutation } }')
    assert listed["tasks"]["totalCount"] == 1
    assert {"kind": "core.purge", "mutation": "purgeTasks"} in listed["taskTypes"]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({}, "REQUIRED", ["olderThanDays"]),
        ({"olderThanDays": 1, "finishedBefore": "2026-01-01T00:00:00Z"}, "INVALID", ["olderThanDays"]),
        ({"olderThanDays": -1}, "INVALID", ["olderThanDays"]),
        ({"olderThanDays": 1e300}, "INVALID", ["olderThanDays"]),
        ({"olderThanDays": 1, "states": ["RUNNING"]}, "INVALID", ["states"]),
        ({"olderThanDays": 1, "kinds": ["a"] * 101}, "INVALID", ["kinds"]),
        ({"olderThanDays": 1, "labels": {"a": 1}}, "INVALID", ["labels", "a"]),
    ],
)
async def test_bad_purge_is_refused(api: Api, fields: dict[str, Any], code: str, path: list[str]) -> None:
    payload = (await api.run(PURGE, input=fields))["purgeTasks"]

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]
    assert await Task.all().count() == 0
