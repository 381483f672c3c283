"""Content units that clients make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, NotChangeable, NotFound, WrongType
from headbox.kinds import AddTask, ContentUnit
from headbox.models import Content, Repository, Task, Upload
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change, wanted, without
from headbox.services import content as service
from headbox.services import task as tasks
from headbox.services import task_request
from headbox.services.content import NewContent, NotMade
from headbox.services.version_request import AddRequest
from headbox.tasking.engine import UnitOfWork
from headbox.types import OnError

#: The fields of an input that name bytes.
BYTES = ("upload", "sha256")


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one item: a content unit and, where it was to be added to a repository, a task; or errors."""

    content: Content | None = None
    task: Task | None = None
    errors: tuple[HeadboxError, ...] = ()


async def create(context: Context, kind: type[ContentUnit], values: Mapping[str, Any]) -> Made:
    """Make a content unit, or return the one that is there already, and have it added where that is wanted.

    Raises:
        ExceptionGroup: Why it cannot be made.
    """
    [made] = await _create(context, kind, [values], OnError.FAIL, in_list=False)
    return made


async def create_many(context: Context, kind: type[ContentUnit], values: Mapping[str, Any]) -> list[Made]:
    """Make content units, or return those that are there already, in the order of the items.

    Raises:
        ExceptionGroup: Why some cannot be made, where all of them or none were to be made.
        LimitExceeded: There are too many.
    """
    service.check_number(values["items"])
    on_error = values.get("on_error") or OnError.FAIL
    return await _create(context, kind, values["items"], on_error, in_list=True)


async def _create(
    context: Context, kind: type[ContentUnit], items: Sequence[Mapping[str, Any]], on_error: OnError, *, in_list: bool
) -> list[Made]:

    async def step(work: UnitOfWork) -> list[Made]:
        asked = await _asked(work, context, kind, items)
        made = await service.create(work, kind, asked)
        errors: list[HeadboxError] = []
        for place, item in enumerate(made):
            if isinstance(item, NotMade):
                path = ("items", str(place)) if in_list else ()
                errors += (error.at(*path, *error.path) for error in item.errors)
        if errors and on_error is OnError.FAIL:
            raise ExceptionGroup("content that cannot be made", errors)
        ids = [item for item in made if isinstance(item, UUID)]
        rows = {row.id: row for row in await Content.filter(id__in=ids).using_db(work.connection)}
        adds = await _add(work, context, asked, made)
        return [
            Made(errors=item.errors) if isinstance(item, NotMade) else Made(rows[item], add)
            for item, add in zip(made, adds, strict=True)
        ]

    # The same bytes are the same unit, and adding what is there changes nothing.
    return await change(context, step, is_repeatable=True)


async def _add(
    work: UnitOfWork, context: Context, asked: Sequence[NewContent | NotMade], made: Sequence[UUID | NotMade]
) -> list[Task | None]:
    """Create the tasks that add what was made to the repositories that it is for: one for each repository."""
    targets = [item.repository if isinstance(item, NewContent) else None for item in asked]
    added: dict[UUID, tuple[Repository, list[UUID]]] = {}
    for repository, unit in zip(targets, made, strict=True):
        if repository is not None and isinstance(unit, UUID):
            added.setdefault(repository.id, (repository, []))[1].append(unit)
    adds: dict[UUID, Task] = {}
    for repository, units in added.values():
        task_type = _add_task(context, repository)
        adds[repository.id] = await task_request.create(work, task_type, AddRequest(repository, add=units))
    return [
        adds[repository.id] if repository is not None and isinstance(unit, UUID) else None
        for repository, unit in zip(targets, made, strict=True)
    ]


def _add_task(context: Context, repository: Repository) -> type[AddTask[Any]]:
    task_type = context.registry.add_task(repository.kind)
    if task_type is None:
        raise NotChangeable(kind=repository.kind)
    return task_type


async def _asked(
    work: UnitOfWork, context: Context, kind: type[ContentUnit], items: Sequence[Mapping[str, Any]]
) -> list[NewContent | NotMade]:
    """Return what is asked for, with the rows of the uploads and the repositories that it names."""
    uploads = await _uploads(work, context, items)
    repositories: dict[str, Repository] = {}
    asked: list[NewContent | NotMade] = []
    for item in items:
        values, text = without(item, *BYTES, "repository"), item.get("repository")
        try:
            upload = _upload(context, uploads, item.get("upload"))
            if text is not None and text not in repositories:
                repositories[text] = await _repository(work, context, kind, text)
        except HeadboxError as error:
            asked.append(NotMade((error,)))
        else:
            repository = None if text is None else repositories[text]
            asked.append(NewContent(values, upload, item.get("sha256"), repository))
    return asked


async def _uploads(work: UnitOfWork, context: Context, items: Sequence[Mapping[str, Any]]) -> dict[UUID, Upload]:
    """Return the uploads that items name, those that there are."""
    ids = []
    for item in items:
        # Whoever names none is told later, with the item.
        with suppress(HeadboxError):
            ids.append(_upload_id(context, item.get("upload")))
    return {row.id: row for row in await Upload.filter(id__in=list(filter(None, ids))).using_db(work.connection)}


def _upload(context: Context, uploads: Mapping[UUID, Upload], text: str | None) -> Upload | None:
    upload_id = _upload_id(context, text)
    if upload_id is None:
        return None
    if upload_id not in uploads:
        raise NotFound(what="Upload", key=str(text), path=("upload",))
    return uploads[upload_id]


def _upload_id(context: Context, text: str | None) -> UUID | None:
    return None if text is None else context.types.decode(text, Upload, path=("upload",))


async def _repository(work: UnitOfWork, context: Context, kind: type[ContentUnit], text: str) -> Repository:
    """Return a repository that units of a kind can be added to now."""
    try:
        repository = await wanted(work, context, text, Repository)
        if kind not in _add_task(context, repository).repository_type().content_types:
            raise WrongType(key=text, actual=repository.kind, expected=f"repository of {kind.__name__}")
        await tasks.automation_settings(work, repository, repository.automation)
    except HeadboxError as error:
        raise error.at("repository") from None
    return repository
