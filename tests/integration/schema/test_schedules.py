"""Schedules: made, changed, due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.exceptions import DoesNotExist

from headbox.models import Repository, Schedule, Task
from headbox.models.database import Contended
from headbox.services import schedule as schedules
from headbox.services import task_request
from headbox.services.schedule import fire_due
from headbox.types import MissedRuns, ScheduleOutcome, SyncMode, TaskPriority, TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_gate
from tests.integration.schema.api import Api
from tests.integration.schema.test_mutations import gid
from tests.support.engine import LocalEngine
from tests.support.statements import statements
from tests.support.upstream import Upstream

SCHEDULE = """
id name revision labels cron timeZone missedRuns enabled taskKind taskInput nextRunAt lastRunAt lastOutcome
lastTask { id state } lastError { code message path }
"""
ERRORS = "errors { code message path }"
CREATE = f"""
mutation ($input: CreateScheduleInput!) {{ createSchedule(input: $input) {{ schedule {{ {SCHEDULE} }} {ERRORS} }} }}
"""
UPDATE = f"""
mutation ($input: UpdateScheduleInput!) {{ updateSchedule(input: $input) {{ schedule {{ {SCHEDULE} }} {ERRORS} }} }}
"""
DELETE = f"mutation ($id: ID!) {{ deleteSchedule(id: $id) {{ schedule {{ name }} {ERRORS} }} }}"
RUN = f"""
mutation ($id: ID!, $key: String) {{
  runSchedule(id: $id, idempotencyKey: $key) {{ schedule {{ {SCHEDULE} }} task {{ id }} {ERRORS} }}
}}
"""


async def create(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a schedule and return the payload."""
    given = {"name": "nightly", "cron": "0 3 * * *", **fields}
    payload: dict[str, Any] = (await api.run(CREATE, input=given))["createSchedule"]
    return payload


async def make_schedule(api: Api, gate: str, **fields: Any) -> Schedule:
    """Return a schedule of tasks that wait at a gate."""
    payload = await create(api, task={"waitTask": {"gate": gate}}, **fields)
    assert payload["errors"] == []
    return await Schedule.get(name=payload["schedule"]["name"])


async def is_due(schedule: Schedule, *, since: timedelta = timedelta(seconds=1)) -> None:
    """Let a schedule be due, as if nobody had looked since then."""
    await Schedule.filter(id=schedule.id).update(next_run_at=datetime.now(UTC) - since)


async def after_firing(engine: LocalEngine, schedule: Schedule) -> Schedule:
    """Make the runs that are due and return the schedule as it is then."""
    await fire_due(engine)
    return await Schedule.get(id=schedule.id)


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


