"""Rows that are about to be changed."""

from __future__ import annotations

from typing import TypeVar

from tortoise.models import Model

from headbox.errors import NameTaken, NotFound, RevisionConflict
from headbox.models import Distribution, Repository, Schedule, Webhook
from headbox.models.database import Connection, lock_name, lock_row

ModelT = TypeVar("ModelT", bound=Model)
#: What has a name that no other one of its table has, and a number that counts its changes.
Named = Distribution | Repository | Schedule | Webhook


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


def check_revision(row: Named, expected: int | None) -> None:
    """Make sure that a row is at the revision that an update was made for.

    Args:
        row: As it is now.
        expected: The revision; None for any.

    Raises:
        RevisionConflict: It is at another one.
    """
    if expected is not None and row.revision != expected:
        raise RevisionConflict(
            what=row._meta.db_table,  # noqa: SLF001 - the ORM has no public name for it
            current=row.revision,
            expected=expected,
            path=("expected_revision",),
        )


async def check_name_is_free(connection: Connection, row: Named) -> None:
    """Make sure that no other row has the name of one; none takes it until the transaction ends.

    Args:
        connection: A connection inside of a transaction.
        row: The one that is to have it.

    Raises:
        NameTaken: Another one has it.
    """
    table = row._meta.db_table  # noqa: SLF001 - the ORM has no public name for it
    await lock_name(connection, table, row.name)
    if await type(row).filter(name=row.name).exclude(pk=row.pk).using_db(connection).exists():
        raise NameTaken(what=table, name=row.name, path=("name",))
