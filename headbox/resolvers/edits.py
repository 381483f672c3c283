"""Changes as one transaction each, with errors that point at the input field at fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from tortoise.exceptions import OperationalError
from tortoise.models import Model

from headbox.errors import (
    ChangeUnconfirmed,
    DatabaseUnavailable,
    HeadboxError,
    NotFound,
    Required,
    StorageFull,
    WrongType,
)
from headbox.models import SyncPlan
from headbox.models.database import TRANSIENT, CommitUnconfirmed, Unreachable, is_full, row_of
from headbox.resolvers.context import Context
from headbox.resolvers.ids import SYNC_PLAN, GlobalId
from headbox.tasking.engine import UnitOfWork

ModelT = TypeVar("ModelT", bound=Model)
ResultT = TypeVar("ResultT")


async def change(
    context: Context, step: Callable[[UnitOfWork], Awaitable[ResultT]], *, is_repeatable: bool = False
) -> ResultT:
    """Take a step as one transaction; what the operation loaded before is loaded anew afterwards.

    Where the database went away or preferred another transaction, and nothing was changed, the step is taken again.

    Args:
        context: The operation.
        step: Leaves nothing behind but what it does in its transaction.
        is_repeatable: Whether it comes to the same when it is done twice: then it is taken again, too, where nobody
            knows whether it was done.

    Raises:
        StorageFull: There is no space for it; nothing was changed.
        DatabaseUnavailable: The database is away, or busy with others; nothing was changed.
        ChangeUnconfirmed: The database went away while it made the change.
    """
    # Who could not be reached in time was waited for already, longer than a client wants to.
    final = (Unreachable,) if is_repeatable else (Unreachable, CommitUnconfirmed)
    with _troubles_told():
        result = await context.engine.transact(step, unless=final)
    context.refresh()
    return result


@contextmanager
def _troubles_told() -> Iterator[None]:
    hint = "Free space where the data folder lies; then try again."
    try:
        with StorageFull.translated("the change", hint=hint):
            yield
    except CommitUnconfirmed as error:
        raise ChangeUnconfirmed from error
    except TRANSIENT as error:
        raise DatabaseUnavailable from error
    except OperationalError as error:
        if is_full(error):
            raise StorageFull(what="the change", hint=hint) from error
        raise


async def wanted(
    work: UnitOfWork, context: Context, text: str, model: type[ModelT], *path: str, kind: str | None = None
) -> ModelT:
    """Return the row of a global id that a client sent, as it is inside of the transaction.

    Raises:
        NotFound: There is none.
        WrongType: It is the id of something else.
    """
    identifier = context.types.decode(text, model, kind=kind, path=path)
    row = await row_of(work.connection, model, identifier)
    is_deleted = getattr(row, "deleted_at", None) is not None
    type_name = context.types.name_of(row) if row is not None and not is_deleted else None
    if row is None or type_name is None or context.global_id(type_name, identifier) != text:
        raise NotFound(what=model.__name__, key=text, path=path)
    return row


async def wanted_or_none(
    work: UnitOfWork, context: Context, text: str | None, model: type[ModelT], *path: str, kind: str | None = None
) -> ModelT | None:
    """Return the row of a global id, or None where the client sent none; see `wanted`."""
    return None if text is None else await wanted(work, context, text, model, *path, kind=kind)


async def wanted_plan(work: UnitOfWork, context: Context, text: str, *path: str) -> SyncPlan:
    """Return the plan of a global id that a client sent, as it is inside of the transaction.

    Raises:
        NotFound: There is none.
        WrongType: It is the id of something else.
    """
    parsed = GlobalId.parse(text)
    if parsed is not None and parsed.type_name != SYNC_PLAN and context.types.named(parsed.type_name):
        raise WrongType(key=text, actual=parsed.type_name, expected=SYNC_PLAN, path=path)
    is_id = parsed is not None and str(parsed) == text and parsed.type_name == SYNC_PLAN
    row = await SyncPlan.get_or_none(id=parsed.id, using_db=work.connection) if parsed and is_id else None
    if row is None:
        raise NotFound(what=SYNC_PLAN, key=text, path=path)
    return row


def without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the values but for some."""
    return {name: value for name, value in values.items() if name not in names}


def refuse_null(changes: Mapping[str, Any], *names: str) -> None:
    """Make sure that an update does not take away what everything of its kind has.

    Raises:
        Required: A field that the client sent is null.
    """
    for name in names:
        if name in changes and changes[name] is None:
            raise Required(field=name, path=(name,))


@contextmanager
def below(*path: str) -> Iterator[None]:
    """Let the errors of a nested input point there."""
    try:
        yield
    except HeadboxError as error:
        error.at(*path, *error.path)
        raise
    except ExceptionGroup as group:
        for fault in group.exceptions:
            if isinstance(fault, HeadboxError):
                fault.at(*path, *fault.path)
        raise
