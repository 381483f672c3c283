"""Purges of tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from headbox.kinds import TaskPurge
from headbox.resolvers import task as resolver
from headbox.resolvers.context import Context
from headbox.schema.derive.classes import payload_type
from headbox.schema.derive.parts import Parts, TaskInput
from headbox.schema.enums import TaskPriority, TaskState
from headbox.schema.errors import UserError
from headbox.schema.inputs import IDEMPOTENCY_KEY, LABELS, optional
from headbox.schema.names import creation_name, field_name
from headbox.schema.scalars import JSON


@strawberry.input(description="Which tasks to delete.")
class PurgeTasksInput:
    """See `services.purge.PurgeRequest`."""

    finished_before: datetime | None = optional("Those that ended before this; not with `olderThanDays`.")
    older_than_days: float | None = optional("Those that ended so many days ago; not with `finishedBefore`.")
    states: list[TaskState] | None = optional("Those that ended in one of these states; in any when left out.")
    kinds: list[str] | None = optional(
        "Those of one of these kinds, such as `file.sync`, at most 100; of any when left out."
    )
    priority: TaskPriority | None = optional("Which tasks it goes before; NORMAL when left out.")
    labels: JSON | None = optional(LABELS)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


def add_mutation(parts: Parts) -> None:
    """Add the mutation that deletes tasks."""
    parts.task_inputs[field_name(TaskPurge.__name__)] = TaskInput(TaskPurge, PurgeTasksInput)

    async def create(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        return {"task": await resolver.create(context, TaskPurge, values)}

    payload = payload_type(
        "PurgeTasksPayload",
        "What became of a purge that was asked for.",
        {
            "task": (parts.types[TaskPurge.__name__] | None, "The task; null when there is none."),
            "errors": (list[UserError], "Why there is none."),
        },
    )
    parts.add_mutation(
        creation_name(TaskPurge.__name__),
        "Delete finished tasks, with their logs and issues. It is a task itself, which deletes a few at a time and"
        " delays nobody; what the tasks made stays.",
        PurgeTasksInput,
        payload,
        create,
    )
