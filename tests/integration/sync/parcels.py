"""A plugin whose syncs declare what a test tells them, and a repository of its units."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from pydantic import Field
from typing_extensions import override

from headbox.kinds import Registry
from headbox.models import Repository, Task
from headbox.plugin_api import (
    ContentUnit,
    DeclaredArtifact,
    DeclaredContent,
    Plugin,
    RemoteDocument,
    RepositoryDocument,
    SettingsDocument,
    SyncContext,
    SyncTask,
)
from headbox.plugins.file.plugin import plugin as file_plugin
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.services.repository import NewRepository
from headbox.services.task import SyncRequest
from headbox.types import SyncMode
from tests.factories.names import unused_name
from tests.factories.remote import new_remote
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, sha256
from tests.support.upstream import Upstream


class Parcel(ContentUnit, kind="parcel.content", natural_key=("name",)):
    """Some files under a name that does not tell their bytes."""

    name: str = Field(description="Name.")


class ParcelRemote(RemoteDocument, kind="parcel.remote"):
    """An upstream of parcels."""


class ParcelSettings(SettingsDocument, kind="parcel.settings"):
    """How parcels are published."""


class ParcelRepository(
    RepositoryDocument,
    kind="parcel.repository",
    remote=ParcelRemote,
    publish_settings=ParcelSettings,
    content=(Parcel,),
):
    """A repository of parcels."""


Script = Callable[[SyncContext[ParcelRemote]], AsyncIterator[DeclaredContent]]
#: What the syncs of a repository declare, by its id.
scripts: dict[str, Script] = {}


class ParcelSync(SyncTask[ParcelRepository, ParcelRemote], kind="parcel.sync"):
    """Declare what the test says."""

    @override
    def declare(self, ctx: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        return scripts[str(self.repository)](ctx)


PLUGIN = Plugin(
    name="parcel",
    version="1",
    description="Parcels.",
    documents=(Parcel, ParcelRemote, ParcelSettings, ParcelRepository),
    tasks=(ParcelSync,),
)


def install(engine: LocalEngine, version: str = "1") -> None:
    """Let an engine have the plugin too, in some version."""
    engine.registry = Registry([file_plugin, replace(PLUGIN, version=version)])


class Parcels(Mirror):
    """A repository of parcels, in an engine that has the plugin."""

    @classmethod
    async def create(cls, engine: LocalEngine, upstream: Upstream) -> Parcels:
        """Create the repository."""
        new = NewRepository(name=unused_name("parcels"), remote=new_remote(upstream), sync_mode=SyncMode.MIRROR)
        async with engine.unit_of_work() as work:
            return cls(engine, upstream, (await repositories.create(work, ParcelRepository, new)).repository)

    def parcel(self, name: str, files: dict[str, bytes]) -> DeclaredContent:
        """Return a unit; the upstream has each of its files under its digest."""
        artifacts = []
        for path, body in files.items():
            self.upstream.files[sha256(body)] = body
            artifacts.append(DeclaredArtifact(path, self.upstream.url_of(sha256(body)), sha256(body), len(body)))
        return DeclaredContent(Parcel(name=name), tuple(artifacts))

    async def begin(self, what: Script | list[DeclaredContent], **request: Any) -> Task:
        """Create a sync that declares these units, or what a generator yields."""
        scripts[str(self.repository.id)] = _declaring(what) if isinstance(what, list) else what
        current = await Repository.get(id=self.repository.id)
        async with self.engine.unit_of_work() as work:
            return await tasks.create_sync(work, ParcelSync, SyncRequest(current, **request))

    async def sync_parcels(self, what: Script | list[DeclaredContent], **request: Any) -> Task:
        """Sync to the end, well."""
        return await self.engine.completed(await self.begin(what, **request))

    async def fail_parcels(self, what: Script | list[DeclaredContent], **request: Any) -> dict[str, Any]:
        """Sync to the end, which is an error, and return it."""
        return await self.engine.failed(await self.begin(what, **request))


def _declaring(units: list[DeclaredContent]) -> Script:
    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        for unit in units:
            yield unit

    return declare
