"""Schedules: made, changed, run and deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headbox.models import Schedule, Task
from headbox.services import schedule as schedules
from headbox.services.schedule import fire_due
from headbox.types import TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_gate
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.schedules import (
    DELETE,
    RUN,
    SCHEDULE,
    UPDATE,
    after_firing,
    create,
    is_due,
    make_schedule,
)
from tests.support.engine import LocalEngine
from tests.support.statements import statements
from tests.support.upstream import Upstream


async def test_created_schedule_says_when_it_is_due(api: Api, engine: LocalEngine, files: Upstream) -> None:
    repository = await make_repository(engine, files)
    sync = {"fileSync": {"repository": gid("FileRepository", repository), "mode": "ADDITIVE", "labels": {"a_b": "c"}}}

    payload = await create(api, task=sync, timeZone="Europe/Berlin", missedRuns="RUN_ONCE", labels={"team": "web"})

    assert payload["errors"] == []
    schedule = payload["schedule"]
    assert schedule["taskInput"] == {"fileSync": {**sync["fileSync"], "onError": "FAIL", "force": False}}
    assert (schedule["taskKind"], schedule["timeZone"], schedule["missedRuns"]) == (
        "file.sync",
        "Europe/Berlin",
        "RUN_ONCE",
    )
    assert schedule["labels"] == {"team": "web"}
    due = datetime.fromisoformat(schedule["nextRunAt"])
    assert timedelta() < due - datetime.now(UTC) <= timedelta(days=1)
    assert schedule["lastOutcome"] is schedule["lastTask"] is schedule["lastError"] is None
    found = await api.run(f'{{ schedule(name: "nightly") {{ {SCHEDULE} }} schedules {{ edges {{ node {{ id }} }} }} }}')
    assert found["schedule"] == schedule
    assert found["schedules"]["edges"] == [{"node": {"id": schedule["id"]}}]
    assert await Task.all().count() == 0


PLAN = """
    query Plan($input: PlanScheduleInput!) { planSchedule(input: $input) { runs errors { code path } } }
