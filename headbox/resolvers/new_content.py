"""Content units that clients make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, NotFound
from headbox.kinds import ContentUnit
from headbox.models import Content, Upload
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change, without
from headbox.services import content as service
from headbox.services.content import NewContent, NotMade
from headbox.tasking.engine import UnitOfWork
from headbox.types import OnError

#: The fields of an input that name bytes.
BYTES = ("upload", "sha256")


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one item: a content unit, or errors."""

    content: Content | None = None
    errors: tuple[HeadboxError, ...] = ()


async def create(context: Context, kind: type[ContentUnit], values: Mapping[str, Any]) -> Content:
    """Make a content unit, or return the one that is there already.

    Raises:
        ExceptionGroup: Why it cannot be made.
    """
    [made] = await _create(context, kind, [values], OnError.FAIL, in_list=False)
    assert made.content is not None, "with FAIL, all of them are made"
    return made.content


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
        return [Made(errors=item.errors) if isinstance(item, NotMade) else Made(rows[item]) for item in made]

    # The same bytes are the same unit.
    return await change(context, step, is_repeatable=True)


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
            wanted.append(NewContent(without(item, *BYTES), upload, item.get("sha256")))
    return wanted


def _upload_id(context: Context, text: str | None) -> UUID | NotMade | None:
    try:
        return None if text is None else context.types.decode(text, Upload, path=("upload",))
    except HeadboxError as error:
        return NotMade((error,))
