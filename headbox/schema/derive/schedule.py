"""Schedules of tasks of any types."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry import UNSET

from headbox.resolvers import schedule as resolver
from headbox.resolvers.context import Context
from headbox.schema.derive.classes import input_type
from headbox.schema.derive.parts import Parts
from headbox.schema.enums import MissedRuns
from headbox.schema.inputs import EXPECTED_REVISION, LABELS, as_given, optional, plain
from headbox.schema.scalars import JSON
from headbox.schema.schedule import (
    CRON,
    ENABLED,
    MISSED_RUNS,
    NAME,
    TIME_ZONE,
    CreateSchedulePayload,
    UpdateSchedulePayload,
)

_TASK = "The task to create; it has no idempotency key. It is checked now as if it were created."


def add_mutations(parts: Parts, new_task: type) -> None:
    """Add the mutations that create and change schedules."""
    task_types = {name: given.task_type for name, given in parts.task_inputs.items()}

    async def create(context: Context, given: dict[str, Any]) -> dict[str, Any]:
        return {"schedule": await resolver.create(context, task_types, given["plain"], given["shown"])}

    async def update(context: Context, given: dict[str, Any]) -> dict[str, Any]:
        return {"schedule": await resolver.update(context, task_types, given["plain"], given["shown"])}

    parts.add_mutation(
        "createSchedule",
        "Create a schedule: a task for every time that a cron expression names.",
        input_type("CreateScheduleInput", "A schedule to create.", _fields(new_task)),
        CreateSchedulePayload,
        create,
        read=_both,
    )
    changes = {
        "id": (strawberry.ID, strawberry.field(description="Id of the schedule.")),
        "expected_revision": (int | None, optional(EXPECTED_REVISION)),
        **_fields(new_task, is_update=True),
    }
    parts.add_mutation(
        "updateSchedule",
        "Change a schedule. Where `cron`, `timeZone` or `enabled` is given, it is due next at the next time from now.",
        input_type("UpdateScheduleInput", "Changes of a schedule; what is left out stays as it is.", changes),
        UpdateSchedulePayload,
        update,
        read=_both,
    )


def _both(value: Any) -> dict[str, Any]:
    """Return an input as resolvers take it, and as the client gave it."""
    return {"plain": plain(value), "shown": as_given(value)}


def _fields(new_task: Any, *, is_update: bool = False) -> dict[str, Any]:
    """Return the fields that a new schedule and its changes have."""
    needed: dict[str, tuple[Any, str]] = {"name": (str, NAME), "cron": (str, CRON), "task": (new_task, _TASK)}
    free: dict[str, tuple[Any, str, Any]] = {
        "time_zone": (str, TIME_ZONE, "UTC"),
        "missed_runs": (MissedRuns, MISSED_RUNS, MissedRuns.SKIP),
        "enabled": (bool, ENABLED, True),
        "labels": (JSON, LABELS, UNSET),
    }
    if is_update:
        free = {**{name: (*field, UNSET) for name, field in needed.items()}, **free}
        return {name: (kind | None, optional(text)) for name, (kind, text, _) in free.items()}
    return {
        **{name: (kind, strawberry.field(description=text)) for name, (kind, text) in needed.items()},
        **{
            name: (kind | None, strawberry.field(default=default, description=text))
            for name, (kind, text, default) in free.items()
        },
    }
