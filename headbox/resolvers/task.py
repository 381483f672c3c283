"""Tasks: lists, filters, what they work on and what they made, and their creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from strawberry.dataloader import DataLoader
from tortoise.models import Model

from headbox.errors import HeadboxError, NotChangeable
from headbox.filters.conditions import ANY, NONE, Condition, compiled, equals, every, one_of
from headbox.filters.labels import labeled
from headbox.kinds import AddTask, CopyTask, PublishTask, SyncTask, TaskPurge, TaskType, VersionTask
from headbox.models import (
    Content,
    Publication,
    PublishSettings,
    Remote,
    Repository,
    RepositoryVersion,
    SyncIssue,
    SyncPlan,
    Task,
    TaskGroup,
    Worker,
)
from headbox.models.database import Connection
from headbox.resolvers import publish_settings as settings_resolver
from headbox.resolvers.context import Context
from headbox.resolvers.edits import below, change, wanted, wanted_or_none, wanted_plan, without
from headbox.resolvers.ids import GlobalId
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import task as service
from headbox.services import task_request
from headbox.services.purge import PurgeRequest
from headbox.services.task import PublishRequest, SyncRequest
from headbox.services.task_request import PARAMETER_MODELS, OwnRequest, Request
from headbox.services.version_request import MAX_ERRORS, AddRequest, CopyRequest, check_number
from headbox.tasking import queries
from headbox.tasking.engine import UnitOfWork
from headbox.types import TaskState

#: Name under which a task shows a repository that was deleted since.
DELETED_NAME = "(deleted)"


async def find(context: Context, id: str) -> Task | None:
    """Return the task with a global id."""
    node = await context.node(id)
    return node if isinstance(node, Task) else None


def condition(context: Context, filter: Mapping[str, Any] | None) -> Condition:
    """Return the condition of a filter on tasks.

    Raises:
        LimitExceeded: It nests too deep, or holds too many conditions.
    """
    return compiled(
        filter,
        {
            "kind": lambda kinds: one_of("task.kind", kinds),
            "state": lambda states: one_of("task.state", [state.value for state in states]),
            "repository": lambda text: _names(context, "task.repository_id", text, Repository),
            "worker": lambda text: _names(context, "task.worker_id", text, Worker),
            "group": lambda text: _names(context, "task.group_id", text, TaskGroup),
            "user": lambda name: equals("task.requested_by", name),
            "created_after": lambda time: Condition("task.created_at > ?", (_utc(time),)),
            "created_before": lambda time: Condition("task.created_at < ?", (_utc(time),)),
            "label": lambda labels: _labeled(context, labels),
        },
    )


def _names(context: Context, column: str, id: str, model: type[Repository | Worker | TaskGroup]) -> Condition:
    """Return the condition that a column names what a global id names: nothing, when it is the id of something else."""
    row_id = context.types.row_id(id, model)
    return Condition(f"{column} = ?", (str(row_id),)) if row_id else NONE


def _labeled(context: Context, labels: Sequence[dict[str, Any]]) -> Condition:
    """Return the condition that a task has all of these labels: few have any, and only theirs are taken apart."""
    has_any = [Condition("task.labels <> '{}'")] if labels else []
    return every([*has_any, labeled(context.connection, "task.labels", labels)])


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


async def page(
    context: Context,
    arguments: PageArguments,
    *,
    filter: Mapping[str, Any] | None = None,
    kind: str | None = None,
    repository_id: UUID | None = None,
    group_id: UUID | None = None,
) -> Page[Edge[Task]]:
    """Return a page of the tasks, the newest first: of one kind, repository or group, or of all."""
    conditions = [
        one_of("task.kind", [kind] if kind else context.types.kinds_of(Task)),
        Condition("task.repository_id = ?", (str(repository_id),)) if repository_id else ANY,
        Condition("task.group_id = ?", (str(group_id),)) if group_id else ANY,
        condition(context, filter),
    ]
    listing = Listing("task.*", "task", "task.id", "id", where=every(conditions), is_descending=True)
    return await context.loaders.page(request(listing, arguments, edges_of(Task)))


async def issues(context: Context, task: Task, arguments: PageArguments) -> Page[Edge[SyncIssue]]:
    """Return a page of what a sync left out, in the order in which it met them."""
    where = Condition("sync_issue.task_id = ?", (str(task.id),))
    listing = Listing("sync_issue.*", "sync_issue", "sync_issue.id", "id", where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(SyncIssue)))


async def counts(connection: Connection) -> dict[str, int]:
    """Return how many tasks are in each state; see `shown_counts`."""
    return shown_counts(await queries.task_counts(connection))


def shown_counts(found: Mapping[TaskState, int]) -> dict[str, int]:
    """Return how many tasks are in each state, by the state's name; those that are being canceled still run."""
    counted = {state.value: count for state, count in found.items()}
    counted[TaskState.RUNNING.value] += counted.pop(TaskState.CANCELING.value)
    return counted


