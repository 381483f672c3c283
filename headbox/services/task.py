"""Creating tasks: everything that can be known to fail, fails here, with no task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar
from uuid import UUID

from headbox.errors import (
    Invalid,
    NoDistribution,
    NoRemote,
    RemoteNotSyncable,
    Required,
    WrongType,
)
from headbox.kinds import (
    AddTask,
    Document,
    GarbageCollection,
    PublishTask,
    Reclaim,
    Repair,
    RepositoryDocument,
    SyncTask,
    TaskPurge,
    TaskType,
    VersionTask,
)
from headbox.models import PublishSettings, Remote, RemoteRevision, Repository, RepositoryVersion, SyncPlan, Task
from headbox.models.database import Connection
from headbox.services import distribution as distributions
from headbox.services import open_issue as open_issues
from headbox.services import planned_sync as planned_syncs
from headbox.services import publish_settings as settings_service
from headbox.services.documents import check_labels, checked
from headbox.services.idempotency import Idempotency
from headbox.services.staging import stage
from headbox.tasking import correlation, lifecycle, user
from headbox.tasking.claims import Claim
from headbox.tasking.engine import UnitOfWork
from headbox.types import Automation, OnError, SyncMode, TaskPriority, uuid7

TypeT = TypeVar("TypeT", bound=type[TaskType])
RequestT = TypeVar("RequestT", bound=Any)


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A sync that a client asks for; what is None is taken from the plan, where there is one, or the repository."""

    repository: Repository
    remote: Remote | None = None
    mode: SyncMode | None = None
    automation: Automation | None = None
    on_error: OnError = OnError.FAIL
    force: bool = False
    keep_uploads: bool | None = None
    priority: TaskPriority = TaskPriority.NORMAL
    labels: dict[str, Any] | None = None
    idempotency_key: str | None = None
    group_id: UUID | None = None
    plan: SyncPlan | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A publish that a client asks for: of a version, or of a repository's latest one."""

    repository: Repository | None = None
    repository_version: RepositoryVersion | None = None
    settings: PublishSettings | dict[str, Any] | None = None
    distributable: bool = True
    priority: TaskPriority = TaskPriority.NORMAL
    labels: dict[str, Any] | None = None
    idempotency_key: str | None = None
    group_id: UUID | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that can be created.

    Attributes:
        parameters: Its parameters.
        repository_id: The repository that it works on, where no parameter of its type is one.
    """

    parameters: TaskType
    repository_id: UUID | None = None


async def create_sync(work: UnitOfWork, task_type: type[SyncTask[Any, Any]], request: SyncRequest) -> Task:
    """Create a sync, pinned to the configuration of this moment.

    Raises:
        NoRemote: There is none to sync from.
        NoDistribution: It is to be distributed, and nothing distributes the repository.
        RequestError: Something else of the request cannot be.
    """
    return await create_requested(work, task_type, request, prepare_sync)


async def prepare_sync(work: UnitOfWork, task_type: type[SyncTask[Any, Any]], request: SyncRequest) -> Prepared:
    """Return the sync that a request asks for, pinned to the configuration of this moment.

    Raises:
        RequestError: As `create_sync`.
    """
    repository = request.repository
    if repository.kind != task_type.repository_type().kind:
        raise WrongType(
            key=repository.name,
            actual=repository.kind,
            expected=task_type.repository_type().kind,
            path=("repository",),
        )
    if request.plan is not None:
        request = await _as_planned(work.connection, task_type, request, request.plan)
    remote = await _sync_remote(work.connection, task_type, request)
    revision = await RemoteRevision.get(remote_id=remote.id, number=remote.revision, using_db=work.connection)
    automation = request.automation or repository.automation
    settings = await automation_settings(work, repository, automation)
    values = {
        **request.extra,
        "repository": repository.id,
        "remote": remote.id,
        "remote_revision": revision.id,
        "mode": request.mode or repository.sync_mode,
        "automation": automation,
        "settings": settings.id if settings else None,
        "on_error": request.on_error,
        "force": request.force,
        "keep_uploads": True if request.keep_uploads is None else request.keep_uploads,
    }
    parameters = checked(task_type, values)
    if request.plan is not None:
        applied = await planned_syncs.check(work.connection, request.plan, parameters, repository)
        parameters = parameters.model_copy(update={"plan": applied})
    return Prepared(parameters)


async def _as_planned(
    connection: Connection, task_type: type[SyncTask[Any, Any]], request: SyncRequest, plan: SyncPlan
) -> SyncRequest:
    """Return a request with what it leaves out as a plan has it."""
    planned = planned_syncs.parameters_of(plan, task_type)
    own = {name: getattr(planned, name) for name in task_type.model_fields if name not in SyncTask.model_fields}
    return replace(
        request,
        remote=request.remote or await Remote.get_or_none(id=planned.remote, using_db=connection),
        mode=request.mode or planned.mode,
        extra=own | request.extra,
        keep_uploads=planned.keep_uploads if request.keep_uploads is None else request.keep_uploads,
    )


async def create_publish(work: UnitOfWork, task_type: type[PublishTask[Any, Any]], request: PublishRequest) -> Task:
    """Create a publish of a version that is finished, pinned to it.

    Raises:
        RequestError: Something of the request cannot be.
    """
    return await create_requested(work, task_type, request, prepare_publish)


async def prepare_publish(
    work: UnitOfWork, task_type: type[PublishTask[Any, Any]], request: PublishRequest
) -> Prepared:
    """Return the publish that a request asks for, pinned to the version that is the latest at this moment.

    Raises:
        RequestError: Something of the request cannot be.
    """
    version = request.repository_version
    if version is None and request.repository is None:
        raise Required(field="Either repository or repositoryVersion", path=("repository_version",))
    if version is not None and request.repository is not None:
        reason = "it goes in place of a repository, not with one"
        raise Invalid(field="repository_version", reason=reason, path=("repository_version",))
    if request.repository is not None:
        repository = request.repository
        version = await RepositoryVersion.get(
            repository_id=repository.id, number=repository.latest_number, using_db=work.connection
        )
    else:
        assert version is not None
        repository = await Repository.get(id=version.repository_id, using_db=work.connection)
    expected = task_type.repository_type()
    if repository.kind != expected.kind:
        raise WrongType(key=repository.name, actual=repository.kind, expected=expected.kind, path=("repository",))
    await open_issues.check_complete(work.connection, repository.id, "repository")
    settings = await _publish_settings(work, repository, expected, request.settings)
    values = {
        **request.extra,
        "repository_version": version.id,
        "settings": settings.id,
        "distributable": request.distributable,
    }
    return Prepared(checked(task_type, values), repository_id=repository.id)


async def create(
    work: UnitOfWork,
    task_type: type[TaskType],
    values: dict[str, Any],
    *,
    priority: TaskPriority = TaskPriority.NORMAL,
    labels: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    group_id: UUID | None = None,
) -> Task:
    """Create a task of a type that is neither a sync nor a publish.

    Args:
        work: The transaction.
        task_type: Its type.
        values: Its parameters.
        priority: Which tasks it goes before.
        labels: Its labels.
        idempotency_key: The client's key.
        group_id: The group that it belongs to.

    Raises:
        RequestError: Something of the request cannot be.
    """
    idempotency = Idempotency.of(idempotency_key, task_type.kind, values)
    if idempotency and (earlier := await idempotency.earlier(work)):
        return earlier
    parameters = checked(task_type, values)
    return await _create(work, parameters, priority=priority, labels=labels, idempotency=idempotency, group_id=group_id)


async def cancel(work: UnitOfWork, task: Task) -> Task:
    """End a waiting task at once, and ask a running one to end.

    Raises:
        NotCancelable: It is finished already.
    """
    return await lifecycle.cancel(work, task.id)


async def repeat(work: UnitOfWork, task: Task, *, idempotency_key: str | None = None) -> Task:
    """Create a task with the input of a finished one: the same parameters, and the same pinned configuration.

    Raises:
        Invalid: It is not finished, or what it works on is gone.
    """
    idempotency = Idempotency.of(idempotency_key, task.kind, {"repeat": task})
    if idempotency and (earlier := await idempotency.earlier(work)):
        return earlier
    if not task.state.is_final:
        raise Invalid(field="id", reason="the task is not finished", path=("id",))
    task_type = work.registry.find(task.kind, TaskType)
    if task_type is None:
        raise Invalid(field="id", reason=f"no plugin for {task.kind!r} is installed", path=("id",))
    parameters = task_type.read(task.input)
    if isinstance(parameters, PublishTask):
        await _check_version(parameters)
    if isinstance(parameters, SyncTask | VersionTask):
        await _check_repeatable(work, parameters)
    return await _create(
        work,
        parameters,
        priority=task.priority,
        labels=task.labels,
        idempotency=idempotency,
        repository_id=task.repository_id,
        repeats_id=task.id,
    )


async def check_distributable(connection: Connection, repository: Repository, automation: Automation) -> None:
    """Make sure that what is to be distributed has somewhere to go.

    Raises:
        NoDistribution: Nothing follows the repository.
    """
    if automation is Automation.DISTRIBUTE and not await distributions.count_following(connection, repository.id):
        raise NoDistribution(repository=repository.name, path=("automation",))


async def create_requested(
    work: UnitOfWork,
    task_type: TypeT,
    request: RequestT,
    prepare: Callable[[UnitOfWork, TypeT, RequestT], Awaitable[Prepared]],
) -> Task:
    """Create the task that a request asks for, or return the one that it made before under the same key.

    Args:
        work: The transaction.
        task_type: Its type.
        request: A dataclass with the fields that all requests have.
        prepare: Returns the task, or raises why there can be none.
    """
    asked = {part.name: getattr(request, part.name) for part in fields(request) if part.name != "idempotency_key"}
    idempotency = Idempotency.of(request.idempotency_key, task_type.kind, asked)
    if idempotency and (earlier := await idempotency.earlier(work)):
        return earlier
    prepared = await prepare(work, task_type, request)
    return await _create(
        work,
        prepared.parameters,
        priority=request.priority,
        labels=request.labels,
        idempotency=idempotency,
        repository_id=prepared.repository_id,
        group_id=request.group_id,
    )


async def _create(
    work: UnitOfWork,
    parameters: TaskType,
    *,
    priority: TaskPriority,
    labels: dict[str, Any] | None,
    idempotency: Idempotency | None,
    repository_id: UUID | None = None,
    repeats_id: UUID | None = None,
    group_id: UUID | None = None,
) -> Task:
    values = parameters.model_dump()
    task = Task(
        id=uuid7(),
        kind=parameters.kind,
        priority=priority,
        input=parameters.model_dump(mode="json"),
        labels=check_labels(labels),
        correlation_id=correlation.current() or correlation.accepted(None),
        requested_by=user.current(),
        repository_id=repository_id or values.get("repository"),
        remote_revision_id=values.get("remote_revision"),
        repeats_id=repeats_id,
        group_id=group_id,
    )
    await lifecycle.create(work, task, _claims(parameters))
    if isinstance(parameters, AddTask):
        await stage(work.connection, task.id, parameters.add)
    if idempotency is not None:
        await idempotency.remember(work, task)
    return task


def _claims(parameters: TaskType) -> list[Claim]:
    """Return what a task claims: what its type says, and what is for core to say."""
    if isinstance(parameters, PublishTask):
        # Two publishes of the same version run one after the other, so that the second finds what the first made.
        return [Claim(f"publish:{parameters.repository_version}", exclusive=True)]
    if isinstance(parameters, TaskPurge):
        # Two purges would delete the same rows in two orders, and each wait for the other.
        return [Claim("purge:tasks", exclusive=True)]
    if isinstance(parameters, GarbageCollection | Reclaim):
        # A mark is one collection's word to the next; two at once would not know whose it is.
        return [Claim("garbage", exclusive=True)]
    if isinstance(parameters, Repair):
        # Two would read the same disk twice as fast as is kind to it.
        return [Claim("repair", exclusive=True)]
    return [
        Claim(template.resource(getattr(parameters, template.parameter)), template.exclusive)
        for template in parameters.claims
    ]


async def _sync_remote(connection: Connection, task_type: type[SyncTask[Any, Any]], request: SyncRequest) -> Remote:
    remote = request.remote
    if remote is None and request.repository.remote_id is not None:
        remote = await Remote.get(id=request.repository.remote_id, using_db=connection)
    if remote is None:
        raise NoRemote(repository=request.repository.name, path=("remote",))
    expected = task_type.remote_type()
    if remote.kind != expected.kind:
        raise WrongType(key=remote.name, actual=remote.kind, expected=expected.kind, path=("remote",))
    if remote.deleted_at is not None:
        raise RemoteNotSyncable(remote=remote.name, reason="it is deleted", path=("remote",))
    return remote


async def automation_settings(
    work: UnitOfWork, repository: Repository, automation: Automation
) -> PublishSettings | None:
    """Return the settings that a new version is published with; the kind's defaults where the repository has none."""
    if automation is Automation.NONE:
        return None
    await check_distributable(work.connection, repository, automation)
    kind = _declared(work, repository.kind, RepositoryDocument)
    return await _publish_settings(work, repository, kind, None)