async def test_due_schedule_creates_its_task_once(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    schedule = await make_schedule(api, gate)
    await is_due(schedule)

    await asyncio.gather(*(fire_due(engine) for _ in range(5)))
    await fire_due(engine)

    [task] = await Task.all()
    fired = await Schedule.get(id=schedule.id)
    assert (fired.last_outcome, fired.last_task_id) == (ScheduleOutcome.CREATED, task.id)
    assert fired.next_run_at is not None
    assert fired.next_run_at > datetime.now(UTC)
    held.open()
    await engine.completed(task)


async def test_scheduled_sync_is_what_was_asked_for(api: Api, engine: LocalEngine, files: Upstream) -> None:
    repository = await make_repository(engine, files, "mirror")
    sync = {
        "repository": gid("FileRepository", repository),
        "mode": "ADDITIVE",
        "automation": "DISTRIBUTE",
        "priority": "LOW",
        "labels": {"by": "schedule"},
    }
    await create(api, task={"fileSync": sync})
    schedule = await Schedule.get(name="nightly")
    await is_due(schedule)

    await fire_due(engine)

    [task] = await Task.all()
    assert (task.priority, task.labels) == (TaskPriority.LOW, {"by": "schedule"})
    assert task.input["mode"] == SyncMode.ADDITIVE
    done = await engine.completed(task)
    assert done.result["publication"]


async def test_publish_of_the_latest_version_can_be_scheduled(api: Api, engine: LocalEngine, files: Upstream) -> None:
    repository = await make_repository(engine, files)
    settings = {"create": {"manifest": "LIST"}}
    publish = {"repository": gid("FileRepository", repository), "settings": settings, "distributable": False}
    payload = await create(api, task={"filePublish": publish})
    assert payload["errors"] == []
    schedule = await Schedule.get(name="nightly")
    assert schedule.task_input == {"filePublish": publish}
    await is_due(schedule)

    await fire_due(engine)

    [task] = await Task.all()
    assert task.input["distributable"] is False
    await engine.completed(task)


async def test_no_task_is_created_while_the_last_one_is_not_finished(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    schedule = await make_schedule(api, gate)
    await is_due(schedule)
    first = await after_firing(engine, schedule)
    await is_due(schedule)

    second = await after_firing(engine, schedule)

    assert (second.last_outcome, second.last_task_id) == (ScheduleOutcome.OVERLAPPED, first.last_task_id)
    assert second.next_run_at is not None
    assert second.next_run_at > datetime.now(UTC)
    held.open()
    await engine.dispatcher.rest()
    await is_due(schedule)
    assert (await after_firing(engine, schedule)).last_outcome is ScheduleOutcome.CREATED
    assert await Task.all().count() == 2


@pytest.mark.parametrize(
    ("policy", "outcome", "tasks"),
    [("SKIP", ScheduleOutcome.MISSED, 0), ("RUN_ONCE", ScheduleOutcome.CREATED, 1)],
)
async def test_missed_runs_are_skipped_or_made_up_for_once(
    api: Api, engine: LocalEngine, policy: str, outcome: ScheduleOutcome, tasks: int
) -> None:
    gate, held = make_gate()
    held.open()
    # Due once a year, and half a year ago for the last time.
    distant = datetime.now(UTC) + timedelta(days=180)
    schedule = await make_schedule(api, gate, cron=f"0 3 {min(distant.day, 28)} {distant.month} *", missedRuns=policy)
    await is_due(schedule, since=timedelta(days=3 * 365))

    fired = await after_firing(engine, schedule)

    assert fired.last_outcome is outcome
    assert await Task.all().count() == tasks
    assert fired.next_run_at is not None
    assert fired.next_run_at > datetime.now(UTC)


async def test_run_in_time_is_made_though_earlier_ones_were_missed(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    held.open()
    schedule = await make_schedule(api, gate, cron="* * * * *")
    assert schedule.missed_runs is MissedRuns.SKIP
    await is_due(schedule, since=timedelta(days=1))

    assert (await after_firing(engine, schedule)).last_outcome is ScheduleOutcome.CREATED
    assert await Task.all().count() == 1


async def test_failed_run_is_shown_and_the_next_one_is_due(api: Api, engine: LocalEngine, files: Upstream) -> None:
    gate, held = make_gate()
    held.open()
    repository = await make_repository(engine, files)
    await create(api, name="broken", task={"fileSync": {"repository": gid("FileRepository", repository)}})
    broken, whole = await Schedule.get(name="broken"), await make_schedule(api, gate)
    await Repository.filter(id=repository.id).update(remote_id=None)
    await is_due(broken, since=timedelta(seconds=2))
    await is_due(whole)

    await fire_due(engine)

    shown = (await api.run(f'{{ schedule(name: "broken") {{ {SCHEDULE} }} }}'))["schedule"]
    assert (shown["lastOutcome"], shown["lastError"]["code"], shown["lastTask"]) == ("FAILED", "NO_REMOTE", None)
    assert datetime.fromisoformat(shown["nextRunAt"]) > datetime.now(UTC)
    assert [task.kind for task in await Task.all()] == ["gate.wait"]


async def test_schedule_of_a_deleted_repository_says_so(api: Api, engine: LocalEngine, files: Upstream) -> None:
    repository = await make_repository(engine, files)
    key = gid("FileRepository", repository)
    await create(api, task={"fileSync": {"repository": key}})
    schedule = await Schedule.get(name="nightly")
    await api.run("mutation ($id: ID!) { deleteRepository(id: $id) { errors { code } } }", id=key)
    await is_due(schedule)

    fired = await after_firing(engine, schedule)

    assert fired.last_error is not None
    assert fired.last_error["code"] == "NOT_FOUND"


@pytest.mark.parametrize("error", [RuntimeError("nonsense"), DoesNotExist(Task)])
async def test_bug_in_a_schedule_is_masked_and_does_not_stop_the_others(
    api: Api, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    gate, held = make_gate()
    held.open()
    broken = await make_schedule(api, gate, name="broken")
    whole = await make_schedule(api, gate, name="whole")
    restored = task_request.restored

    async def restored_or_not(*arguments: Any) -> Any:
        if arguments[2]["values"].get("text") == "broken":
            raise error
        return await restored(*arguments)

    monkeypatch.setattr(task_request, "restored", restored_or_not)
    await Schedule.filter(id=broken.id).update(request={"values": {"gate": gate, "text": "broken"}})
    await is_due(broken, since=timedelta(seconds=2))
    await is_due(whole)

    await fire_due(engine)

    shown = (await Schedule.get(id=broken.id)).last_error
    assert shown is not None
    assert shown["code"] == "INTERNAL"
    assert "nonsense" not in str(shown)
    assert (await Schedule.get(id=whole.id)).last_outcome is ScheduleOutcome.CREATED


async def test_run_that_the_database_refused_is_still_due(
    api: Api, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, held = make_gate()
    held.open()
    schedule = await make_schedule(api, gate)
    await is_due(schedule)

    async def refused(*_: Any) -> Any:
        raise Contended("another transaction was in the way")

    with monkeypatch.context() as patch:
        patch.setattr(task_request, "create", refused)
        with pytest.raises(Contended):
            await fire_due(engine)

    assert (await Schedule.get(id=schedule.id)).last_outcome is None
    assert (await after_firing(engine, schedule)).last_outcome is ScheduleOutcome.CREATED


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