async def created_resources(context: Context, task: Task) -> list[Any]:
    """Return what a task created and is still there, in the order in which it did."""
    nodes = []
    for text in task.created_resources:
        type_name, _, key = text.partition(":")
        nodes.append(await context.loaders.node(GlobalId(type_name, UUID(key))))
    return [node for node in nodes if node is not None]


async def result_version(context: Context, task: Task) -> RepositoryVersion | None:
    """Return the repository version that a task made."""
    key = task.result.get("repository_version")
    return await context.loaders.version.load(UUID(key)) if key else None


async def result_publication(context: Context, task: Task) -> Publication | None:
    """Return the publication that a task made or found."""
    key = task.result.get("publication")
    publication = await context.loaders.publication.load(UUID(key)) if key else None
    if publication is None or not task.result.get("reused"):
        return publication
    reused = publication.clone(pk=publication.pk)
    reused.reused = True
    return reused


async def remote_revision(context: Context, task: Task) -> int:
    """Return the number of the remote's revision that a sync is pinned to; 0 when that is gone."""
    revision = task.remote_revision_id and await context.loaders.remote_revision.load(task.remote_revision_id)
    return revision.number if revision else 0


async def applied_plan(context: Context, task: Task) -> SyncPlan | None:
    """Return the plan that a sync applies, or None when there is none, or it is gone."""
    applied = task.input.get("plan")
    return await context.loaders.sync_plan.load(UUID(applied["id"])) if applied else None


async def parameter(context: Context, task: Task, name: str) -> Any:
    """Return what a UUID parameter names, or None when it is null, or gone since the task was created."""
    text = task.input.get(name)
    if text is None:
        return None
    loaders: dict[type[Model], DataLoader[UUID, Any]] = {
        Repository: context.loaders.repository,
        RepositoryVersion: context.loaders.version,
        Remote: context.loaders.remote,
        PublishSettings: context.loaders.publish_settings,
        Publication: context.loaders.publication,
    }
    return await loaders[PARAMETER_MODELS[name]].load(UUID(text))


async def synced_repository(
    context: Context, task_type: type[SyncTask[Any, Any] | VersionTask[Any]], task: Task
) -> Repository:
    """Return the repository that a sync works on; where it was deleted since, what is still known of it."""
    found: Repository | None = await parameter(context, task, "repository")
    return found or _deleted_repository(context, task_type.repository_type().kind, task)


async def published_version(context: Context, task_type: type[PublishTask[Any, Any]], task: Task) -> RepositoryVersion:
    """Return the version that a publish works on; where it was deleted since, what is still known of it."""
    found: RepositoryVersion | None = await parameter(context, task, "repository_version")
    if found is not None:
        return found
    repository = _deleted_repository(context, task_type.repository_type().kind, task)
    key = UUID(task.input["repository_version"])
    return RepositoryVersion(id=key, repository_id=repository.id, number=0, created_at=task.created_at)


