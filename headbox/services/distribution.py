"""Distributions: a base path and what it follows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from headbox.errors import BasePathOverlaps, BasePathTaken, Invalid, NotFound
from headbox.models import Distribution, Publication, Repository, RepositoryVersion
from headbox.models.database import Connection, execute, fetch, lock_name, lock_row, transaction
from headbox.services import distribution_history as history
from headbox.services.documents import check_labels, check_name
from headbox.services.rows import check_name_is_free, check_revision, locked
from headbox.services.serving import MAX_BASE_PATH
from headbox.tasking.engine import UnitOfWork
from headbox.types import check_relative_path

Source = Repository | RepositoryVersion | Publication | None

#: Deepest base path, in segments.
MAX_SEGMENTS = 20


async def create(
    work: UnitOfWork,
    *,
    base_path: str,
    name: str | None = None,
    labels: dict[str, Any] | None = None,
    source: Source = None,
) -> Distribution:
    """Create a distribution; its name is the base path where none is given.

    Raises:
        Invalid: The base path, the name or a label cannot be.
        NameTaken: Another distribution has the name.
        BasePathTaken: Another distribution has the base path.
        BasePathOverlaps: Another distribution's base path lies above or below.
    """
    check_base_path(base_path)
    await _lock_all(work.connection)
    await _lock_followed(work.connection, source)
    distribution = Distribution(
        name=check_name(name if name is not None else base_path), base_path=base_path, labels=check_labels(labels)
    )
    # Before the name: where none is given, it is the base path that is in the way.
    await _claim_base_path(work.connection, distribution)
    await check_name_is_free(work.connection, distribution)
    _point(distribution, source)
    await distribution.save(using_db=work.connection, force_create=True)
    await _serve(work, distribution)
    work.distribution_changed(distribution.id)
    return await Distribution.get(id=distribution.id, using_db=work.connection)


async def update(
    work: UnitOfWork, distribution: Distribution, *, changes: dict[str, Any], expected_revision: int | None
) -> Distribution:
    """Change name, base_path, labels or source, whichever `changes` holds.

    Raises:
        RevisionConflict: It is not at the revision that the update was made for.
        RequestError: As `create`.
    """
    connection = work.connection
    await _lock_all(connection)
    followed = changes["source"] if "source" in changes else await _source(connection, distribution)
    await _lock_followed(connection, followed)
    distribution = await locked(connection, distribution)
    check_revision(distribution, expected_revision)
    distribution.revision += 1
    if "name" in changes:
        distribution.name = check_name(changes["name"])
        await check_name_is_free(connection, distribution)
    if "labels" in changes:
        distribution.labels = check_labels(changes["labels"])
    if "base_path" in changes:
        distribution.base_path = check_base_path(changes["base_path"])
        await _give_up_base_path(connection, distribution.id)
        await _claim_base_path(connection, distribution)
    if "source" in changes:
        _point(distribution, changes["source"])
    await distribution.save(using_db=connection)
    await _serve(work, distribution)
    await history.record(connection, distribution.id)
    work.distribution_changed(distribution.id)
    return await Distribution.get(id=distribution.id, using_db=connection)


async def delete(work: UnitOfWork, distribution: Distribution) -> Distribution:
    """Delete a distribution; its base path is free at once."""
    await _lock_all(work.connection)
    # Whoever lets it serve something else at this moment has it locked too.
    await lock_row(work.connection, "distribution", distribution.id)
    await _give_up_base_path(work.connection, distribution.id)
    await history.close(work.connection, distribution.id)
    await distribution.delete(using_db=work.connection)
    work.distribution_changed(distribution.id)
    return distribution


async def follow(work: UnitOfWork, repository_id: UUID) -> int:
    """Let the distributions of a repository and of its versions serve what they follow now; return how many changed."""
    # One after the other: of two that publish at a time, the later one has to see what the earlier one did.
    await lock_row(work.connection, "repository", repository_id)
    followers = await Distribution.filter(
        Q(repository_id=repository_id) | Q(repository_version__repository_id=repository_id)
    ).using_db(work.connection)
    changed = [distribution for distribution in followers if await _serve(work, distribution)]
    for distribution in changed:
        work.distribution_changed(distribution.id)
    return len(changed)


async def count_following(connection: Connection, repository_id: UUID) -> int:
    """Return how many distributions follow a repository."""
    return await Distribution.filter(repository_id=repository_id).using_db(connection).count()


async def _lock_all(connection: Connection) -> None:
    """Let nobody else create, change or delete a distribution until the transaction ends.

    They are few, and seldom changed: one lock spares one for each folder above their base paths.
    """
    await lock_name(connection, "distributions", "")


async def _lock_followed(connection: Connection, source: Source) -> None:
    """Let nothing new be published of what is followed: it would not be seen, nor would this distribution be.

    As `follow` has it, repositories are locked before distributions.

    Raises:
        NotFound: The repository was deleted meanwhile.
    """
    if isinstance(source, Publication):
        source = await RepositoryVersion.get_or_none(id=source.repository_version_id, using_db=connection)
    if source is not None:
        repository_id = source.id if isinstance(source, Repository) else source.repository_id
        await lock_row(connection, "repository", repository_id)
        if not await Repository.filter(id=repository_id).using_db(connection).exists():
            raise NotFound(what="Repository", key=str(repository_id), path=("source",))


async def _source(connection: Connection, distribution: Distribution) -> Source:
    """Return what a distribution follows now, under the lock of all of them."""
    now = await Distribution.get_or_none(id=distribution.id, using_db=connection)
    if now is None:
        return None
    await now.fetch_related("repository", "repository_version", "publication", using_db=connection)
    source: Source = now.repository or now.repository_version or now.publication
    return source


def check_base_path(base_path: str) -> str:
    """Return a base path that a URL can hold as it is.

    Raises:
        Invalid: It is empty, absolute, climbs, or holds what would have to be escaped.
    """
    try:
        check_relative_path(base_path)
    except ValueError as error:
        raise Invalid(field="base_path", reason=str(error), path=("base_path",)) from error
    if not all(character.isalnum() or character in "-._~/" for character in base_path) or not base_path.isascii():
        raise Invalid(
            field="base_path", reason="it holds letters, digits, '-', '.', '_', '~' and '/' only", path=("base_path",)
        )
    if len(base_path) > MAX_BASE_PATH or base_path.count("/") >= MAX_SEGMENTS:
        raise Invalid(
            field="base_path",
            reason=f"it has at most {MAX_BASE_PATH} characters in {MAX_SEGMENTS} segments",
            path=("base_path",),
        )
    return base_path


def _point(distribution: Distribution, source: Source) -> None:
    distribution.repository_id = source.id if isinstance(source, Repository) else None
    distribution.repository_version_id = source.id if isinstance(source, RepositoryVersion) else None
    distribution.publication_id = source.id if isinstance(source, Publication) else None


async def _claim_base_path(connection: Connection, distribution: Distribution) -> None:
    """Take the base path, and the folders above it as folders; the database's constraints decide."""
    path = distribution.base_path
    segments = path.split("/")
    folders = ["/".join(segments[:length]) for length in range(1, len(segments))]
    try:
        async with transaction() as inner:
            for name in (*folders, path):
                values = [name, name == path]
                await execute(
                    inner, "INSERT INTO base_path (path, is_leaf) VALUES (?, ?) ON CONFLICT DO NOTHING", values
                )
                await execute(
                    inner,
                    "INSERT INTO distribution_base_path (distribution_id, path, is_leaf) VALUES (?, ?, ?)",
                    [str(distribution.id), *values],
                )
    except IntegrityError as error:
        raise await _base_path_conflict(connection, path, folders) from error


