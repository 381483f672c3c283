"""A repository that mirrors an upstream, and what a test asks of the two."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from headbox.models import Repository, RepositoryVersion, SyncIssue, Task
from headbox.models.database import fetch
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import EngineUnderTest
from tests.support.upstream import Upstream, pulp_manifest

MANIFEST = "PULP_MANIFEST"
#: What a sync writes that stays.
LASTING_TABLES = (
    "artifact",
    "artifact_source",
    "content",
    "content_artifact",
    "membership",
    "publication",
    "published_file",
    "repository_version",
)


def sha256(body: bytes) -> str:
    """Return the digest of bytes as headbox writes it."""
    return hashlib.sha256(body).hexdigest()


def serve(upstream: Upstream, files: Mapping[str, bytes], *, manifest: bytes | None = None) -> None:
    """Let an upstream have these files and nothing else, with a manifest of them unless another one is given."""
    upstream.files.clear()
    upstream.files.update(files)
    upstream.files[MANIFEST] = pulp_manifest(files) if manifest is None else manifest


class Mirror:
    """A repository of files, in an engine."""

    def __init__(self, engine: EngineUnderTest, upstream: Upstream, repository: Repository) -> None:
        self.engine = engine
        self.upstream = upstream
        self.repository = repository

    @classmethod
    async def of(cls, engine: EngineUnderTest, upstream: Upstream, *base_paths: str, **fields: Any) -> Mirror:
        """Create the repository; `fields` as for `create_repository`."""
        return cls(engine, upstream, await make_repository(engine, upstream, *base_paths, **fields))

    async def sync(self, files: Mapping[str, bytes] | None = None, **request: Any) -> Task:
        """Sync to the end, well; the upstream gets new files first where some are given."""
        if files is not None:
            serve(self.upstream, files)
        return await self.engine.completed(await make_sync(self.engine, self.repository, **request))

    async def sync_badly(self, **request: Any) -> dict[str, Any]:
        """Sync to the end, which is an error, and return it, having made sure that nothing else came of it."""
        before = await self.latest()
        memberships = await self.engine.rows_of("membership")
        error = await self.engine.failed(await make_sync(self.engine, self.repository, **request))
        assert await self.latest() == before
        assert await self.engine.rows_of("membership") == memberships
        await self.engine.assert_nothing_left()
        return error

    async def store(self, body: bytes) -> None:
        """Store bytes as a process does that is killed before it can save a row of them."""
        path = self.engine.settings.data_dir / "work" / "stored"
        path.write_bytes(body)
        await self.engine.storage.adopt(path, sha256(body))

    async def latest(self) -> int:
        """Return the number of the latest version."""
        number: int = (await Repository.get(id=self.repository.id)).latest_number
        return number

    async def version(self, number: int | None = None) -> RepositoryVersion:
        """Return a version, or the latest one."""
        number = await self.latest() if number is None else number
        return await RepositoryVersion.get(repository_id=self.repository.id, number=number)

    async def files(self, number: int | None = None) -> dict[str, str]:
        """Return the digest of each path of a version, or of the latest one."""
        number = await self.latest() if number is None else number
        rows = await fetch(
            self.engine.database.connection,
            "SELECT relative_path, sha256 FROM membership JOIN content_artifact USING (content_id)"
            " WHERE repository_id = ? AND added_in <= ? AND (removed_in IS NULL OR removed_in > ?)",
            [str(self.repository.id), number, number],
        )
        paths = {row["relative_path"]: row["sha256"] for row in rows}
        assert len(paths) == len(rows), "two units of a version have one path"
        return paths

    async def rows(self) -> dict[str, int]:
        """Return how many rows the lasting tables have."""
        return {table: await self.engine.rows_of(table) for table in LASTING_TABLES}


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digest of each file."""
    return {path: sha256(body) for path, body in files.items()}


def reports(task: Task) -> dict[str, int]:
    """Return what each progress report of a task counted, by code."""
    return {report["code"]: report["done"] for action in task.actions for report in action["reports"]}


async def issues(task: Task) -> list[tuple[str, str | None]]:
    """Return code and path of what a sync left out, in order."""
    return [(issue.code.value, issue.relative_path) for issue in await SyncIssue.filter(task_id=task.id).order_by("id")]