def _deleted_repository(context: Context, kind: str, task: Task) -> Repository:
    repository = Repository(id=task.repository_id, kind=kind, name=DELETED_NAME, created_at=task.created_at)
    # For whatever leads back to it.
    context.loaders.repository.prime(repository.id, repository, force=True)
    return repository


async def create(context: Context, task_type: type[TaskType], values: Mapping[str, Any]) -> Task:
    """Create a task.

    Raises:
        RequestError: It is known already that it cannot be done; there is no task.
    """

    async def step(work: UnitOfWork) -> Task:
        request = await requested(work, context, task_type, values)
        return await task_request.create(work, task_type, request)

    return await change(context, step, is_repeatable=values.get("idempotency_key") is not None)


async def requested(
    work: UnitOfWork, context: Context, task_type: type[TaskType], values: Mapping[str, Any]
) -> Request:
    """Return what a client asks for with the input that creates a task of a type.

    Raises:
        NotFound: Something that it names is not there.
        WrongType: An id is that of something else.
    """
    if issubclass(task_type, SyncTask):
        return await _requested_sync(work, context, task_type, values)
    if issubclass(task_type, PublishTask):
        return await _requested_publish(work, context, task_type, values)
    if issubclass(task_type, AddTask):
        return await _requested_add(work, context, task_type, values)
    if issubclass(task_type, CopyTask):
        return await _requested_copy(work, context, task_type, values)
    if issubclass(task_type, TaskPurge):
        return PurgeRequest(**{name: value for name, value in values.items() if value is not None})
    given, own = _split(task_type, TaskType, values)
    for name in own.keys() & PARAMETER_MODELS.keys():
        row = await wanted_or_none(work, context, own[name], PARAMETER_MODELS[name], name)
        own[name] = row.id if row else None
    return OwnRequest(own, **given)


async def _requested_sync(
    work: UnitOfWork, context: Context, task_type: type[SyncTask[Any, Any]], values: Mapping[str, Any]
) -> SyncRequest:
    given, extra = _split(task_type, SyncTask, values)
    repository, remote, plan = given.pop("repository"), given.pop("remote", None), given.pop("plan", None)
    repository_kind, remote_kind = task_type.repository_type().kind, task_type.remote_type().kind
    return SyncRequest(
        repository=await wanted(work, context, repository, Repository, "repository", kind=repository_kind),
        remote=await wanted_or_none(work, context, remote, Remote, "remote", kind=remote_kind),
        plan=await wanted_plan(work, context, plan, "plan") if plan is not None else None,
        extra=extra,
        **given,
    )


async def _requested_publish(
    work: UnitOfWork, context: Context, task_type: type[PublishTask[Any, Any]], values: Mapping[str, Any]
) -> PublishRequest:
    given, extra = _split(task_type, PublishTask, values)
    repository, version = given.pop("repository", None), given.pop("repository_version", None)
    settings = given.pop("settings", None)
    kind = task_type.repository_type()
    assert kind.settings_type is not None, "what is published has settings"
    return PublishRequest(
        repository=await wanted_or_none(work, context, repository, Repository, "repository", kind=kind.kind),
        repository_version=await wanted_or_none(work, context, version, RepositoryVersion, "repository_version"),
        settings=await settings_resolver.referred_row(work, context, kind.settings_type, settings, "settings"),
        extra=extra,
        **given,
    )


async def _requested_add(
    work: UnitOfWork, context: Context, task_type: type[AddTask[Any]], values: Mapping[str, Any]
) -> AddRequest:
    given, extra = _split(task_type, AddTask, values)
    repository, base = given.pop("repository"), given.pop("base", None)
    add, remove = given.pop("add", ()), given.pop("remove", ())
    check_number(add, remove)
    return AddRequest(
        repository=await wanted(work, context, repository, Repository, "repository", kind=_repository_kind(task_type)),
        add=content_ids(context, add, "add"),
        remove=content_ids(context, remove, "remove"),
        base=await wanted_or_none(work, context, base, RepositoryVersion, "base"),
        extra=extra,
        **given,
    )


