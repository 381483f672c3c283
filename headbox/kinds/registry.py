"""The registry of everything that plugins declare, and of the task types of core."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from headbox.kinds.core import CORE, CORE_TASKS
from headbox.kinds.documents import ContentUnit, Document, RemoteDocument, RepositoryDocument, SettingsDocument
from headbox.kinds.plugin import Plugin
from headbox.kinds.tasks import AddTask, PublishTask, SyncTask, TaskType, VersionTask
from headbox.types import SearchedField

ENTRY_POINT_GROUP = "headbox.plugins"

DocumentT = TypeVar("DocumentT", bound=Document)

_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9]*")
_KIND = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9_]*")

#: Task types that are for a kind of repository, how many documents they are declared with, and an example.
_GENERIC: tuple[tuple[type[TaskType], int, str], ...] = (
    (SyncTask, 2, "SyncTask[Repository, Remote]"),
    (PublishTask, 2, "PublishTask[Repository, Settings]"),
    (VersionTask, 1, "AddTask[Repository]"),
)


class PluginInvalid(Exception):
    """A plugin declares something that cannot be; the server does not start with it."""


class Registry:
    """All kinds, by name."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins = tuple(sorted(plugins, key=lambda plugin: plugin.name))
        self._types: dict[str, type[Document]] = {task.kind: task for task in CORE_TASKS}
        self._by_class_name: dict[str, type[Document]] = {task.__name__: task for task in CORE_TASKS}
        for plugin in self.plugins:
            self._register(plugin)

    @classmethod
    def installed(cls) -> Registry:
        """Return the registry of the plugins that are installed beside headbox.

        Raises:
            PluginInvalid: One of them cannot be loaded, or declares what cannot be.
        """
        return cls(_loaded(entry) for entry in entry_points(group=ENTRY_POINT_GROUP))

    def _register(self, plugin: Plugin) -> None:
        if not _PLUGIN_NAME.fullmatch(plugin.name):
            raise PluginInvalid(f"The plugin name {plugin.name!r} is not lower-case letters and digits.")
        if plugin.name == CORE:
            raise PluginInvalid(f"The plugin name {plugin.name!r} is that of headbox itself.")
        for declared in (*plugin.documents, *plugin.tasks):
            self._check(plugin, declared)
            self._types[declared.kind] = declared
            self._by_class_name[declared.__name__] = declared

    def _check(self, plugin: Plugin, declared: type[Document]) -> None:
        name = f"{declared.__module__}.{declared.__name__}"
        if not _KIND.fullmatch(declared.kind) or not declared.kind.startswith(f"{plugin.name}."):
            raise PluginInvalid(f"{name} has the kind {declared.kind!r}; it needs one such as '{plugin.name}.noun'.")
        if declared.kind in self._types or declared.__name__ in self._by_class_name:
            raise PluginInvalid(f"{name} declares {declared.kind!r} as {declared.__name__}, which is taken.")
        if not (declared.__doc__ or "").strip():
            raise PluginInvalid(f"{name} has no docstring to describe it in the API.")
        for field, info in declared.model_fields.items():
            if not info.description:
                raise PluginInvalid(f"{name}.{field} has no description.")
        if issubclass(declared, ContentUnit) and not declared.natural_key:
            raise PluginInvalid(f"{name} has no natural key.")
        claimed = [claim.parameter for claim in getattr(declared, "claims", ())]
        key = (*getattr(declared, "natural_key", ()), *getattr(declared, "unique_by", ()))
        named = (*declared.searched, *key, *claimed, *_upload_fields(declared))
        for field in named:
            if field not in declared.model_fields:
                raise PluginInvalid(f"{name} names a field {field!r} that it does not have.")
        _check_arguments(declared, name)

    def find(self, kind: str, base: type[DocumentT]) -> type[DocumentT] | None:
        """Return the declared type of a kind, or None when no installed plugin has it."""
        declared = self._types.get(kind)
        return declared if declared is not None and issubclass(declared, base) else None

    def all(self, base: type[DocumentT]) -> Iterator[type[DocumentT]]:
        """Yield the declared types that extend `base`, by plugin and in the order of its manifest."""
        for declared in self._types.values():
            if issubclass(declared, base):
                yield declared

    @property
    def contents(self) -> tuple[type[ContentUnit], ...]:
        """All kinds of content."""
        return tuple(self.all(ContentUnit))

    def searched_fields(self) -> list[SearchedField]:
        """Return whatever fields lists of content can be filtered by."""
        return [field for unit in self.contents for field in unit.searched_fields()]

    @property
    def remotes(self) -> tuple[type[RemoteDocument], ...]:
        """All kinds of remotes."""
        return tuple(self.all(RemoteDocument))

    @property
    def repositories(self) -> tuple[type[RepositoryDocument], ...]:
        """All kinds of repositories."""
        return tuple(self.all(RepositoryDocument))

    @property
    def settings(self) -> tuple[type[SettingsDocument], ...]:
        """All kinds of publish settings."""
        return tuple(self.all(SettingsDocument))

    @property
    def tasks(self) -> tuple[type[TaskType], ...]:
        """All task types."""
        return tuple(self.all(TaskType))

    def add_task(self, repository: str) -> type[AddTask] | None:  # type: ignore[type-arg]
        """Return the task type that adds to a kind of repository, or None when content comes into it by sync alone."""
        return next((task for task in self.all(AddTask) if task.repository_type().kind == repository), None)

    def publish_task(self, repository: type[RepositoryDocument]) -> type[PublishTask] | None:  # type: ignore[type-arg]
        """Return the task type that publishes a kind of repository, or None when it is served without publications."""
        return next((task for task in self.all(PublishTask) if task.repository_type() is repository), None)


def _loaded(entry: EntryPoint) -> Plugin:
    try:
        plugin = entry.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise PluginInvalid(f"The plugin {entry.name!r} cannot be loaded from {entry.value!r}. {reason}.") from error
    if not isinstance(plugin, Plugin):
        raise PluginInvalid(f"The plugin {entry.name!r} is no Plugin: {entry.value!r} is a {type(plugin).__name__}.")
    return plugin


def _check_arguments(declared: type[Document], name: str) -> None:
    for base, arguments, example in _GENERIC:
        if issubclass(declared, base) and len(declared.type_arguments()) != arguments:
            raise PluginInvalid(f"{name} does not say which repository it is for: {example}.")


def _upload_fields(declared: type[Document]) -> list[str]:
    """Return the names that a kind of content gives in `from_upload`."""
    if not issubclass(declared, ContentUnit) or declared.from_upload is None:
        return []
    return [declared.from_upload.relative_path, *sorted(declared.from_upload.derived)]
