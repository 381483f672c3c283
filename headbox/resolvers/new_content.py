"""Content units that clients make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, NotChangeable, NotFound, WrongType
from headbox.kinds import ContentUnit
from headbox.models import Content, Repository, Task, Upload
from headbox.resolvers.context import Context
from headbox.resolvers.edits import below, change, wanted, without
from headbox.services import content as service
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
        made = await service.create(work, kind, await _wanted(work, context, items))
        errors: list[HeadboxError] = []
        for place, item in enumerate(made):
            if isinstance(item, NotMade):
                path = ("items", str(place)) if in_list else ()
                errors += (error.at(*path, *error.path) for error in item.errors)
        if errors and on_error is OnError.FAIL:
            raise ExceptionGroup("content that cannot be made", errors)
        ids = [item for item in made if isinstance(item, UUID)]
        rows = {row.id: row for row in await Content.filter(id__in=ids).using_db(work.connection)}
        tasks = await _add(work, context, kind, items, made)
        return [
            Made(errors=item.errors) if isinstance(item, NotMade) else Made(rows[item], task)
            for item, task in zip(made, tasks, strict=True)
        ]

    # The same bytes are the same unit, and adding what is there changes nothing.
    return await change(context, step, is_repeatable=True)


async def _add(
    work: UnitOfWork,
    context: Context,
    kind: type[ContentUnit],
    items: Sequence[Mapping[str, Any]],
    made: Sequence[UUID | NotMade],
) -> list[Task | None]:
    """Create the tasks that add what was made to the repositories that the items name: one for each repository."""
    units: dict[str, list[UUID]] = {}
    for item, unit in zip(items, made, strict=True):
        if item.get("repository") and isinstance(unit, UUID):
            units.setdefault(item["repository"], []).append(unit)
    tasks = {text: await _create_add(work, context, kind, text, added) for text, added in units.items()}
    return [
        tasks[item["repository"]] if item.get("repository") and isinstance(unit, UUID) else None
        for item, unit in zip(items, made, strict=True)
    ]


async def _create_add(
    work: UnitOfWork, context: Context, kind: type[ContentUnit], text: str, units: Sequence[UUID]
) -> Task:
    with below("repository"):
        repository = await wanted(work, context, text, Repository)
        task_type = context.registry.add_task(repository.kind)
        if task_type is None:
            raise NotChangeable(kind=repository.kind)
        if kind not in task_type.repository_type().content_types:
            raise WrongType(key=text, actual=repository.kind, expected=f"repository of {kind.__name__}")
        return await task_request.create(work, task_type, AddRequest(repository, add=units))


async def _wanted(work: UnitOfWork, context: Context, items: Sequence[Mapping[str, Any]]) -> list[NewContent | NotMade]:
    """Return what is asked for, with the rows of the uploads that it names."""
    decoded = [_upload_id(context, item.get("upload")) for item in items]
    ids = [upload_id for upload_id in decoded if isinstance(upload_id, UUID)]
    uploads = {row.id: row for row in await Upload.filter(id__in=ids).using_db(work.connection)}
    wanted: list[NewContent | NotMade] = []
    for item, upload_id in zip(items, decoded, strict=True):
        if isinstance(upload_id, NotMade):
            wanted.append(upload_id)
        elif upload_id is not None and upload_id not in uploads:
            wanted.append(NotMade((NotFound(what="Upload", key=item["upload"], path=("upload",)),)))
        else:
            upload = uploads[upload_id] if upload_id else None
            wanted.append(NewContent(without(item, *BYTES, "repository"), upload, item.get("sha256")))
    return wanted


def _upload_id(context: Context, text: str | None) -> UUID | NotMade | None:
    try:
        return None if text is None else context.types.decode(text, Upload, path=("upload",))
    except HeadboxError as error:
        return NotMade((error,))