def content_ids(context: Context, texts: Sequence[str], name: str) -> list[UUID]:
    """Return the ids of the content units that an input field names.

    Raises:
        ExceptionGroup: A `NotFound` or `WrongType` for each that is the id of something else.
    """
    found: list[UUID] = []
    errors: list[HeadboxError] = []
    for place, text in enumerate(texts):
        try:
            found.append(context.types.decode(text, Content, path=(name, str(place))))
        except HeadboxError as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup("ids of something else than content", errors[:MAX_ERRORS])
    return found


async def _requested_copy(
    work: UnitOfWork, context: Context, task_type: type[CopyTask[Any]], values: Mapping[str, Any]
) -> CopyRequest:
    given, extra = _split(task_type, CopyTask, values)
    repository, source = given.pop("repository"), given.pop("source")
    return CopyRequest(
        repository=await wanted(work, context, repository, Repository, "repository", kind=_repository_kind(task_type)),
        source=await _wanted_version(work, context, source, "source"),
        extra=extra,
        **given,
    )


async def _wanted_version(work: UnitOfWork, context: Context, text: str, *path: str) -> RepositoryVersion:
    """Return the version of an id, or the latest one where it is the id of a repository."""
    parsed = GlobalId.parse(text)
    found = context.types.named(parsed.type_name) if parsed else None
    if found is None or found.model is not Repository:
        return await wanted(work, context, text, RepositoryVersion, *path)
    repository = await wanted(work, context, text, Repository, *path)
    return await RepositoryVersion.get(
        repository_id=repository.id, number=repository.latest_number, using_db=work.connection
    )


def _repository_kind(task_type: type[VersionTask[Any]]) -> str:
    return task_type.repository_type().kind


async def rollback(context: Context, values: Mapping[str, Any]) -> Task:
    """Create a task that makes a version equal to an older one.

    Raises:
        RequestError: It is known already that it cannot be done; there is no task.
    """

    async def step(work: UnitOfWork) -> Task:
        version = await wanted(work, context, values["repository_version"], RepositoryVersion, "repository_version")
        repository = await Repository.get(id=version.repository_id, using_db=work.connection)
        task_type = context.registry.add_task(repository.kind)
        if task_type is None:
            raise NotChangeable(kind=repository.kind, path=("repository_version",))
        request = AddRequest(repository, base=version, **without(values, "repository_version"))
        return await task_request.create(work, task_type, request)

    return await change(context, step, is_repeatable=values.get("idempotency_key") is not None)


def _split(
    task_type: type[TaskType], base: type[TaskType], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that all tasks of a base have, and those of this type's own parameters; nulls are left out."""
    own = task_type.model_fields.keys() - base.model_fields.keys()
    given = {name: value for name, value in values.items() if value is not None and name not in own}
    return given, {name: values[name] for name in own if name in values}


async def cancel(context: Context, id: str) -> Task:
    """End a waiting task at once, and ask a running one to end.

    Raises:
        NotFound: There is none with this id.
        NotCancelable: It is finished already.
    """

    async def step(work: UnitOfWork) -> Task:
        task = await wanted(work, context, id, Task, "id")
        with below("id"):
            return await service.cancel(work, task)

    return await change(context, step)


async def repeat(context: Context, id: str, idempotency_key: str | None) -> Task:
    """Create a task from the stored input of a finished one.

    Raises:
        NotFound: There is none with this id.
        RequestError: It is not finished, or cannot be done any more.
    """

    async def step(work: UnitOfWork) -> Task:
        task = await wanted(work, context, id, Task, "id")
        return await service.repeat(work, task, idempotency_key=idempotency_key)

    return await change(context, step, is_repeatable=idempotency_key is not None)
