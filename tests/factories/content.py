"""Content units of files, and what adds and copies them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from headbox.models import Artifact, Repository, RepositoryVersion, Task
from headbox.models.database import fetch
from headbox.plugins.file.add import FileAdd, FileCopy
from headbox.plugins.file.kinds import FileContent
from headbox.services import content as contents
from headbox.services import task_request
from headbox.services.content import NewContent
from headbox.services.version_request import AddRequest, CopyRequest
from headbox.tasking.engine import Engine


def digest_of(text: str) -> str:
    """Return the digest of a text's bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


async def make_files(engine: Engine, *files: tuple[str, str]) -> list[UUID]:
    """Make content units of files, each a path and its text; their bytes are said to be stored, and are not."""
    digests = {digest_of(text): len(text.encode()) for _, text in files}
    for digest, size in digests.items():
        await Artifact.get_or_create(sha256=digest, defaults={"size": size})
    async with engine.unit_of_work() as work:
        wanted = [NewContent({"relative_path": path}, sha256=digest_of(text)) for path, text in files]
        made = await contents.create(work, FileContent, wanted)
    assert all(isinstance(unit, UUID) for unit in made), made
    return [unit for unit in made if isinstance(unit, UUID)]


async def create_add(engine: Engine, repository: Repository, add: Sequence[UUID] = (), **fields: Any) -> Task:
    """Create an add; `fields` are those of `AddRequest`."""
    async with engine.unit_of_work() as work:
        return await task_request.create(work, FileAdd, AddRequest(repository, add=add, **fields))


async def create_copy(engine: Engine, repository: Repository, source: RepositoryVersion, **fields: Any) -> Task:
    """Create a copy; `fields` are those of `CopyRequest`."""
    async with engine.unit_of_work() as work:
        return await task_request.create(work, FileCopy, CopyRequest(repository, source, **fields))


async def files_of(engine: Engine, version: RepositoryVersion) -> dict[str, str]:
    """Return the digest of each file of a version, by its path, as the memberships tell."""
    rows = await fetch(
        engine.database.connection,
        "SELECT content_artifact.relative_path, content_artifact.sha256 FROM membership"
        " JOIN content_artifact ON content_artifact.content_id = membership.content_id"
        " WHERE membership.repository_id = ? AND membership.added_in <= ?"
        " AND (membership.removed_in IS NULL OR membership.removed_in > ?)",
        [str(version.repository_id), version.number, version.number],
    )
    files = {row["relative_path"]: row["sha256"] for row in rows}
    assert len(files) == len(rows), "two units of a version have one path"
    return files


async def latest_version(repository: Repository) -> RepositoryVersion:
    """Return the latest version of a repository."""
    row = await Repository.get(id=repository.id)
    return await RepositoryVersion.get(repository_id=row.id, number=row.latest_number)
