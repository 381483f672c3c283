"""Schedules: tasks that are created whenever a cron expression says so.

What a schedule creates was checked when the schedule was made, and is checked again whenever it is due: a failure is
shown on the schedule. Who makes the due runs is of no account: each is taken under the lock of its row, and the task is
created in the transaction that moves the schedule on, so that a run is made once or not at all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, Internal, Invalid
from headbox.kinds import TaskType
from headbox.models import Schedule, Task
from headbox.models.database import TRANSIENT, Connection, lock_row, now
from headbox.services import task_request
from headbox.services.cron import check_cron, following
from headbox.services.documents import check_labels, check_name
from headbox.services.rows import check_name_is_free, check_revision, locked
from headbox.services.task_request import Request
from headbox.tasking import correlation, user
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import MissedRuns, ScheduleOutcome

#: A run that is later than this was missed, in seconds; where reconcilers look more rarely, twice their time.
GRACE_SECONDS = 60.0
#: Most runs that are made at a time; the others follow a moment later.
BATCH = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """What a schedule creates; made by `scheduled`.

    Attributes:
        task_type: Type of the task.
        request: The request for it.
        shown: The same, as the client named it.
    """

    task_type: type[TaskType]
    request: Request
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule to create."""

    name: str
    cron: str
    task: ScheduledTask
    time_zone: str = "UTC"
    missed_runs: MissedRuns = MissedRuns.SKIP
    enabled: bool = True
    labels: dict[str, Any] | None = None


async def scheduled(
    work: UnitOfWork, task_type: type[TaskType], request: Request, shown: dict[str, Any]
) -> ScheduledTask:
    """Return what a schedule is to create.

    Raises:
        RequestError: A task like that could not be created now.
        ExceptionGroup: An `Invalid` or `Required` for each value at fault.
    """
    task_request.check_has_no_key(request)
    task_request.check_has_no_plan(request)
    await task_request.check(work, task_type, request)
    return ScheduledTask(task_type, request, shown)


async def create(work: UnitOfWork, new: NewSchedule) -> Schedule:
    """Create a schedule.

    Raises:
        NameTaken: Another schedule has the name.
        RequestError: Something of it cannot be.
    """
    time = await now(work.connection)
    check_cron(new.cron, new.time_zone, time)
    schedule = Schedule(
        name=check_name(new.name),
        labels=check_labels(new.labels),
        cron=new.cron,
        time_zone=new.time_zone,
        missed_runs=new.missed_runs,
        enabled=new.enabled,
        requested_by=user.current(),
    )
    await check_name_is_free(work.connection, schedule)
    _give(schedule, new.task)
    _move_on(schedule, time)
    await schedule.save(using_db=work.connection, force_create=True)
    return await Schedule.get(id=schedule.id, using_db=work.connection)


async def update(
    work: UnitOfWork, schedule: Schedule, *, changes: dict[str, Any], expected_revision: int | None
) -> Schedule:
    """Change what `changes` holds: fields of `NewSchedule`.

    Raises:
        RevisionConflict: It is not at the revision that the update was made for.
        RequestError: As `create`.
    """
    schedule = await locked(work.connection, schedule)
    check_revision(schedule, expected_revision)
    schedule.revision += 1
    # Whatever is changed: nobody can have more, or other tasks made in the name of somebody else.
    schedule.requested_by = user.current()
    if "name" in changes:
        schedule.name = check_name(changes["name"])
        await check_name_is_free(work.connection, schedule)
    if "labels" in changes:
        schedule.labels = check_labels(changes["labels"])
    if "task" in changes:
        _give(schedule, changes["task"])
    schedule.missed_runs = changes.get("missed_runs", schedule.missed_runs)
    times = {name: changes[name] for name in ("cron", "time_zone", "enabled") if name in changes}
    if times:
        schedule.update_from_dict(times)
        time = await now(work.connection)
        check_cron(schedule.cron, schedule.time_zone, time)
        _move_on(schedule, time)
    await schedule.save(using_db=work.connection)
    return await Schedule.get(id=schedule.id, using_db=work.connection)


async def delete(work: UnitOfWork, schedule: Schedule) -> Schedule:
    """Delete a schedule; the tasks that it created stay."""
    await schedule.delete(using_db=work.connection)
    return schedule


async def run_now(work: UnitOfWork, schedule: Schedule, *, idempotency_key: str | None = None) -> Task:
    """Create the task of a schedule now; when it is due next stays as it is, and a pause is none.

    Raises:
        RequestError: It is known already that it cannot be done; there is no task.
    """
    schedule = await locked(work.connection, schedule)
    task = await _create_task(work, schedule, idempotency_key)
    await _note(work.connection, schedule, ScheduleOutcome.CREATED, await now(work.connection), task=task)
    return task


