"""Everything that is derived from what plugins declare."""

from __future__ import annotations

from headbox.kinds import CORE_TASKS, AddTask, ContentUnit, Registry, RepositoryDocument, SyncTask
from headbox.schema.derive import (
    content,
    new_content,
    publish_settings,
    purge,
    remote,
    repository,
    schedule,
    sync_plan,
    task,
    task_group,
)
from headbox.schema.derive.parts import Parts
from headbox.schema.names import OWN_MUTATIONS


def derived(registry: Registry) -> Parts:
    """Return the types and root fields of all plugins.

    Raises:
        PluginInvalid: A plugin declares what the API cannot show.
    """
    parts = Parts()
    _add_documents(parts, registry)
    _add_tasks(parts, registry)
    # Those that create tasks together with what the tasks work on.
    for unit in registry.contents:
        if unit.from_upload is not None:
            new_content.add_mutations(parts, unit, unit.from_upload, _add_task(registry, unit))
    for repository_kind in registry.repositories:
        repository.add_mutations(parts, repository_kind, _sync_task(registry, parts, repository_kind))
    return parts


def _add_documents(parts: Parts, registry: Registry) -> None:
    for unit in registry.contents:
        content.add(parts, unit)
    for settings in registry.settings:
        publish_settings.add(parts, settings)
    for remote_kind in registry.remotes:
        remote.add(parts, remote_kind)
    for repository_kind in registry.repositories:
        repository.add_type(parts, repository_kind)


def _add_tasks(parts: Parts, registry: Registry) -> None:
    for task_type in registry.tasks:
        task.add_type(parts, task_type)
        # Those of core are found among all tasks.
        if task_type not in CORE_TASKS:
            task.add_list(parts, task_type)
        if task_type.__name__ not in OWN_MUTATIONS:
            task.add_mutation(parts, task_type)
        if issubclass(task_type, SyncTask):
            sync_plan.add_query(parts, task_type)
    purge.add_mutation(parts)
    new_task = task_group.new_task_input(parts)
    task_group.add_mutation(parts, new_task)
    schedule.add_mutations(parts, new_task)


def _sync_task(registry: Registry, parts: Parts, kind: type[RepositoryDocument]) -> type | None:
    """Return the type of the tasks that sync a kind of repositories, or None when it never syncs."""
    declared = next((task for task in registry.all(SyncTask) if task.repository_type() is kind), None)
    return parts.types[declared.__name__] if declared else None


def _add_task(registry: Registry, kind: type[ContentUnit]) -> type[AddTask] | None:  # type: ignore[type-arg]
    """Return the tasks that add a kind of content to repositories, or None when it comes by sync alone."""
    return next((task for task in registry.all(AddTask) if kind in task.repository_type().content_types), None)
