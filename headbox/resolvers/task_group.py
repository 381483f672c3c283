"""Task groups: lists, creation and cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headbox.kinds import TaskType
from headbox.models import TaskGroup
from headbox.resolvers import task as tasks
from headbox.resolvers.context import Context
from headbox.resolvers.edits import below, change, wanted
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import task_group as service
from headbox.tasking.engine import UnitOfWork


async def page(context: Context, arguments: PageArguments) -> Page[Edge[TaskGroup]]:
    """Return a page of all groups, the newest first."""
    listing = Listing("task_group.*", "task_group", "task_group.id", "id", is_descending=True)
    return await context.loaders.page(request(listing, arguments, edges_of(TaskGroup)))


async def create(context: Context, task_types: Mapping[str, type[TaskType]], values: Mapping[str, Any]) -> TaskGroup:
    """Create a group with all of its tasks.

    Args:
        context: The operation.
        task_types: The types of tasks, by the fields of the input that asks for one.
        values: The input.

    Raises:
        RequestError: One of the tasks cannot be created; none is.
    """
    asked = {name: value for name, value in values.items() if name != "idempotency_key"}
    key = service.key_of(values.get("idempotency_key"), asked)

    async def step(work: UnitOfWork) -> TaskGroup:
        if key and (earlier := await service.earlier(work, key)):
            return earlier
        group = await service.begin(work, values.get("description") or "", values["tasks"])
        created = []
        for number, given in enumerate(values["tasks"]):
            ((name, wanted_task),) = given.items()
            with below("tasks", str(number), name):
                asked_for = await tasks.requested(work, context, task_types[name], wanted_task)
                created.append(await service.add(work, group, task_types[name], asked_for))
        if key:
            await key.remember(work, created[0])
        return group

    return await change(context, step, is_repeatable=key is not None)


async def cancel(context: Context, id: str) -> TaskGroup:
    """End the waiting tasks of a group at once, and ask the running ones to end.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> TaskGroup:
        group = await wanted(work, context, id, TaskGroup, "id")
        await service.cancel(work, group)
        return group

    return await change(context, step, is_repeatable=True)