async def _base_path_conflict(
    connection: Connection, path: str, folders: list[str]
) -> BasePathTaken | BasePathOverlaps:
    """Say which distribution is in the way."""
    same = await Distribution.filter(base_path=path).using_db(connection).first()
    if same:
        return BasePathTaken(base_path=path, other=same.name, path=("base_path",))
    above = await Distribution.filter(base_path__in=folders).using_db(connection).first() if folders else None
    other = above or await Distribution.filter(base_path__startswith=f"{path}/").using_db(connection).first()
    return BasePathOverlaps(base_path=path, other=other.base_path if other else path, path=("base_path",))


async def _give_up_base_path(connection: Connection, distribution_id: UUID) -> None:
    """Free the base path, and the folders above it that nobody else has."""
    rows = await fetch(
        connection,
        "DELETE FROM distribution_base_path WHERE distribution_id = ? RETURNING path",
        [str(distribution_id)],
    )
    for row in rows:
        await execute(
            connection,
            "DELETE FROM base_path WHERE path = ? AND NOT EXISTS"
            " (SELECT 1 FROM distribution_base_path used WHERE used.path = base_path.path)",
            [row["path"]],
        )


async def _serve(work: UnitOfWork, distribution: Distribution) -> bool:
    """Point a distribution at what it follows now; tell whether that is something else than before."""
    target = distribution.publication_id or await _latest_publication(work.connection, distribution)
    if target == distribution.serving_id and target is not None:
        return False
    distribution.serving_id = target
    # One that was deleted meanwhile has nothing to serve, and is no reason to fail.
    await Distribution.filter(id=distribution.id).using_db(work.connection).update(serving_id=target)
    # Where what it served was deleted, the database has taken it away already: only the history tells of the change.
    return await history.record(work.connection, distribution.id)


async def _latest_publication(connection: Connection, distribution: Distribution) -> UUID | None:
    """Return the distributable publication of the highest version; of several, the one that was published last."""
    rows = await fetch(
        connection,
        "SELECT publication.id FROM publication"
        " JOIN repository_version version ON version.id = publication.repository_version_id"
        " WHERE publication.distributable AND (version.id = ? OR version.repository_id = ?)"
        " ORDER BY version.number DESC, publication.published_at DESC, publication.id DESC LIMIT 1",
        [_text(distribution.repository_version_id), _text(distribution.repository_id)],
    )
    return UUID(str(rows[0]["id"])) if rows else None


def _text(identifier: UUID | None) -> str | None:
    return str(identifier) if identifier else None
