"""Task types."""

from __future__ import annotations

import typing
from collections.abc import Collection
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from headbox.kinds import (
    AddTask,
    CopyTask,
    GarbageCollection,
    PluginInvalid,
    PublishTask,
    Reclaim,
    Repair,
    SyncTask,
    TaskType,
    VersionTask,
)
from headbox.models import Publication as PublicationRow
from headbox.models import PublishSettings as PublishSettingsRow
from headbox.models import Remote as RemoteRow
from headbox.models import Repository as RepositoryRow
from headbox.models import RepositoryVersion as RepositoryVersionRow
from headbox.models import Task as TaskRow
from headbox.resolvers import task as resolver
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Page
from headbox.schema import garbage, reclaim, repair
from headbox.schema.connection import After, Connection, First, connection_of, page_arguments
from headbox.schema.derive.classes import input_type, object_type, payload_type
from headbox.schema.derive.parts import Parts, TaskInput, check_fields
from headbox.schema.documents import description_of, input_fields, output_fields
from headbox.schema.enums import Automation, OnError, SyncMode, TaskPriority
from headbox.schema.errors import UserError
from headbox.schema.filters import ContentFilter, TaskFilter
from headbox.schema.info import Info
from headbox.schema.inputs import IDEMPOTENCY_KEY, LABELS, optional, plain
from headbox.schema.names import creation_name, field_name, list_name
from headbox.schema.publication import Publication
from headbox.schema.publish_settings import PublishSettings
from headbox.schema.remote import Remote
from headbox.schema.repository import Repository
from headbox.schema.scalars import JSON
from headbox.schema.sync_issue import SyncIssue
from headbox.schema.sync_plan import SyncPlan
from headbox.schema.task import Task
from headbox.schema.version import RepositoryVersion
from headbox.services.task_request import PARAMETER_MODELS
from headbox.services.version_request import MAX_UNITS

#: Types that stand over the rows that UUID parameters name.
API_TYPES: dict[type, Any] = {
    RepositoryRow: Repository,
    RepositoryVersionRow: RepositoryVersion,
    RemoteRow: Remote,
    PublishSettingsRow: PublishSettings,
    PublicationRow: Publication,
}
#: The fields of task types of core that tell what they did.
_RESULTS: dict[type[TaskType], dict[str, Any]] = {
    GarbageCollection: garbage.RESULTS,
    Repair: repair.RESULTS,
    Reclaim: reclaim.RESULTS,
}
Row = strawberry.Parent[TaskRow]


def add_type(parts: Parts, task_type: type[TaskType]) -> None:
    """Add a task type."""
    name = task_type.__name__
    parts.types[name] = object_type(name, description_of(task_type), _fields(parts, task_type), interface=Task)


def add_list(parts: Parts, task_type: type[TaskType]) -> None:
    """Add the field that lists the tasks of a type."""
    name = task_type.__name__
    parts.add_query(list_name(name), _list(task_type, parts.types[name]))


def _fields(parts: Parts, task_type: type[TaskType]) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    base: type[TaskType] = TaskType
    if issubclass(task_type, SyncTask):
        shared, base = _sync_fields(parts, task_type), SyncTask
    elif issubclass(task_type, PublishTask):
        shared, base = _publish_fields(parts, task_type), PublishTask
    elif issubclass(task_type, VersionTask):
        shared, base = _version_fields(parts, task_type), AddTask if issubclass(task_type, AddTask) else CopyTask
    elif task_type in _RESULTS:
        shared = _RESULTS[task_type]
    own = task_type.model_fields.keys() - base.model_fields.keys()
    nodes = _node_parameters(task_type, own)
    # A parameter `repository` narrows that of all tasks.
    check_fields(task_type, own - {"repository"}.intersection(nodes), Task)
    return {
        **shared,
        **output_fields(task_type, _read_input, but=base.model_fields.keys() | nodes),
        **{name: _parameter(name, API_TYPES[PARAMETER_MODELS[name]], task_type) for name in nodes},
    }


