"""Everything that cleans and repairs can be asked for by schedules and in groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headbox.models import Schedule, Task
from headbox.types import ScheduleOutcome
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.integration.schema.schedules import after_firing, create, is_due
from tests.support.engine import LocalEngine

GROUP = """
mutation ($input: CreateTaskGroupInput!) {
  createTaskGroup(input: $input) { taskGroup { counts { waiting running completed } } errors { code path } }
}
"""
TASKS: dict[str, tuple[dict[str, Any], str]] = {
    "garbageCollection": ({"graceSeconds": 3600.0, "dryRun": True}, "core.garbage_collection"),
    "repair": ({"checkDigests": False}, "core.repair"),
    "reclaim": ({"olderThanDays": 30.0}, "core.reclaim"),
    "taskPurge": ({"olderThanDays": 30.0, "states": ["COMPLETED"], "kinds": ["file.sync"]}, "core.purge"),
}


@pytest.mark.parametrize("name", TASKS)
async def test_schedule_creates_it(api: Api, engine: LocalEngine, name: str) -> None:
    values, kind = TASKS[name]

    payload = await create(api, task={name: values})

    assert payload["errors"] == []
    assert payload["schedule"]["taskKind"] == kind
    assert payload["schedule"]["taskInput"][name].items() >= values.items()
    schedule = await Schedule.get(name="nightly")
    await is_due(schedule)
    fired = await after_firing(engine, schedule)
    assert (fired.last_outcome, fired.last_error) == (ScheduleOutcome.CREATED, None)
    await engine.completed(await Task.get(kind=kind))


@pytest.mark.parametrize(
    ("task", "code", "path"),
    [
        ({"garbageCollection": {"graceSeconds": -3600}}, "INVALID", ["garbageCollection", "graceSeconds"]),
        ({"repair": {"repository": "nonsense"}}, "NOT_FOUND", ["repair", "repository"]),
        ({"reclaim": {"olderThanDays": -1}}, "INVALID", ["reclaim", "olderThanDays"]),
        ({"taskPurge": {}}, "REQUIRED", ["taskPurge", "olderThanDays"]),
        ({"taskPurge": {"olderThanDays": 1, "states": ["RUNNING"]}}, "INVALID", ["taskPurge", "states"]),
        ({"taskPurge": {"olderThanDays": 1, "idempotencyKey": "a"}}, "INVALID", ["taskPurge", "idempotencyKey"]),
    ],
)
async def test_bad_one_is_refused(api: Api, task: dict[str, Any], code: str, path: list[str]) -> None:
    payload = await create(api, task=task)

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", "task", *path])]
    assert not await Schedule.exists()


async def test_scheduled_purge_counts_its_days_anew_each_time(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    old = await engine.finished(await make_wait(engine, gate))
    await create(api, task={"taskPurge": {"olderThanDays": 10}})
    schedule = await Schedule.get(name="nightly")
    await is_due(schedule)
    await after_firing(engine, schedule)
    await engine.dispatcher.rest()
    assert await Task.exists(id=old.id)

    await Task.filter(id=old.id).update(finished_at=datetime.now(UTC) - timedelta(days=11))
    await is_due(schedule)
    await after_firing(engine, schedule)
    await engine.dispatcher.rest()

    assert not await Task.exists(id=old.id)
    assert await Task.filter(kind="core.purge").count() == 2


async def test_purge_of_what_ended_before_a_time_is_kept_as_it_was_asked_for(api: Api, engine: LocalEngine) -> None:
    asked = {"finishedBefore": "2026-01-01T00:00:00+00:00"}
    payload = await create(api, task={"taskPurge": asked})
    assert payload["errors"] == []
    schedule = await Schedule.get(name="nightly")
    await is_due(schedule)

    await after_firing(engine, schedule)

    task = await engine.completed(await Task.get(kind="core.purge"))
    assert datetime.fromisoformat(task.input["finished_before"]) == datetime(2026, 1, 1, tzinfo=UTC)


async def test_group_has_all_of_them(api: Api, engine: LocalEngine) -> None:
    tasks = [{name: values} for name, (values, _) in TASKS.items()]

    payload = (await api.run(GROUP, input={"tasks": tasks}))["createTaskGroup"]
    await engine.dispatcher.rest()

    assert payload["errors"] == []
    assert sorted([task.kind for task in await Task.all()]) == sorted(kind for _, kind in TASKS.values())
    assert len({task.group_id for task in await Task.all()}) == 1
