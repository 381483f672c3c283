"""Repositories: created whole, with all that makes a served mirror, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headbox.errors import (
    HeadboxError,
    InUse,
    Invalid,
    NoDistribution,
    NoRemote,
    WrongType,
)
from headbox.kinds import RepositoryDocument, SyncTask
from headbox.models import Distribution, PublishSettings, Remote, Repository, RepositoryVersion, SyncState, Task
from headbox.services import distribution as distributions
from headbox.services import publish_settings as settings_service
from headbox.services import remote as remotes
from headbox.services import task as tasks
from headbox.services.documents import check_labels, check_name, checked
from headbox.services.rows import check_name_is_free, check_revision, locked
from headbox.tasking.engine import UnitOfWork
from headbox.types import UNFINISHED_STATES, Automation, SyncMode

#: Longest description, in characters.
MAX_DESCRIPTION = 10_000
#: Most distributions that one request creates.
MAX_DISTRIBUTIONS = 50


@dataclass(frozen=True, slots=True)
class NewRemote:
    """A remote to create together with a repository."""

    name: str
    values: dict[str, Any]
    labels: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NewDistribution:
    """A distribution to create together with a repository; its name is the base path where none is given."""

    base_path: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class NewRepository:
    """Everything that one request may create."""

    name: str
    description: str | None = None
    labels: dict[str, Any] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    remote: Remote | NewRemote | None = None
    publish_settings: PublishSettings | dict[str, Any] | None = None
    distributions: tuple[NewDistribution, ...] = ()
    automation: Automation = Automation.NONE
    sync_mode: SyncMode = SyncMode.ADDITIVE
    retain_versions: int | None = None
    require_complete: bool = False
    sync: bool = False


@dataclass(frozen=True, slots=True)
class CreatedRepository:
    """What became of a `NewRepository`."""

    repository: Repository
    distributions: list[Distribution]
    task: Task | None


async def create(work: UnitOfWork, kind: type[RepositoryDocument], new: NewRepository) -> CreatedRepository:
    """Create a repository with its version 0, and what else the request names; all of it or nothing.

    Raises:
        RequestError: Something of it cannot be.
    """
    document = checked(kind, new.values)
    _check_description(new.description)
    repository = Repository(
        kind=kind.kind,
        name=check_name(new.name),
        description=new.description,
        labels=check_labels(new.labels),
        document=document.plain(),
        automation=new.automation,
        sync_mode=new.sync_mode,
        retain_versions=_checked_retention(new.retain_versions),
        require_complete=new.require_complete,
    )
    await check_name_is_free(work.connection, repository)
    remote = await _remote(work, kind, new.remote)
    settings = await _settings(work, kind, new.publish_settings)
    repository.remote_id = remote.id if remote else None
    repository.publish_settings_id = settings.id if settings else None
    if new.sync and remote is None:
        raise NoRemote(repository=new.name, path=("remote",))
    if new.sync and new.automation is Automation.DISTRIBUTE and not new.distributions:
        raise NoDistribution(repository=new.name, path=("distributions",))
    if len(new.distributions) > MAX_DISTRIBUTIONS:
        raise Invalid(field="distributions", reason=f"at most {MAX_DISTRIBUTIONS} at a time", path=("distributions",))
    await repository.save(using_db=work.connection, force_create=True)
    await RepositoryVersion.create(repository_id=repository.id, number=0, using_db=work.connection)
    created = [
        await _create_distribution(work, repository, number, wanted) for number, wanted in enumerate(new.distributions)
    ]
    work.repository_changed(repository.id)
    task = await _first_sync(work, kind, repository, remote) if new.sync and remote else None
    return CreatedRepository(repository, created, task)


async def update(
    work: UnitOfWork, repository: Repository, *, changes: dict[str, Any], expected_revision: int | None
) -> Repository:
    """Change what `changes` holds; tasks that were created before are not touched.

    Args:
        work: The transaction.
        repository: Which.
        changes: Any of name, description, labels, values, remote (or None), publish_settings (row, values or None),
            automation, sync_mode, retain_versions, require_complete.
        expected_revision: The revision that the update was made for, or None for any.

    Raises:
        RevisionConflict: The repository is at another revision.
        RequestError: As `create`.
    """
    repository = await locked(work.connection, repository)
    check_revision(repository, expected_revision)
    repository.revision += 1
    kind = work.registry.find(repository.kind, RepositoryDocument)
    if kind is None:
        raise Invalid(field="id", reason=f"no plugin for {repository.kind!r} is installed", path=("id",))
    await _change(work, kind, repository, changes)
    await repository.save(using_db=work.connection)
    work.repository_changed(repository.id)
    return repository


async def delete(work: UnitOfWork, repository: Repository) -> Repository:
    """Delete a repository with its versions and publications.

    What says which content they held, and what files the publications had, goes behind it: see `leftovers`. Content
    units and their bytes stay until the garbage collection finds that nothing needs them.

    Raises:
        InUse: A task works on it, or a distribution follows it.
    """
    path = ("id",)
    # What begins to follow it, or to serve something of it, has it locked too.
    repository = await locked(work.connection, repository)
    if await Task.filter(repository_id=repository.id, state__in=list(UNFINISHED_STATES)).exists():
        raise InUse(
            what="repository", name=repository.name, users="an unfinished task", path=path, hint="Cancel it first."
        )
    followers = await Distribution.filter(repository_id=repository.id).limit(5)
    pinned = await Distribution.filter(repository_version__repository_id=repository.id).limit(5)
    served = await Distribution.filter(publication__repository_version__repository_id=repository.id).limit(5)
    users = [*followers, *pinned, *served]
    if users:
        names = ", ".join(repr(distribution.name) for distribution in users)
        raise InUse(what="repository", name=repository.name, users=f"the distributions {names}", path=path)
    await SyncState.filter(repository_id=repository.id).using_db(work.connection).delete()
    await repository.delete(using_db=work.connection)
    work.repository_changed(repository.id)
    return repository


async def _change(
    work: UnitOfWork, kind: type[RepositoryDocument], repository: Repository, changes: dict[str, Any]
) -> None:
    if "name" in changes:
        repository.name = check_name(changes["name"])
        await check_name_is_free(work.connection, repository)
    if "labels" in changes:
        repository.labels = check_labels(changes["labels"])
    if "values" in changes:
        repository.document = checked(kind, {**repository.document, **changes["values"]}).plain()
    if "remote" in changes:
        remote = await _remote(work, kind, changes["remote"])
        repository.remote_id = remote.id if remote else None
    if "publish_settings" in changes:
        settings = await _settings(work, kind, changes["publish_settings"])
        repository.publish_settings_id = settings.id if settings else None
    if "retain_versions" in changes:
        repository.retain_versions = _checked_retention(changes["retain_versions"])
    _check_description(changes.get("description"))
    for name in ("description", "automation", "sync_mode", "require_complete"):
        if name in changes:
            setattr(repository, name, changes[name])


def _check_description(text: str | None) -> None:
    if text is not None and (len(text) > MAX_DESCRIPTION or "\0" in text):
        raise Invalid(field="description", reason=f"it has at most {MAX_DESCRIPTION} characters", path=("description",))


def _checked_retention(versions: int | None) -> int | None:
    if versions is not None and versions < 1:
        raise Invalid(field="retain_versions", reason="at least one version is kept", path=("retain_versions",))
    return versions


async def _remote(work: UnitOfWork, kind: type[RepositoryDocument], wanted: Remote | NewRemote | None) -> Remote | None:
    if wanted is None:
        return None
    if kind.remote_type is None:
        raise Invalid(field="remote", reason="repositories of this kind do not sync", path=("remote",))
    if isinstance(wanted, NewRemote):
        try:
            return await remotes.create(
                work, kind.remote_type, name=wanted.name, values=wanted.values, labels=wanted.labels
            )
        except (HeadboxError, ExceptionGroup) as error:
            raise _below(error, "remote", "create") from error
    if wanted.kind != kind.remote_type.kind:
        raise WrongType(key=wanted.name, actual=wanted.kind, expected=kind.remote_type.kind, path=("remote", "id"))
    remote = await locked(work.connection, wanted)
    if remote.deleted_at is not None:
        raise Invalid(field="remote", reason="it was deleted a moment ago", path=("remote", "id"))
    return remote


async def _settings(
    work: UnitOfWork, kind: type[RepositoryDocument], wanted: PublishSettings | dict[str, Any] | None
) -> PublishSettings | None:
    if wanted is None:
        return None
    if kind.settings_type is None:
        raise Invalid(
            field="publish_settings", reason="repositories of this kind are not published", path=("publish_settings",)
        )
    if isinstance(wanted, dict):
        try:
            return await settings_service.get_or_create(work, kind.settings_type, wanted)
        except (HeadboxError, ExceptionGroup) as error:
            raise _below(error, "publish_settings", "create") from error
    if wanted.kind != kind.settings_type.kind:
        raise WrongType(
            key=str(wanted.id), actual=wanted.kind, expected=kind.settings_type.kind, path=("publish_settings", "id")
        )
    return wanted


async def _create_distribution(
    work: UnitOfWork, repository: Repository, number: int, wanted: NewDistribution
) -> Distribution:
    try:
        return await distributions.create(work, base_path=wanted.base_path, name=wanted.name, source=repository)
    except HeadboxError as error:
        raise _below(error, "distributions", str(number)) from error


async def _first_sync(work: UnitOfWork, kind: type[RepositoryDocument], repository: Repository, remote: Remote) -> Task:
    task_type = next((task for task in work.registry.all(SyncTask) if task.repository_type() is kind), None)
    if task_type is None:
        raise Invalid(field="sync", reason="repositories of this kind do not sync", path=("sync",))
    return await tasks.create_sync(work, task_type, tasks.SyncRequest(repository=repository, remote=remote))


def _below(
    error: HeadboxError | ExceptionGroup[HeadboxError], *path: str
) -> HeadboxError | ExceptionGroup[HeadboxError]:
    """Return errors of a nested input, with paths that lead there."""
    for fault in error.exceptions if isinstance(error, ExceptionGroup) else (error,):
        assert isinstance(fault, HeadboxError)
        fault.at(*path, *fault.path)
    return error
