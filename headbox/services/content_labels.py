"""Labels of content units: the only thing about them that changes, in whatever repositories they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, Invalid
from headbox.models import Content
from headbox.models.database import fetch, row_lock
from headbox.services.documents import check_labels
from headbox.tasking.engine import UnitOfWork


async def update(work: UnitOfWork, ids: Sequence[UUID], *, given: Mapping[str, Any], taken: Sequence[str]) -> None:
    """Give labels to content units, and take others away, from all of them or from none.

    Args:
        work: The transaction.
        ids: Which; those that are not there are passed over.
        given: Texts by key: they take the place of those with the same keys.
        taken: Keys; one that a unit does not have is no error.

    Raises:
        Invalid: A label cannot be, or a unit would have too many.
    """
    if both := sorted(given.keys() & set(taken)):
        raise Invalid(field="remove", reason=f"{both[0]!r} is to be set, too", path=("remove",))
    try:
        check_labels(dict(given))
        if not ids:
            return
        # In the order of their ids, so that nobody locks another one out.
        marks = ", ".join("?" * len(ids))
        await fetch(
            work.connection,
            f"SELECT id FROM content WHERE id IN ({marks}) ORDER BY id{row_lock(work.connection, 'content')}",  # noqa: S608
            [str(id_) for id_ in ids],
        )
        for content in await Content.filter(id__in=list(ids)).using_db(work.connection):
            kept = {key: value for key, value in content.labels.items() if key not in taken}
            content.labels = check_labels(kept | dict(given))
            await content.save(using_db=work.connection, update_fields=["labels"])
    except HeadboxError as error:
        raise error.at("set", *error.path[1:]) from None