async def _publish_settings(
    work: UnitOfWork,
    repository: Repository,
    kind: type[RepositoryDocument],
    wanted: PublishSettings | dict[str, Any] | None,
) -> PublishSettings:
    if kind.settings_type is None:
        raise Invalid(field="automation", reason="repositories of this kind are not published", path=("automation",))
    if isinstance(wanted, PublishSettings):
        if wanted.kind != kind.settings_type.kind:
            raise WrongType(
                key=str(wanted.id), actual=wanted.kind, expected=kind.settings_type.kind, path=("settings", "id")
            )
        return wanted
    if wanted is None and repository.publish_settings_id is not None:
        return await PublishSettings.get(id=repository.publish_settings_id, using_db=work.connection)
    return await settings_service.get_or_create(work, kind.settings_type, wanted or {})


async def _check_version(parameters: PublishTask[Any, Any]) -> None:
    if not await RepositoryVersion.filter(id=parameters.repository_version).exists():
        raise Invalid(field="id", reason="the repository version is gone", path=("id",))


async def _check_repeatable(work: UnitOfWork, parameters: SyncTask[Any, Any] | VersionTask[Any]) -> None:
    repository = await Repository.get_or_none(id=parameters.repository, using_db=work.connection)
    if repository is None:
        raise Invalid(field="id", reason="the repository is gone", path=("id",))
    if isinstance(parameters, SyncTask) and not await RemoteRevision.filter(id=parameters.remote_revision).exists():
        raise RemoteNotSyncable(remote=str(parameters.remote), reason="its revision is gone", path=("id",))
    await check_distributable(work.connection, repository, parameters.automation)


def _declared(work: UnitOfWork, kind: str, base: type[Document]) -> Any:
    declared = work.registry.find(kind, base)
    if declared is None:
        raise Invalid(field="repository", reason=f"no plugin for {kind!r} is installed", path=("repository",))
    return declared
