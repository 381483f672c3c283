"""Schedules: lists and changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headbox.errors import Invalid
from headbox.filters.conditions import Condition, compiled, is_findable, one_of
from headbox.filters.labels import named
from headbox.kinds import TaskType
from headbox.models import Schedule, Task
from headbox.models.database import now
from headbox.resolvers import task as tasks
from headbox.resolvers.context import Context
from headbox.resolvers.edits import below, change, refuse_null, wanted, without
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import schedule as service
from headbox.services.cron import check_cron, upcoming
from headbox.services.documents import MAX_NAME
from headbox.services.schedule import NewSchedule, ScheduledTask
from headbox.tasking.engine import UnitOfWork

#: How many runs are told ahead.
MAX_RUNS = 20

#: The types of tasks, by the fields of the input that asks for one.
TaskTypes = Mapping[str, type[TaskType]]


async def find(name: str) -> Schedule | None:
    """Return the schedule with a name."""
    return await Schedule.get_or_none(name=name) if is_findable(name, MAX_NAME) else None


async def page(
    context: Context, arguments: PageArguments, *, filter: Mapping[str, Any] | None = None
) -> Page[Edge[Schedule]]:
    """Return a page of the schedules, by name."""
    where = compiled(
        filter,
        {
            "task_kind": lambda kinds: one_of("schedule.task_kind", kinds),
            "enabled": lambda is_enabled: Condition("schedule.enabled = ?", (is_enabled,)),
            **named(context.connection, "schedule"),
        },
    )
    listing = Listing("schedule.*", "schedule", "schedule.name", "name", key_type=str, where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(Schedule)))


async def plan(context: Context, cron: str, time_zone: str, runs: int) -> list[datetime]:
    """Return when a schedule would be due next, the soonest first.

    Raises:
        Invalid: The expression cannot be read or never holds, there is no such time zone, or that many runs are not
            looked for.
    """
    if not 1 <= runs <= MAX_RUNS:
        raise Invalid(field="runs", reason=f"it is from 1 to {MAX_RUNS}", path=("runs",))
    time = await now(context.connection)
    check_cron(cron, time_zone, time)
    return upcoming(cron, time_zone, time, runs)


async def create(
    context: Context, task_types: TaskTypes, values: Mapping[str, Any], shown: Mapping[str, Any]
) -> Schedule:
    """Create a schedule.

    Args:
        context: The operation.
        task_types: The types of tasks that the input can ask for.
        values: The input.
        shown: The same, as the API names it.

    Raises:
        RequestError: Something of it cannot be, or a task like that could not be created now.
    """

    async def step(work: UnitOfWork) -> Schedule:
        task = await _task(work, context, task_types, values["task"], shown["task"])
        given = {name: value for name, value in without(values, "task").items() if value is not None}
        return await service.create(work, NewSchedule(task=task, **given))

    return await change(context, step)


async def update(
    context: Context, task_types: TaskTypes, values: Mapping[str, Any], shown: Mapping[str, Any]
) -> Schedule:
    """Change what the input holds of a schedule; the arguments are those of `create`.

    Raises:
        RevisionConflict: It was changed since the revision that the client expected.
        RequestError: Something of it cannot be; nothing was changed.
    """

    async def step(work: UnitOfWork) -> Schedule:
        schedule = await wanted(work, context, values["id"], Schedule, "id")
        changes = without(values, "id", "expected_revision")
        refuse_null(changes, *(name for name in changes if name != "labels"))
        if "task" in changes:
            changes["task"] = await _task(work, context, task_types, values["task"], shown["task"])
        return await service.update(work, schedule, changes=changes, expected_revision=values.get("expected_revision"))

    return await change(context, step)


async def delete(context: Context, id: str) -> Schedule:
    """Delete a schedule.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> Schedule:
        return await service.delete(work, await wanted(work, context, id, Schedule, "id"))

    return await change(context, step)


async def run(context: Context, id: str, idempotency_key: str | None) -> tuple[Schedule, Task]:
    """Create the task of a schedule now.

    Raises:
        NotFound: There is none with this id.
        RequestError: It is known already that it cannot be done; there is no task.
    """

    async def step(work: UnitOfWork) -> tuple[Schedule, Task]:
        schedule = await wanted(work, context, id, Schedule, "id")
        task = await service.run_now(work, schedule, idempotency_key=idempotency_key)
        return await Schedule.get(id=schedule.id, using_db=work.connection), task

    return await change(context, step, is_repeatable=idempotency_key is not None)


async def _task(
    work: UnitOfWork, context: Context, task_types: TaskTypes, given: Mapping[str, Any], shown: Mapping[str, Any]
) -> ScheduledTask:
    """Return what a schedule is to create.

    Raises:
        RequestError: A task like that could not be created now.
    """
    ((name, values),) = given.items()
    with below("task", name):
        asked = await tasks.requested(work, context, task_types[name], values)
        return await service.scheduled(work, task_types[name], asked, dict(shown))