def _read_input(row: Any) -> dict[str, Any]:
    document: dict[str, Any] = row.input
    return document


def _node_parameters(task_type: type[TaskType], names: Collection[str]) -> list[str]:
    """Return the parameters that name something else by its id, in the order of their declaration.

    Raises:
        PluginInvalid: What one names cannot be told by its name.
    """
    found = []
    for name in (name for name in task_type.model_fields if name in names):
        annotation = task_type.model_fields[name].annotation
        if annotation is not UUID and UUID not in typing.get_args(annotation):
            continue
        if name not in PARAMETER_MODELS:
            known = ", ".join(sorted(PARAMETER_MODELS))
            where = f"{task_type.__module__}.{task_type.__name__}.{name}"
            raise PluginInvalid(f"{where} is a UUID of nothing known; one of these names tells of what: {known}.")
        found.append(name)
    return found


def _parameter(name: str, api_type: type, task_type: type[TaskType]) -> Any:
    async def resolve(root: Row, info: Info) -> Any:
        return await resolver.parameter(info.context, root, name)

    return strawberry.field(
        resolver=resolve,
        graphql_type=api_type | None,
        description=task_type.model_fields[name].description,
    )


def _sync_fields(parts: Parts, task_type: type[SyncTask[Any, Any]]) -> dict[str, Any]:
    repository = parts.types[task_type.repository_type().__name__]
    remote = parts.types[task_type.remote_type().__name__]
    settings = task_type.repository_type().settings_type

    async def resolve_repository(root: Row, info: Info) -> Any:
        return await resolver.synced_repository(info.context, task_type, root)

    async def resolve_remote(root: Row, info: Info) -> Any:
        return await resolver.parameter(info.context, root, "remote")

    fields = {
        "repository": strawberry.field(
            resolver=resolve_repository,
            graphql_type=repository,
            description="Repository to sync into. One that was deleted since is named (deleted) and is empty.",
        ),
        "remote": strawberry.field(
            resolver=resolve_remote, graphql_type=remote, description="Remote to sync from, as it is now."
        ),
        "remote_revision": _REMOTE_REVISION,
        "repository_version": _REPOSITORY_VERSION,
        "publication": _PUBLICATION,
        "issues": _ISSUES,
        "plan": _PLAN,
        **output_fields(SyncTask, _read_input, but=("repository", "remote", "remote_revision", "settings", "plan")),
    }
    if settings:
        fields["settings"] = _parameter("settings", parts.types[settings.__name__], SyncTask)
    return fields


def _publish_fields(parts: Parts, task_type: type[PublishTask[Any, Any]]) -> dict[str, Any]:
    settings = task_type.repository_type().settings_type
    assert settings is not None, "what is published has settings"

    async def resolve_version(root: Row, info: Info) -> Any:
        return await resolver.published_version(info.context, task_type, root)

    async def resolve_settings(root: Row, info: Info) -> Any:
        return await resolver.parameter(info.context, root, "settings")

    return {
        "repository_version": strawberry.field(
            resolver=resolve_version,
            graphql_type=RepositoryVersion,
            description="Repository version to publish. One that was deleted since is empty.",
        ),
        "settings": strawberry.field(
            resolver=resolve_settings, graphql_type=parts.types[settings.__name__], description="Publish settings."
        ),
        "publication": _PUBLICATION,
        **output_fields(PublishTask, _read_input, but=("repository_version", "settings")),
    }


def _version_fields(parts: Parts, task_type: type[VersionTask[Any]]) -> dict[str, Any]:
    async def resolve_repository(root: Row, info: Info) -> Any:
        return await resolver.synced_repository(info.context, task_type, root)

    fields = {
        "repository": strawberry.field(
            resolver=resolve_repository,
            graphql_type=parts.types[task_type.repository_type().__name__],
            description="Repository to change. One that was deleted since is named (deleted) and is empty.",
        ),
        "repository_version": _REPOSITORY_VERSION,
        "publication": _PUBLICATION,
        **output_fields(VersionTask, _read_input, but=("repository", "settings")),
    }
    if issubclass(task_type, AddTask):
        return fields | {"base": _parameter("base", RepositoryVersion, AddTask)}
    own = output_fields(CopyTask, _read_input, but=VersionTask.model_fields.keys() | {"source"})
    return fields | own | {"source": _parameter("source", RepositoryVersion, CopyTask)}


