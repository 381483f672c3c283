"""A plugin whose units need others by name, and repositories of them that are changed by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from pydantic import Field

from headbox.kinds import Registry
from headbox.models import Artifact, Content, Repository, RepositoryVersion, Task
from headbox.models.database import fetch
from headbox.plugin_api import AddTask, ContentUnit, CopyTask, FromUpload, Plugin, RelativePath, RepositoryDocument
from headbox.plugins.file.plugin import plugin as file_plugin
from headbox.services import content as contents
from headbox.services import repository as repositories
from headbox.services import task_request
from headbox.services.content import NewContent
from headbox.services.repository import NewRepository
from headbox.services.version_request import AddRequest, CopyRequest
from tests.factories.content import latest_version
from tests.factories.names import unused_name
from tests.support.engine import LocalEngine


class Part(
    ContentUnit,
    kind="kit.part",
    natural_key=("name", "edition"),
    unique_by=("name",),
    from_upload=FromUpload(relative_path="name"),
):
    """Something that needs other parts."""

    name: RelativePath = Field(description="Name; a repository has one edition of it.")
    edition: int = Field(1, description="Edition.")
    needs: tuple[str, ...] = Field((), description="What it needs: names, or `name/edition` where it is not the first.")

    def needed(self) -> Iterable[str]:
        """See `ContentUnit.needed`."""
        for need in self.needs:
            name, _, edition = need.partition("/")
            yield Part.id_of(name=name, edition=int(edition or 1))


class PartRepository(RepositoryDocument, kind="kit.repository", content=(Part,)):
    """A repository of parts."""


class PartAdd(AddTask[PartRepository], kind="kit.add"):
    """Add parts, and remove others."""


class PartCopy(CopyTask[PartRepository], kind="kit.copy"):
    """Copy parts."""


PLUGIN = Plugin(
    name="kit",
    version="1",
    description="Parts that need others.",
    documents=(Part, PartRepository),
    tasks=(PartAdd, PartCopy),
)


def part_id(text: str) -> UUID:
    """Return the id of the part `name` or `name/edition`."""
    name, _, edition = text.partition("/")
    return UUID(Part.id_of(name=name, edition=int(edition or 1)))


class Kits:
    """An engine that has the plugin too, and what tests do with it."""

    def __init__(self, engine: LocalEngine) -> None:
        self.engine = engine
        engine.registry = Registry([file_plugin, PLUGIN])

    async def make(self, parts: dict[str, Sequence[str]]) -> None:
        """Make parts, `name` or `name/edition`, with what they need; their bytes are said to be stored."""
        wanted = []
        for text, needs in parts.items():
            name, _, edition = text.partition("/")
            digest = hashlib.sha256(text.encode()).hexdigest()
            await Artifact.get_or_create(sha256=digest, defaults={"size": len(text)})
            wanted.append(NewContent({"name": name, "edition": int(edition or 1), "needs": needs}, sha256=digest))
        async with self.engine.unit_of_work() as work:
            made = await contents.create(work, Part, wanted)
        assert made == [part_id(text) for text in parts]

    async def repository(self, *parts: str) -> Repository:
        """Create a repository that holds parts."""
        async with self.engine.unit_of_work() as work:
            created = await repositories.create(work, PartRepository, NewRepository(name=unused_name("kits")))
        if parts:
            await self.engine.completed(await self.begin_add(created.repository, *parts))
        return created.repository

    async def begin_add(self, repository: Repository, *add: str, remove: Sequence[str] = (), **fields: Any) -> Task:
        """Create a task that adds and removes parts."""
        units = [part_id(text) for text in add]
        gone = [part_id(text) for text in remove]
        current = await Repository.get(id=repository.id)
        async with self.engine.unit_of_work() as work:
            return await task_request.create(work, PartAdd, AddRequest(current, add=units, remove=gone, **fields))

    async def begin_copy(self, repository: Repository, source: RepositoryVersion, **fields: Any) -> Task:
        """Create a task that copies a version."""
        async with self.engine.unit_of_work() as work:
            return await task_request.create(work, PartCopy, CopyRequest(repository, source, **fields))

    async def held(self, repository: Repository) -> set[str]:
        """Return the parts that the latest version of a repository holds: `name`, or `name/edition`."""
        version = await latest_version(repository)
        rows = await fetch(
            self.engine.database.connection,
            "SELECT content_id FROM membership WHERE repository_id = ? AND added_in <= ?"
            " AND (removed_in IS NULL OR removed_in > ?)",
            [str(repository.id), version.number, version.number],
        )
        assert len(rows) == version.present
        parts = await Content.filter(id__in=[row["content_id"] for row in rows])
        return {
            part.document["name"] + (f"/{part.document['edition']}" if part.document["edition"] > 1 else "")
            for part in parts
        }
