"""Groups of tasks of any types."""

from __future__ import annotations

from typing import Any

import strawberry

from headbox.resolvers import task_group as resolver
from headbox.resolvers.context import Context
from headbox.schema.derive.classes import input_type
from headbox.schema.derive.parts import Parts
from headbox.schema.info import list_of
from headbox.schema.inputs import IDEMPOTENCY_KEY, optional
from headbox.schema.task_group import CreateTaskGroupPayload
from headbox.services.task_group import MAX_TASKS

NEW_TASK = "NewTaskInput"


def new_task_input(parts: Parts) -> type:
    """Return the input that asks for a task of any type."""
    fields = {
        name: (given.input_type | None, optional(f"A {given.task_type.__name__}."))
        for name, given in parts.task_inputs.items()
    }
    return input_type(NEW_TASK, "A task to create: exactly one of these, by its type.", fields, one_of=True)


def add_mutation(parts: Parts, new_task: type) -> None:
    """Add the mutation that creates a group of tasks."""
    task_types = {name: given.task_type for name, given in parts.task_inputs.items()}

    async def create(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        return {"task_group": await resolver.create(context, task_types, values)}

    fields = {
        "description": (str | None, optional("What the tasks are for; at most 4,096 characters.")),
        "tasks": (
            list_of(new_task),
            strawberry.field(
                description=f"The tasks, 1 to {MAX_TASKS}; none of them has an idempotency key of its own."
            ),
        ),
        "idempotency_key": (str | None, optional(IDEMPOTENCY_KEY)),
    }
    parts.add_mutation(
        "createTaskGroup",
        "Create tasks that belong together: all of them, or none where one cannot be created.",
        input_type("CreateTaskGroupInput", "Tasks to create.", fields),
        CreateTaskGroupPayload,
        create,
    )
