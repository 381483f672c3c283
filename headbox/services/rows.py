"""Rows that are about to be changed."""

from __future__ import annotations

from typing import TypeVar

from tortoise.models import Model

from headbox.errors import NotFound
from headbox.models.database import Connection, lock_row

ModelT = TypeVar("ModelT", bound=Model)


async def locked(connection: Connection, row: ModelT) -> ModelT:
    """Return a row as it is now, which nobody else changes until the transaction ends.

    Args:
        connection: A connection inside of a transaction.
        row: As it was read before.

    Raises:
        NotFound: It was deleted meanwhile.
    """
    model = type(row)
    await lock_row(connection, model._meta.db_table, row.pk)  # noqa: SLF001 - the ORM has no public name for it
    current = await model.get_or_none(pk=row.pk, using_db=connection)
    if current is None:
        raise NotFound(what=model.__name__, key=str(getattr(row, "name", row.pk)), path=("id",))
    return current
