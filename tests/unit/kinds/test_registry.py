"""The registry: every plugin that is installed, and no declaration that cannot be."""

from __future__ import annotations

from pathlib import Path
from types import new_class
from typing import Any

import pytest
from pydantic import Field

from headbox.kinds import (
    ContentUnit,
    Document,
    FromUpload,
    Plugin,
    PluginInvalid,
    Registry,
    RemoteDocument,
    RepositoryDocument,
    SyncTask,
    TaskType,
    exclusive,
    shared,
)
from headbox.plugins.file.plugin import plugin as file_plugin
from headbox.plugins.file.publish import FilePublish
from headbox.plugins.file.sync import FileSync


def plugin_of(*documents: type[Document], name: str = "crate", tasks: tuple[type[TaskType], ...] = ()) -> Plugin:
    return Plugin(name=name, version="1", description="Crates.", documents=documents, tasks=tasks)


def declared(
    base: type[Document] = ContentUnit, name: str = "Crate", doc: str | None = "A crate.", **kwargs: Any
) -> Any:
    """Return a new declaration, well made unless told otherwise."""
    description = kwargs.pop("description", "Name.")
    kwargs = {"kind": "crate.crate", **({"natural_key": ("name",)} if base is ContentUnit else {}), **kwargs}
    body = {
        "__module__": __name__,
        "__qualname__": name,
        "__doc__": doc,
        "__annotations__": {"name": str},
        "name": Field("", description=description),
    }
    return new_class(name, (base,), kwargs, lambda namespace: namespace.update(body))


def test_installed_plugins_are_found() -> None:
    registry = Registry.installed()

    assert file_plugin in registry.plugins
    assert registry.find("file.sync", TaskType) is FileSync
    assert registry.publish_task(FileSync.repository_type()) is FilePublish


def test_kind_is_found_as_what_it_is() -> None:
    registry = Registry([file_plugin])

    assert registry.find("file.content", ContentUnit) is not None
    assert registry.find("file.content", TaskType) is None
    assert registry.find("gone.content", ContentUnit) is None


def test_types_are_listed_by_plugin() -> None:
    crate = declared()

    registry = Registry([file_plugin, plugin_of(crate)])

    assert [plugin.name for plugin in registry.plugins] == ["crate", "file"]
    assert [unit.kind for unit in registry.contents] == ["crate.crate", "file.content"]
    assert [task.kind for task in registry.tasks] == [
        "core.purge",
        "core.garbage_collection",
        "core.repair",
        "core.reclaim",
        "file.sync",
        "file.add",
        "file.copy",
        "file.publish",
    ]


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        (lambda: plugin_of(name="Crate"), "not lower-case letters and digits"),
        (lambda: plugin_of(name="my-crate"), "not lower-case letters and digits"),
        (lambda: plugin_of(name="core"), "is that of headbox itself"),
        (lambda: plugin_of(declared(kind="other.crate")), "it needs one such as 'crate.noun'"),
        (lambda: plugin_of(declared(kind="")), "it needs one such as 'crate.noun'"),
        (lambda: plugin_of(declared(), declared(name="Other")), "which is taken"),
        (lambda: plugin_of(declared(), declared(kind="crate.other")), "which is taken"),
        (lambda: plugin_of(declared(doc=None)), "has no docstring"),
        (lambda: plugin_of(declared(doc="  ")), "has no docstring"),
        (lambda: plugin_of(declared(description=None)), "Crate.name has no description"),
        (lambda: plugin_of(declared(natural_key=())), "has no natural key"),
        (lambda: plugin_of(declared(natural_key=("nam",))), "names a field 'nam'"),
        (lambda: plugin_of(declared(unique_by=("place",))), "names a field 'place'"),
        (lambda: plugin_of(declared(searched=("place",))), "names a field 'place'"),
        (lambda: plugin_of(declared(from_upload=FromUpload("path"))), "names a field 'path'"),
        (lambda: plugin_of(declared(from_upload=FromUpload("name", size="bytes"))), "names a field 'bytes'"),
        (
            lambda: plugin_of(tasks=(declared(SyncTask, "CrateSync", kind="crate.sync"),)),
            "does not say which repository",
        ),
    ],
)
def test_declaration_that_cannot_be_is_refused(plugin: Any, reason: str) -> None:
    with pytest.raises(PluginInvalid, match=reason):
        Registry([plugin()])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("nowhere.to.be:found", "cannot be loaded from 'nowhere.to.be:found'. ModuleNotFoundError: No module"),
        ("headbox.plugins.file.plugin:nothing", "has no attribute 'nothing'"),
        ("headbox.plugins.file.plugin", "is no Plugin: 'headbox.plugins.file.plugin' is a module"),
    ],
)
def test_plugin_that_cannot_be_loaded_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, reason: str
) -> None:
    distribution = tmp_path / "broken-1.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (distribution / "entry_points.txt").write_text(f"[headbox.plugins]\nbroken = {value}\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PluginInvalid, match=reason):
        Registry.installed()


def test_claims_are_those_of_the_declaration_or_of_its_base() -> None:
    class Turn(TaskType, kind="crate.turn", claims=(shared("crate"),)):
        """Turn a crate."""

    class Remote(RemoteDocument, kind="crate.remote"):
        """A remote."""

    class Repository(RepositoryDocument, kind="crate.repository", remote=Remote):
        """A repository."""

    class CrateSync(SyncTask[Repository, Remote], kind="crate.sync"):
        """Sync crates."""

    assert Turn.claims == (shared("crate"),)
    assert CrateSync.claims == (exclusive("repository"),)
    assert (CrateSync.repository_type(), CrateSync.remote_type()) == (Repository, Remote)
    assert (Repository.remote_type, Repository.settings_type, Repository.content_types) == (Remote, None, ())
