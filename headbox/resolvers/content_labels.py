"""Changes of the labels of content units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from headbox.errors import Invalid, LimitExceeded, NotFound
from headbox.models import Content
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change
from headbox.services import content_labels as service
from headbox.tasking.engine import UnitOfWork

#: Most content units whose labels one request changes.
MAX_UNITS = 500


async def update(context: Context, values: Mapping[str, Any]) -> list[Content]:
    """Give labels to content units, and take others away; return the units in the order of their ids in the input.

    Raises:
        NotFound: One of them is not there.
        WrongType: An id is that of something else.
        Invalid: A label cannot be.
        LimitExceeded: They are too many.
    """
    texts = values["ids"]
    if len(texts) > MAX_UNITS:
        raise LimitExceeded(what="The number of ids", limit=MAX_UNITS, path=("ids",))
    given = {} if values.get("set") is None else values["set"]
    if not isinstance(given, dict):
        raise Invalid(field="set", reason="it is an object of texts by keys", path=("set",))
    ids = [context.types.decode(text, Content, path=("ids", str(place))) for place, text in enumerate(texts)]

    async def step(work: UnitOfWork) -> list[Content]:
        await service.update(work, ids, given=given, taken=values.get("remove") or ())
        return await _wanted(work, context, texts, ids)

    return await change(context, step, is_repeatable=True)


async def _wanted(work: UnitOfWork, context: Context, texts: Sequence[str], ids: Sequence[UUID]) -> list[Content]:
    rows = {row.id: row for row in await Content.filter(id__in=list(ids)).using_db(work.connection)}
    found = []
    for place, (text, row_id) in enumerate(zip(texts, ids, strict=True)):
        row = rows.get(row_id)
        type_name = context.types.name_of(row) if row is not None else None
        if row is None or type_name is None or context.global_id(type_name, row_id) != text:
            raise NotFound(what="Content", key=text, path=("ids", str(place)))
        found.append(row)
    return found
