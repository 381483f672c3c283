"""Task groups: tasks that are created together, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from headbox.errors import Invalid, LimitExceeded, NotCancelable, Required
from headbox.kinds import TaskType
from headbox.models import Task, TaskGroup
from headbox.services import task_request
from headbox.services.idempotency import Idempotency
from headbox.services.task_request import Request
from headbox.tasking import lifecycle
from headbox.tasking.engine import UnitOfWork
from headbox.types import UNFINISHED_STATES

#: Most tasks of one group: they are created in one transaction, in about two seconds.
MAX_TASKS = 500
#: Longest description, in characters.
MAX_DESCRIPTION = 4096
#: What idempotency keys of groups are for, in place of a kind of task.
_KIND = "core.task_group"


def key_of(idempotency_key: str | None, asked: dict[str, Any]) -> Idempotency | None:
    """Return the idempotency key of a request for a group, or None where the client sent none.

    Raises:
        Invalid: The key is empty or too long.
    """
    return Idempotency.of(idempotency_key, _KIND, asked)


async def earlier(work: UnitOfWork, key: Idempotency) -> TaskGroup | None:
    """Return the group that the same request made before, or None.

    Raises:
        IdempotencyConflict: The key was used for another request.
    """
    first = await key.earlier(work)
    return await TaskGroup.get(id=first.group_id, using_db=work.connection) if first else None


async def begin(work: UnitOfWork, description: str, tasks: Sequence[object]) -> TaskGroup:
    """Create a group without its tasks, which `add` brings in the same transaction.

    Args:
        work: The transaction.
        description: What the tasks are for; may be empty.
        tasks: What is to be added.

    Raises:
        RequestError: There are too few or too many tasks, or the description is too long.
    """
    if not tasks:
        raise Required(field="tasks", path=("tasks",))
    if len(tasks) > MAX_TASKS:
        raise LimitExceeded(what="The number of tasks", limit=MAX_TASKS, path=("tasks",))
    if len(description) > MAX_DESCRIPTION or "\0" in description:
        reason = f"it has at most {MAX_DESCRIPTION} characters, and no NUL"
        raise Invalid(field="description", reason=reason, path=("description",))
    return await TaskGroup.create(description=description, using_db=work.connection)


async def add(work: UnitOfWork, group: TaskGroup, task_type: type[TaskType], request: Request) -> Task:
    """Create a task of a group.

    Raises:
        RequestError: It is known already that it cannot be done.
    """
    task_request.check_has_no_key(request)
    return await task_request.create(work, task_type, replace(request, group_id=group.id))


async def cancel(work: UnitOfWork, group: TaskGroup) -> None:
    """End the waiting tasks of a group at once, and ask the running ones to end."""
    unfinished = Task.filter(group_id=group.id, state__in=list(UNFINISHED_STATES)).using_db(work.connection)
    # By id, so that two who cancel the same group do not lock each other out.
    for task in await unfinished.order_by("id").only("id"):
        try:
            await lifecycle.cancel(work, task.id)
        except NotCancelable:  # It has just finished.
            continue
