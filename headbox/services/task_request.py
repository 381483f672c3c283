"""What a client asks for when it wants a task: created at once, or kept and created whenever a schedule says so.

A request names rows. To be kept it is written as a document with their ids, and read again against the rows of that
later moment, so that whatever was deleted meanwhile is told as if the client asked for it then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.models import Model

from headbox.errors import Invalid, NotFound
from headbox.kinds import AddTask, CopyTask, PublishTask, SyncTask, TaskPurge, TaskType
from headbox.models import Publication, PublishSettings, Remote, Repository, RepositoryVersion, Task
from headbox.models.database import Connection
from headbox.services import purge
from headbox.services import task as tasks
from headbox.services.documents import check_labels, checked
from headbox.services.purge import PurgeRequest
from headbox.services.task import Prepared, PublishRequest, SyncRequest
from headbox.services.version_request import AddRequest, CopyRequest, prepare_add, prepare_copy
from headbox.tasking.engine import UnitOfWork
from headbox.types import Automation, OnError, SyncMode, TaskPriority, TaskState

#: What a UUID parameter of a task type names, by the parameter's name.
PARAMETER_MODELS: dict[str, type[Repository | RepositoryVersion | Remote | PublishSettings | Publication]] = {
    "repository": Repository,
    "repository_version": RepositoryVersion,
    "remote": Remote,
    "settings": PublishSettings,
    "publication": Publication,
    "base": RepositoryVersion,
    "source": RepositoryVersion,
}
#: What the values that requests have beside a task type's own are read with, where JSON has no type for them.
_READERS: dict[str, Callable[[Any], Any]] = {
    "mode": SyncMode,
    "automation": Automation,
    "on_error": OnError,
    "priority": TaskPriority,
    "states": lambda states: tuple(map(TaskState, states)),
    "finished_before": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A task of a plugin's own type that a client asks for.

    Attributes:
        values: The parameters; those that name something hold its id.
    """

    values: dict[str, Any]
    priority: TaskPriority = TaskPriority.NORMAL
    labels: dict[str, Any] | None = None
    idempotency_key: str | None = None
    group_id: UUID | None = None


#: The request for tasks that extend a type, and what checks it.
_LIKE_OTHERS: dict[type[TaskType], tuple[type[Any], Callable[..., Awaitable[Prepared]]]] = {
    SyncTask: (SyncRequest, tasks.prepare_sync),
    PublishTask: (PublishRequest, tasks.prepare_publish),
    AddTask: (AddRequest, prepare_add),
    CopyTask: (CopyRequest, prepare_copy),
    TaskPurge: (PurgeRequest, purge.prepare),
}
Request = SyncRequest | PublishRequest | AddRequest | CopyRequest | PurgeRequest | OwnRequest


async def create(work: UnitOfWork, task_type: type[TaskType], request: Request) -> Task:
    """Create the task that a request asks for.

    Raises:
        RequestError: It is known already that it cannot be done; there is no task.
        ExceptionGroup: An `Invalid` or `Required` for each value at fault.
    """
    if prepare := _preparation(task_type):
        return await tasks.create_requested(work, task_type, request, prepare)
    assert isinstance(request, OwnRequest)
    return await tasks.create(
        work,
        task_type,
        request.values,
        priority=request.priority,
        labels=request.labels,
        idempotency_key=request.idempotency_key,
        group_id=request.group_id,
    )


async def check(work: UnitOfWork, task_type: type[TaskType], request: Request) -> None:
    """Make sure that the task could be created now.

    Raises:
        RequestError: It could not.
        ExceptionGroup: An `Invalid` or `Required` for each value at fault.
    """
    if prepare := _preparation(task_type):
        await prepare(work, task_type, request)
    else:
        assert isinstance(request, OwnRequest)
        checked(task_type, request.values)
    check_labels(request.labels)


def _preparation(task_type: type[TaskType]) -> Callable[..., Awaitable[Prepared]] | None:
    """Return what checks the requests for tasks of a type that is like others; None for one of its own."""
    return next((prepare for base, (_, prepare) in _LIKE_OTHERS.items() if issubclass(task_type, base)), None)


def check_has_no_key(request: Request) -> None:
    """Make sure that a task has no idempotency key of its own, where what creates it has one.

    Raises:
        Invalid: It has.
    """
    if request.idempotency_key is not None:
        reason = "the task is not what is asked for once"
        raise Invalid(field="idempotency_key", reason=reason, path=("idempotency_key",))


def check_has_no_plan(request: Request) -> None:
    """Make sure that a task that is created again and again applies no plan, which can be done once.

    Raises:
        Invalid: It does.
    """
    if isinstance(request, SyncRequest) and request.plan is not None:
        raise Invalid(field="plan", reason="it can be applied once, and not by a schedule", path=("plan",))


def kept(request: Request) -> dict[str, Any]:
    """Return a request as a document: JSON values, and ids in place of rows."""
    values = {part.name: getattr(request, part.name) for part in fields(request)}
    return {
        name: str(value.pk) if isinstance(value, Model) else value
        for name, value in values.items()
        if value is not None
    }


async def restored(connection: Connection, task_type: type[TaskType], document: dict[str, Any]) -> Request:
    """Return the request that was kept, as it stands now.

    Raises:
        NotFound: Something that it names is gone.
    """
    request_type = next((kind for base, (kind, _) in _LIKE_OTHERS.items() if issubclass(task_type, base)), None)
    if request_type is None:
        for name in document["values"].keys() & PARAMETER_MODELS.keys():
            await _row(connection, name, document["values"][name])
        return OwnRequest(**_read(document))
    rows = {name: await _row(connection, name, key) for name, key in document.items() if name in PARAMETER_MODELS}
    request: Request = request_type(**{**_read(document), **rows})
    return request


def _read(document: dict[str, Any]) -> dict[str, Any]:
    return {name: _READERS[name](value) if name in _READERS else value for name, value in document.items()}


async def _row(connection: Connection, name: str, key: str | None) -> Model | None:
    if key is None:
        return None
    model = PARAMETER_MODELS[name]
    row = await model.get_or_none(id=key, using_db=connection)
    if row is None:
        raise NotFound(what=model.__name__, key=key, path=(name,))
    return row