"""


async def test_schedule_is_planned_before_it_is_created(api: Api) -> None:
    plan = (await api.run(PLAN, input={"cron": "30 3 * * *", "timeZone": "Asia/Kolkata"}))["planSchedule"]

    runs = [datetime.fromisoformat(run) for run in plan["runs"]]
    assert plan["errors"] == []
    assert timedelta() < runs[0] - datetime.now(UTC) <= timedelta(days=1)
    assert runs == [runs[0] + timedelta(days=day) for day in range(5)]
    assert {(run.hour, run.minute) for run in runs} == {(22, 0)}


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"cron": "nonsense"}, "INVALID", "cron"),
        ({"cron": "0 0 30 2 *"}, "INVALID", "cron"),
        ({"timeZone": "Mars/Olympus"}, "INVALID", "timeZone"),
        ({"runs": 0}, "INVALID", "runs"),
        ({"runs": 21}, "INVALID", "runs"),
    ],
)
async def test_plan_of_a_bad_schedule_is_refused(api: Api, fields: dict[str, Any], code: str, path: str) -> None:
    plan = (await api.run(PLAN, input={"cron": "* * * * *", **fields}))["planSchedule"]

    assert plan == {"runs": [], "errors": [{"code": code, "path": ["input", path]}]}


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"name": " "}, "INVALID", ["name"]),
        ({"cron": "nonsense"}, "INVALID", ["cron"]),
        ({"timeZone": "Mars/Olympus"}, "INVALID", ["timeZone"]),
        ({"labels": {"a": 1}}, "INVALID", ["labels", "a"]),
        ({"task": {"fileSync": {"repository": "nonsense"}}}, "NOT_FOUND", ["task", "fileSync", "repository"]),
        ({"task": {"waitTask": {"gate": "a", "labels": {"a": 1}}}}, "INVALID", ["task", "waitTask", "labels", "a"]),
        (
            {"task": {"waitTask": {"gate": "a", "idempotencyKey": "b"}}},
            "INVALID",
            ["task", "waitTask", "idempotencyKey"],
        ),
    ],
)
async def test_bad_schedule_is_refused(api: Api, fields: dict[str, Any], code: str, path: list[str]) -> None:
    payload = await create(api, **{"task": {"waitTask": {"gate": "a"}}, **fields})

    assert payload["schedule"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]
    assert await Schedule.all().count() == 0


async def test_task_that_could_not_be_created_now_is_refused(api: Api, engine: LocalEngine) -> None:
    repository = await make_repository(engine)

    payload = await create(api, task={"fileSync": {"repository": gid("FileRepository", repository)}})

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("NO_REMOTE", ["input", "task", "fileSync", "remote"])
    ]


async def test_two_schedules_have_two_names(api: Api) -> None:
    await make_schedule(api, "gate")

    payload = await create(api, task={"waitTask": {"gate": "a"}})

    assert [error["code"] for error in payload["errors"]] == ["NAME_TAKEN"]


async def test_update_changes_what_is_given_and_when_it_is_due(api: Api) -> None:
    schedule = await make_schedule(api, "gate")
    key = gid("Schedule", schedule)

    renamed = (await api.run(UPDATE, input={"id": key, "name": "weekly", "labels": None}))["updateSchedule"]
    paused = (await api.run(UPDATE, input={"id": key, "expectedRevision": 2, "enabled": False}))["updateSchedule"]
    late = (await api.run(UPDATE, input={"id": key, "expectedRevision": 2, "enabled": True}))["updateSchedule"]
    again = (await api.run(UPDATE, input={"id": key, "enabled": True, "cron": "0 4 1 1 *"}))["updateSchedule"]

    assert (renamed["schedule"]["name"], renamed["schedule"]["revision"]) == ("weekly", 2)
    assert datetime.fromisoformat(renamed["schedule"]["nextRunAt"]) == schedule.next_run_at
    assert (paused["schedule"]["enabled"], paused["schedule"]["nextRunAt"]) == (False, None)
    assert [error["code"] for error in late["errors"]] == ["REVISION_CONFLICT"]
    assert again["schedule"]["nextRunAt"].endswith("-01-01T04:00:00+00:00")


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"cron": None}, "REQUIRED", ["cron"]),
        ({"task": None}, "REQUIRED", ["task"]),
        ({"cron": "x"}, "INVALID", ["cron"]),
        ({"timeZone": "x"}, "INVALID", ["timeZone"]),
        ({"name": "taken"}, "NAME_TAKEN", ["name"]),
        ({"task": {"fileSync": {"repository": "x"}}}, "NOT_FOUND", ["task", "fileSync", "repository"]),
    ],
)
async def test_bad_update_is_refused(api: Api, changes: dict[str, Any], code: str, path: list[str]) -> None:
    schedule = await make_schedule(api, "gate")
    await make_schedule(api, "gate", name="taken")

    payload = (await api.run(UPDATE, input={"id": gid("Schedule", schedule), **changes}))["updateSchedule"]

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]
    assert (await Schedule.get(id=schedule.id)).revision == 1


async def test_paused_schedule_is_never_due_and_can_be_run(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    schedule = await make_schedule(api, gate, enabled=False)
    assert schedule.next_run_at is None

    payload = (await api.run(RUN, id=gid("Schedule", schedule), key="once"))["runSchedule"]
    same = (await api.run(RUN, id=gid("Schedule", schedule), key="once"))["runSchedule"]

    assert payload["errors"] == []
    assert payload["task"] == same["task"]
    assert payload["schedule"]["lastOutcome"] == "CREATED"
    assert payload["schedule"]["nextRunAt"] is None
    [task] = await Task.all()
    assert (await engine.finished(task)).state is TaskState.COMPLETED


async def test_run_between_two_looks_keeps_what_the_other_one_wrote(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    stale = await make_schedule(api, gate)
    await is_due(stale)
    stale = await Schedule.get(id=stale.id)
    fired = await after_firing(engine, stale)
    await engine.dispatcher.rest()

    async with engine.unit_of_work() as work:
        await schedules.run_now(work, stale)

    assert (await Schedule.get(id=stale.id)).next_run_at == fired.next_run_at


async def test_deleted_schedule_leaves_its_tasks(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    schedule = await make_schedule(api, gate)
    await is_due(schedule)
    await fire_due(engine)
    await engine.dispatcher.rest()

    payload = (await api.run(DELETE, id=gid("Schedule", schedule)))["deleteSchedule"]

    assert payload == {"schedule": {"name": "nightly"}, "errors": []}
    assert await Schedule.all().count() == 0
    assert await Task.all().count() == 1
    gone = (await api.run(RUN, id=gid("Schedule", schedule)))["runSchedule"]
    assert [error["code"] for error in gone["errors"]] == ["NOT_FOUND"]


async def test_list_of_schedules_takes_the_same_queries_however_long_it_is(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()

    async def make(number: int) -> None:
        await is_due(await make_schedule(api, gate, name=f"s{number}"))
        await fire_due(engine)
        await engine.dispatcher.rest()

    async def queries() -> int:
        with statements() as asked:
            await api.run(f"{{ schedules {{ edges {{ node {{ {SCHEDULE} }} }} }} }}")
        return len(asked)

    await make(0)
    few = await queries()
    for number in range(1, 5):
        await make(number)

    assert await queries() == few