async def fire_due(engine: Engine) -> None:
    """Make the runs that are due; several processes may try it at once."""
    time = await now(engine.database.connection)
    due = await Schedule.filter(next_run_at__lte=time).order_by("next_run_at").limit(BATCH).only("id")
    for schedule in due:
        with correlation.correlated(correlation.accepted(None)):
            await _fire(engine, schedule.id)


async def _fire(engine: Engine, schedule_id: UUID) -> None:
    try:
        async with engine.unit_of_work() as work:
            if schedule := await _taken(work.connection, schedule_id):
                await _run(work, schedule)
    except TRANSIENT:
        # The database's fault and not the task's: the run is still due, unless it was made after all.
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the schedule must go on
        async with engine.unit_of_work() as work:
            if schedule := await _taken(work.connection, schedule_id):
                time = await now(work.connection)
                _move_on(schedule, time)
                await _note(work.connection, schedule, ScheduleOutcome.FAILED, time, error=_shown(error))


async def _taken(connection: Connection, schedule_id: UUID) -> Schedule | None:
    """Return a schedule that is due and nobody else's until the transaction ends; None when another one was faster."""
    await lock_row(connection, "schedule", schedule_id)
    time = await now(connection)
    return await Schedule.get_or_none(id=schedule_id, next_run_at__lte=time, using_db=connection)


async def _run(work: UnitOfWork, schedule: Schedule) -> None:
    time = await now(work.connection)
    grace = timedelta(seconds=max(GRACE_SECONDS, 2 * work.settings.worker.reconcile_seconds))
    is_missed = _is_missed(schedule, time, grace)
    _move_on(schedule, time)
    if is_missed and schedule.missed_runs is MissedRuns.SKIP:
        await _note(work.connection, schedule, ScheduleOutcome.MISSED, time)
    elif await _is_unfinished(work.connection, schedule.last_task_id):
        await _note(work.connection, schedule, ScheduleOutcome.OVERLAPPED, time)
    else:
        with user.acting_for(schedule.requested_by):
            task = await _create_task(work, schedule)
        await _note(work.connection, schedule, ScheduleOutcome.CREATED, time, task=task)


def _is_missed(schedule: Schedule, time: datetime, grace: timedelta) -> bool:
    """Tell whether nothing that is due was due lately: of many runs that were missed, the last one may be in time."""
    assert schedule.next_run_at is not None, "it is due"
    if schedule.next_run_at > time - grace:
        return False
    latest = following(schedule.cron, schedule.time_zone, time - grace)
    return latest is None or latest > time


async def _is_unfinished(connection: Connection, task_id: UUID | None) -> bool:
    task = await Task.get_or_none(id=task_id, using_db=connection) if task_id else None
    return task is not None and not task.state.is_final


async def _create_task(work: UnitOfWork, schedule: Schedule, idempotency_key: str | None = None) -> Task:
    task_type = work.registry.find(schedule.task_kind, TaskType)
    if task_type is None:
        raise Invalid(field="task", reason=f"no plugin for {schedule.task_kind!r} is installed", path=("task",))
    request = await task_request.restored(work.connection, task_type, schedule.request)
    return await task_request.create(work, task_type, replace(request, idempotency_key=idempotency_key))


def _move_on(schedule: Schedule, time: datetime) -> None:
    """Set when a schedule is due next."""
    schedule.next_run_at = following(schedule.cron, schedule.time_zone, time) if schedule.enabled else None


async def _note(
    connection: Connection,
    schedule: Schedule,
    outcome: ScheduleOutcome,
    time: datetime,
    *,
    task: Task | None = None,
    error: HeadboxError | None = None,
) -> None:
    """Write what came of a run, and when the next one is due."""
    schedule.last_run_at = time
    schedule.last_outcome = outcome
    schedule.last_error = error.as_document() if error else None
    if task:
        schedule.last_task_id = task.id
    names = ["next_run_at", "last_run_at", "last_outcome", "last_error", "last_task_id"]
    await schedule.save(using_db=connection, update_fields=names)
    log.info("schedule was due", extra={"schedule": schedule.name, "outcome": outcome.value})


def _shown(error: Exception) -> HeadboxError:
    """Return the error to show; a bug is logged here and shown without its insides."""
    if isinstance(error, HeadboxError):
        return error
    if isinstance(error, ExceptionGroup):
        return _shown(error.exceptions[0])
    log.error("a schedule failed for a reason that headbox does not know", exc_info=error)
    return Internal(correlation_id=correlation.current())


def _give(schedule: Schedule, task: ScheduledTask) -> None:
    """Let a schedule create this task."""
    schedule.task_kind = task.task_type.kind
    schedule.task_input = task.shown
    schedule.request = task_request.kept(task.request)
