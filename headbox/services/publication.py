"""Publications: what clients read of one repository version under one publish settings."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import UUID

import orjson

from headbox.errors import Invalid
from headbox.kinds import ContentUnit, DeclaredArtifact, PublishTask, SettingsDocument
from headbox.models import Distribution, Publication, PublishedFile, PublishSettings
from headbox.models.database import Connection, Contended, fetch, lock_row, now
from headbox.pipeline.keeping import Collected, add_artifacts
from headbox.pipeline.run import Run
from headbox.pipeline.storing import store
from headbox.services import distribution as distributions
from headbox.services.rows import locked
from headbox.storage.interface import ArtifactStorage
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import check_relative_path

UnitT = TypeVar("UnitT", bound=ContentUnit)

#: Rows that are read at a time while a version is rendered; bounds the memory of a publish.
PAGE = 10_000
#: Files that are sorted without the disk: some 20 MB.
SORTED_IN_MEMORY = 100_000
#: Files that are rendered before everything else on the event loop gets its turn.
TURN = 200


@dataclass(frozen=True, slots=True)
class VersionKey:
    """A repository version that need not be visible yet."""

    id: UUID
    repository_id: UUID
    number: int


@dataclass(slots=True)
class RenderedFile:
    """A metadata file that was rendered and stored.

    Attributes:
        path: Where it was rendered; it stays there until the task has ended.
    """

    path: Path
    relative_path: str
    sha256: str
    size: int


@dataclass(slots=True)
class Rendered:
    """A publication that is not visible yet.

    Attributes:
        storage: Where its files are.
        standing: The publication of the same inputs that exists already; nothing was rendered then.
    """

    version: VersionKey
    settings: PublishSettings
    fingerprint: str
    storage: ArtifactStorage
    files: list[RenderedFile] = field(default_factory=list)
    standing: Publication | None = None


def fingerprint(version_id: UUID, settings_id: UUID, task_type: type[PublishTask[Any, Any]]) -> str:
    """Return what is the same for publications that are made of the same inputs."""
    inputs = f"{version_id} {settings_id} {task_type.kind} {task_type.renderer}"
    return hashlib.sha256(inputs.encode()).hexdigest()


async def render(
    run: Run, task_type: type[PublishTask[Any, Any]], version: VersionKey, settings: PublishSettings
) -> Rendered:
    """Render and store the metadata of a version, unless a publication of the same inputs stands already."""
    rendered = Rendered(version, settings, fingerprint(version.id, settings.id, task_type), run.storage)
    rendered.standing = await Publication.get_or_none(fingerprint=rendered.fingerprint)
    if rendered.standing:
        return rendered
    document_type = run.engine.registry.find(settings.kind, SettingsDocument)
    assert document_type is not None, "the service that saved the settings knew their kind"
    context = RenderContext(run, rendered, document_type.read(settings.document))
    parameters = task_type(repository_version=version.id, settings=settings.id)
    await parameters.render(context)
    for name, path in context.written:
        rendered.files.append(await _store(run, name, path))
    await run.storage.flush()
    return rendered


async def commit_into(
    work: UnitOfWork, rendered: Rendered, outcome: Outcome, *, task_id: UUID, is_distributable: bool
) -> None:
    """Make a rendered publication visible, and tell it in the task's outcome.

    One of the same inputs that stands already is taken instead. Where it is held back, being asked for as distributable
    releases it; it is never held back again.
    """
    # One after the other: two syncs or publishes may have rendered the same.
    await lock_row(work.connection, "repository", rendered.version.repository_id)
    publication = await Publication.get_or_none(fingerprint=rendered.fingerprint, using_db=work.connection)
    outcome.result |= {"reused": publication is not None}
    if publication is None:
        publication = await Publication.create(
            repository_version_id=rendered.version.id,
            settings_id=rendered.settings.id,
            fingerprint=rendered.fingerprint,
            distributable=is_distributable,
            created_by_id=task_id,
            published_at=await now(work.connection),
            using_db=work.connection,
        )
        await _save_files(work.connection, publication, rendered)
        outcome.created.append(f"Publication:{publication.id}")
    elif is_distributable:
        await _make_latest(work.connection, publication)
    outcome.result |= {"publication": str(publication.id)}
    work.repository_changed(rendered.version.repository_id)


async def release(work: UnitOfWork, publication: Publication) -> Publication:
    """Let the distributions that follow its repository serve a publication that was held back."""
    publication, repository_id = await _locked(work.connection, publication)
    if not publication.distributable:
        await _make_latest(work.connection, publication)
    await distributions.follow(work, repository_id)
    work.repository_changed(repository_id)
    return publication


async def delete(work: UnitOfWork, publication: Publication) -> Publication:
    """Delete a publication; what follows its repository falls back to the one before.

    Raises:
        Invalid: A distribution is pinned to it.
    """
    publication, repository_id = await _locked(work.connection, publication)
    pinned = await Distribution.filter(publication_id=publication.id).using_db(work.connection).first()
    if pinned:
        raise Invalid(field="publication", reason=f"the distribution {pinned.name!r} is pinned to it", path=("id",))
    await publication.delete(using_db=work.connection)
    await distributions.follow(work, repository_id)
    work.repository_changed(repository_id)
    return publication


async def _locked(connection: Connection, publication: Publication) -> tuple[Publication, UUID]:
    """Return a publication as it is now, and its repository, under whose lock whatever it serves changes."""
    await publication.fetch_related("repository_version", using_db=connection)
    repository_id = publication.repository_version.repository_id
    await lock_row(connection, "repository", repository_id)
    return await locked(connection, publication), repository_id


async def _make_latest(connection: Connection, publication: Publication) -> None:
    """Let a publication that stands be the one to serve of its version; write nothing where it is that already."""
    newer = Publication.filter(
        repository_version_id=publication.repository_version_id,
        distributable=True,
        published_at__gt=publication.published_at,
    )
    if publication.distributable and not await newer.using_db(connection).exists():
        return
    publication.distributable = True
    publication.published_at = await now(connection)
    await publication.save(using_db=connection, update_fields=["distributable", "published_at"])


async def _store(run: Run, relative_path: str, path: Path) -> RenderedFile:
    sha256, size = await asyncio.to_thread(_measure, path)
    rendered = RenderedFile(path, relative_path, sha256, size)
    await _store_again(run.engine.database.connection, run.storage, rendered)
    return rendered


async def _store_again(connection: Connection, storage: ArtifactStorage, file: RenderedFile) -> None:
    """Store a file under another name of its own, so that it can be stored once more."""
    name = file.path.with_name(f"{file.path.name}.stored")
    try:
        name.hardlink_to(file.path)
    except OSError:  # Not every file system gives a file two names.
        await asyncio.to_thread(shutil.copy, file.path, name)
    await store(connection, storage, name, file.sha256)


def _measure(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


async def _save_files(connection: Connection, publication: Publication, rendered: Rendered) -> None:
    """Write what a publication consists of.

    Raises:
        Contended: Bytes that were there when it was rendered were collected. They are stored again; the transaction
            must be taken back, and may be repeated.
    """
    try:
        await add_artifacts(connection, rendered.storage, {file.sha256: file.size for file in rendered.files})
    except Collected as error:
        for file in rendered.files:
            if file.sha256 in error.digests:
                await _store_again(connection, rendered.storage, file)
        await rendered.storage.flush()
        raise Contended(str(error)) from error
    await PublishedFile.bulk_create(
        [
            PublishedFile(
                publication_id=publication.id, relative_path=file.relative_path, sha256=file.sha256, size=file.size
            )
            for file in rendered.files
        ],
        using_db=connection,
    )


class RenderContext:
    """Implements `PublishContext` on a version that need not be visible yet, in memory that does not grow with it."""

    def __init__(self, run: Run, rendered: Rendered, settings: SettingsDocument) -> None:
        self._run = run
        self._version = rendered.version
        self.settings = settings
        self.working_folder = run.working_folder
        self.report = run.report
        self.written: list[tuple[str, Path]] = []
        self._numbers = count()

    @contextmanager
    def file(self, relative_path: str) -> Iterator[IO[str]]:
        """See `PublishContext.file`."""
        try:
            check_relative_path(relative_path)
        except ValueError as error:
            raise Invalid(field=repr(relative_path), reason=str(error)) from error
        if any(relative_path == taken for taken, _ in self.written):
            raise Invalid(field=repr(relative_path), reason="it was written already")
        path = self._new_file("rendered")
        with path.open("x", encoding="utf-8", newline="\n") as file:
            yield file
        self.written.append((relative_path, path))

    async def artifacts(self) -> AsyncIterator[DeclaredArtifact]:
        """See `PublishContext.artifacts`."""
        # The database keeps units by id, and people read files by path: sorted here, in runs on disk where there are
        # many.
        runs: list[Path] = []
        rows: list[tuple[str, str, int]] = []
        async for page in self._artifact_pages():
            rows += page
            if len(rows) >= SORTED_IN_MEMORY:
                runs.append(self._sorted_run(rows))
                rows = []
        rows.sort()
        report = self._run.report("publish.render.artifacts", "Writing metadata")
        for path, sha256, size in heapq.merge(rows, *map(_read_run, runs)) if runs else rows:
            report.add()
            if report.done % TURN == 0:
                await asyncio.sleep(0)
            yield DeclaredArtifact(path, "", sha256 or None, None if size < 0 else size)

    async def units(self, kind: type[UnitT]) -> AsyncIterator[tuple[UnitT, Sequence[DeclaredArtifact]]]:
        """See `PublishContext.units`."""
        report = self._run.report("publish.render.units", "Writing metadata")
        last = ""
        join = "JOIN content ON content.id = membership.content_id"
        while rows := await self._page(last, "content.document AS document,", join, kind.kind):
            last = str(rows[-1]["content_id"])
            for _, of_unit in groupby(rows, key=itemgetter("content_id")):
                unit_rows = list(of_unit)
                document = unit_rows[0]["document"]
                report.add()
                yield (
                    kind.read(orjson.loads(document) if isinstance(document, str) else document),
                    [
                        DeclaredArtifact(row["path"], "", row["sha256"], row["size"])
                        for row in unit_rows
                        if row["path"] is not None
                    ],
                )

    async def _artifact_pages(self) -> AsyncIterator[list[tuple[str, str, int]]]:
        last = ""
        while rows := await self._page(last):
            last = str(rows[-1]["content_id"])
            yield [
                (row["path"], row["sha256"] or "", -1 if row["size"] is None else row["size"])
                for row in rows
                if row["path"] is not None
            ]

    async def _page(self, after: str, columns: str = "", join: str = "", kind: str = "") -> list[dict[str, Any]]:
        """Return a row for each artifact of the next `PAGE` units of the version, and one for a unit without any."""
        of_kind = "AND content.kind = ?" if kind else ""
        number = self._version.number
        return await fetch(
            self._run.engine.database.connection,
            f"SELECT membership.content_id AS content_id, {columns} content_artifact.relative_path AS path,"  # noqa: S608
            "       content_artifact.sha256 AS sha256, content_artifact.size AS size FROM ("
            "   SELECT member.content_id FROM membership member"
            f"  {'JOIN content ON content.id = member.content_id' if kind else ''}"
            "   WHERE member.repository_id = ? AND member.content_id > ? AND member.added_in <= ?"
            f"  AND (member.removed_in IS NULL OR member.removed_in > ?) {of_kind}"
            f"  ORDER BY member.content_id LIMIT {PAGE}) membership {join}"
            " LEFT JOIN content_artifact ON content_artifact.content_id = membership.content_id"
            " ORDER BY membership.content_id, content_artifact.relative_path",
            [str(self._version.repository_id), after or str(UUID(int=0)), number, number, *([kind] if kind else [])],
        )

    def _sorted_run(self, rows: list[tuple[str, str, int]]) -> Path:
        path = self._new_file("sorted")
        with path.open("xb") as file:
            for row in sorted(rows):
                file.write(orjson.dumps(row) + b"\n")
        return path

    def _new_file(self, what: str) -> Path:
        return self.working_folder / f"{what}-{next(self._numbers)}"


def _read_run(path: Path) -> Iterator[tuple[str, str, int]]:
    with path.open("rb") as file:
        for line in file:
            name, sha256, size = orjson.loads(line)
            yield name, sha256, size
