"""Which stored artifacts a task is about: all, or those that a repository or a version of it needs."""

from __future__ import annotations

from dataclasses import dataclass

from headbox.errors import NotFound
from headbox.kinds import ScopedTask
from headbox.models import Repository, RepositoryVersion
from headbox.models.database import Connection


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition on rows of `artifact`.

    Attributes:
        sql: The condition, with a `?` for each parameter.
    """

    sql: str
    parameters: tuple[str | int, ...] = ()


#: All of them.
EVERYTHING = Scope("1 = 1")


async def scope_of(connection: Connection, task: ScopedTask) -> Scope:
    """Return which artifacts a task is about.

    Raises:
        NotFound: The repository or the version is gone.
    """
    if task.repository is not None:
        if not await Repository.filter(id=task.repository).using_db(connection).exists():
            raise NotFound(what="repository", key=str(task.repository))
        repository_id = str(task.repository)
        return _needed(
            "membership.repository_id = ?", (repository_id,), "repository_version.repository_id = ?", (repository_id,)
        )
    if task.repository_version is not None:
        version = await RepositoryVersion.get_or_none(id=task.repository_version, using_db=connection)
        if version is None:
            raise NotFound(what="repository version", key=str(task.repository_version))
        return _needed(
            "membership.repository_id = ? AND membership.added_in <= ?"
            " AND (membership.removed_in IS NULL OR membership.removed_in > ?)",
            (str(version.repository_id), version.number, version.number),
            "repository_version.id = ?",
            (str(version.id),),
        )
    return EVERYTHING


def _needed(
    content: str, content_parameters: tuple[str | int, ...], published: str, published_parameters: tuple[str | int, ...]
) -> Scope:
    """Return the artifacts of some memberships, and of the publications of some versions."""
    return Scope(
        "(EXISTS (SELECT 1 FROM content_artifact JOIN membership ON membership.content_id = content_artifact.content_id"  # noqa: S608
        f" WHERE content_artifact.sha256 = artifact.sha256 AND {content})"
        " OR EXISTS (SELECT 1 FROM published_file JOIN publication ON publication.id = published_file.publication_id"
        " JOIN repository_version ON repository_version.id = publication.repository_version_id"
        f" WHERE published_file.sha256 = artifact.sha256 AND {published}))",
        (*content_parameters, *published_parameters),
    )
