"""Schedules that are due: which tasks they create, and what becomes of those that they cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.exceptions import DoesNotExist

from headbox.models import Repository, Schedule, Task
from headbox.models.database import Contended
from headbox.services import task_request
from headbox.services.schedule import fire_due
from headbox.types import MissedRuns, ScheduleOutcome, SyncMode, TaskPriority
from tests.factories.repository import make_repository
from tests.factories.task import make_gate
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.schedules import (
    SCHEDULE,
    after_firing,
    create,
    is_due,
    make_schedule,
)
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream


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