async def _resolve_remote_revision(root: Row, info: Info) -> int:
    return await resolver.remote_revision(info.context, root)


async def _resolve_version(root: Row, info: Info) -> Any:
    return await resolver.result_version(info.context, root)


async def _resolve_publication(root: Row, info: Info) -> Any:
    return await resolver.result_publication(info.context, root)


async def _resolve_issues(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
    return await resolver.issues(info.context, root, page_arguments(first, after))


async def _resolve_plan(root: Row, info: Info) -> dict[str, Any] | None:
    plan = await resolver.applied_plan(info.context, root)
    return {"plan": plan, "errors": []} if plan else None


_REMOTE_REVISION = strawberry.field(
    resolver=_resolve_remote_revision,
    graphql_type=int,
    description="Number of the remote's revision that was current when the task was created.",
)
_REPOSITORY_VERSION = strawberry.field(
    resolver=_resolve_version,
    graphql_type=RepositoryVersion | None,
    description="The version that it made; null until it is done, and where nothing changed.",
)
_PUBLICATION = strawberry.field(
    resolver=_resolve_publication,
    graphql_type=Publication | None,
    description="The publication that it made, or found where an identical one stood already; null until it is done.",
)
_PLAN = strawberry.field(
    resolver=_resolve_plan,
    graphql_type=SyncPlan | None,
    description="The plan that it applies; null for none, and where that is gone.",
)
_ISSUES = strawberry.field(
    resolver=_resolve_issues,
    graphql_type=Connection[SyncIssue],
    description="What it left out because of `onError: SKIP`, in the order in which it met them.",
)


def _list(task_type: type[TaskType], api_type: type) -> Any:
    async def resolve(
        info: Info,
        filter: Annotated[TaskFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        arguments = page_arguments(first, after)
        return await resolver.page(info.context, arguments, filter=plain(filter) or None, kind=task_type.kind)

    return strawberry.field(
        resolver=resolve,
        graphql_type=connection_of(api_type),
        description=f"Every {task_type.__name__}, the newest first.",
    )


def add_mutation(parts: Parts, task_type: type[TaskType]) -> None:
    """Add the mutation that creates tasks of a type."""
    name = task_type.__name__
    fields = _creation_fields(parts, task_type) | {
        "priority": (TaskPriority | None, optional("Which tasks it goes before; NORMAL when left out.")),
        "labels": (JSON | None, optional(LABELS)),
        "idempotency_key": (str | None, optional(IDEMPOTENCY_KEY)),
    }
    parts.task_inputs[field_name(name)] = TaskInput(
        task_type, input_type(f"Create{name}Input", f"A {name} to create.", fields)
    )

    async def create(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        return {"task": await resolver.create(context, task_type, values)}

    parts.add_mutation(
        creation_name(name),
        f"Create a {name}: {description_of(task_type)[:1].lower()}{description_of(task_type)[1:]}",
        parts.task_inputs[field_name(name)].input_type,
        payload_type(
            f"Create{name}Payload",
            "What became of a creation.",
            {
                "task": (parts.types[name] | None, "The task; null when there is none."),
                "errors": (list[UserError], "Why there is none."),
            },
        ),
        create,
    )


def _creation_fields(parts: Parts, task_type: type[TaskType]) -> dict[str, Any]:
    """Return the fields that only the input of this type has, or of those that are like it."""
    if issubclass(task_type, SyncTask):
        return _sync_fields_to_give(task_type)
    if issubclass(task_type, PublishTask):
        return _publish_fields_to_give(parts, task_type)
    if issubclass(task_type, VersionTask):
        return _version_fields_to_give(task_type)
    nodes = _node_parameters(task_type, task_type.model_fields)
    fields = input_fields(task_type, but=nodes)
    for name in nodes:
        declared = task_type.model_fields[name]
        if declared.is_required():
            fields[name] = (strawberry.ID, strawberry.field(description=declared.description))
        else:
            fields[name] = (strawberry.ID | None, optional(declared.description or ""))
    return fields


def _sync_fields_to_give(task_type: type[SyncTask[Any, Any]]) -> dict[str, Any]:
    own_mode = "; the repository's own when left out."
    force = "Sync even where the remote says that nothing changed."
    plan = (
        "Plan to apply: the sync does what it says, or changes nothing, with a PlanOutdated, where anything has moved"
        " since. What is left out here is taken from the plan, but for `automation`."
    )
    return {
        "repository": (strawberry.ID, strawberry.field(description="Repository to sync into.")),
        "remote": (strawberry.ID | None, optional(f"Remote to sync from{own_mode}")),
        "mode": (SyncMode | None, optional(f"What happens to units that the remote no longer holds{own_mode}")),
        "keep_uploads": (
            bool | None,
            optional("Whether MIRROR keeps what came in by upload or copy; true when left out."),
        ),
        "automation": (Automation | None, optional(f"How far the new version goes by itself{own_mode}")),
        "on_error": (
            OnError | None,
            strawberry.field(default=OnError.FAIL, description="What happens to a unit that cannot be had."),
        ),
        "force": (bool | None, strawberry.field(default=False, description=force)),
        "plan": (strawberry.ID | None, optional(plan)),
        **input_fields(task_type, but=SyncTask.model_fields),
    }


def _publish_fields_to_give(parts: Parts, task_type: type[PublishTask[Any, Any]]) -> dict[str, Any]:
    settings = task_type.repository_type().settings_type
    assert settings is not None, "what is published has settings"
    distributable = (
        "False holds the publication back from the distributions that follow, until releasePublication. True releases"
        " one of the same version and settings that was held back; none is held back again."
    )
    return {
        "repository": (strawberry.ID | None, optional("Repository to publish the latest version of.")),
        "repository_version": (strawberry.ID | None, optional("Version to publish, in place of a repository.")),
        "settings": (
            parts.references[settings.__name__] | None,
            optional("How to publish it; as the repository's own settings say when left out."),
        ),
        "distributable": (bool | None, strawberry.field(default=True, description=distributable)),
        **input_fields(task_type, but=PublishTask.model_fields),
    }


def _version_fields_to_give(task_type: type[VersionTask[Any]]) -> dict[str, Any]:
    overwrite = "Whether a unit that is added takes the place of one that stands there; false refuses it."
    shared = {
        "repository": (strawberry.ID, strawberry.field(description="Repository to change.")),
        "automation": (
            Automation | None,
            optional("How far the new version goes by itself; the repository's own when left out."),
        ),
        "overwrite": (bool | None, strawberry.field(default=True, description=overwrite)),
    }
    limit = f"at most {MAX_UNITS:,} together with what else is added and removed."
    if issubclass(task_type, AddTask):
        base = "Version of the repository to begin with, so that it holds what that one held; the latest when left out."
        return {
            **shared,
            "add": (list[strawberry.ID] | None, optional(f"Content units to add; {limit}")),
            "remove": (list[strawberry.ID] | None, optional(f"Content units to remove, where they are; {limit}")),
            "base": (strawberry.ID | None, optional(base)),
            **input_fields(task_type, but=AddTask.model_fields),
        }
    needed = "Whether the units that others need come with them."
    return {
        **shared,
        "source": (
            strawberry.ID,
            strawberry.field(description="Version to copy from, or a repository to copy the latest version of."),
        ),
        "filter": (ContentFilter | None, optional("Which of its content units; all when left out.")),
        "with_needed": (bool | None, strawberry.field(default=True, description=needed)),
        **input_fields(task_type, but=CopyTask.model_fields),
    }
