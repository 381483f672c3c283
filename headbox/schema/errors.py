"""Expected failures as data: in a payload or in a task, never among the top-level errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo
from strawberry.extensions.field_extension import FieldExtension
from strawberry.utils.str_converters import to_camel_case

from headbox.errors import HeadboxError, RequestError
from headbox.resolvers.ids import GlobalId
from headbox.schema.enums import ErrorCode, PlanMoved
from headbox.schema.info import Info


@strawberry.interface(description="Why something was not done.")
class UserError:
    """See `errors.HeadboxError`; stands over its document."""

    code: ErrorCode = strawberry.field(description="What went wrong, for machines; stable.")
    message: str = strawberry.field(description="What went wrong, for people: one sentence.")
    path: list[str] = strawberry.field(description="The input field at fault, outermost first; empty when none is.")
    hint: str | None = strawberry.field(description="What to do next, where the message does not say it all.")
    retryable: bool = strawberry.field(description="Whether the same request may succeed later with nothing changed.")

    @classmethod
    def resolve_type(cls, error: dict[str, Any], _info: GraphQLResolveInfo[Any], _: GraphQLAbstractType) -> str:
        """Return the name of the type that shows all that an error carries."""
        possible = TYPES_BY_CODE.get(error["code"], ())
        values = error["values"].keys()
        return next((found.__name__ for found in possible if VALUES[found] <= values), PlainError.__name__)

    @classmethod
    def is_type_of(cls, _error: Any, _info: GraphQLResolveInfo[Any]) -> bool:
        """Take what resolvers return: which type it is, `resolve_type` has said."""
        return True


def _value(name: str, description: str, read: Callable[[Any], Any] = lambda value: value) -> Any:
    """Return a field that shows a value of an error, as `read` makes it of the stored one."""

    def resolve(root: strawberry.Parent[dict[str, Any]]) -> Any:
        return read(root["values"][name])

    return strawberry.field(resolver=resolve, description=description)


@strawberry.type(description="A failure that its code and message tell all about.")
class PlainError(UserError):
    """An error of the classes that carry no more than all do."""


@strawberry.type(description="There is no such thing.")
class NotFound(UserError):
    """See `errors.NotFound`."""

    what: str = _value("what", "Type of what was looked for.")
    key: str = _value("key", "What it was looked for by: an id or a name.")


@strawberry.type(description="The id is that of something else.")
class WrongType(UserError):
    """See `errors.WrongType`."""

    actual: str = _value("actual", "Type that the id is of.")
    expected: str = _value("expected", "Type that is needed.")


@strawberry.type(description="Another one has this name.")
class NameTaken(UserError):
    """See `errors.NameTaken`."""

    name: str = _value("name", "The name.")


@strawberry.type(description="Another distribution has this base path.")
class BasePathTaken(UserError):
    """See `errors.BasePathTaken`."""

    base_path: str = _value("base_path", "The base path.")
    other: str = _value("other", "Name of the distribution that has it.")


@strawberry.type(description="The base path lies above or below that of another distribution.")
class BasePathOverlaps(UserError):
    """See `errors.BasePathOverlaps`."""

    base_path: str = _value("base_path", "The base path.")
    other: str = _value("other", "The base path that it overlaps.")


@strawberry.type(description="It was changed since the revision that the update was made for.")
class RevisionConflict(UserError):
    """See `errors.RevisionConflict`."""

    current: int = _value("current", "The revision that it is at.")
    expected: int = _value("expected", "The revision that the update was made for.")


@strawberry.type(description="The remote answered something else than what was asked for.")
class RemoteResponse(UserError):
    """See `errors.RemoteResponse`."""

    url: str = _value("url", "Address that was asked.")
    status: int = _value("status", "HTTP status of the answer; 0 when the fault is not in the status.")


@strawberry.type(description="Content of the repository is missing, and it is only published when none is.")
class RepositoryIncomplete(UserError):
    """See `errors.RepositoryIncomplete`."""

    open_issues: int = _value("open_issues", "How many open issues it has.")


@strawberry.type(description="The plan can no longer be applied as it was made. Nothing was changed; make a new one.")
class PlanOutdated(UserError):
    """See `errors.PlanOutdated`."""

    moved: PlanMoved = _value("moved", "What is no longer what it was.", PlanMoved)


def _ids(text: str) -> list[strawberry.ID]:
    found = (part.split(":") for part in text.split())
    return [strawberry.ID(str(GlobalId(type_name, UUID(key)))) for type_name, key in found]


@strawberry.type(description="Content units cannot go: others of the version need them.")
class UnitNeeded(UserError):
    """See `errors.UnitNeeded`."""

    needed: list[strawberry.ID] = _value("needed", "Ids of those that were to go; at most 100.", _ids)
    needed_by: list[strawberry.ID] = _value("needed_by", "Ids of those that need them; at most 100.", _ids)


#: The types that carry more than `UserError` does, by their code; of those with one code no two have the same values.
TYPES_BY_CODE: Mapping[str, tuple[type[UserError], ...]] = {
    ErrorCode.NOT_FOUND.value: (NotFound,),
    ErrorCode.WRONG_TYPE.value: (WrongType,),
    ErrorCode.NAME_TAKEN.value: (NameTaken,),
    ErrorCode.BASE_PATH_TAKEN.value: (BasePathTaken,),
    ErrorCode.BASE_PATH_OVERLAPS.value: (BasePathOverlaps,),
    ErrorCode.REVISION_CONFLICT.value: (RevisionConflict, PlanOutdated),
    ErrorCode.REMOTE_RESPONSE.value: (RemoteResponse,),
    ErrorCode.UNIT_CONFLICT.value: (UnitNeeded,),
    ErrorCode.INVALID.value: (RepositoryIncomplete,),
}
_CARRYING = tuple(chain.from_iterable(TYPES_BY_CODE.values()))
#: The values that each of them needs.
VALUES: Mapping[type[UserError], frozenset[str]] = {
    error_type: frozenset(error_type.__annotations__) for error_type in _CARRYING
}
#: All types of errors, for the schema.
ERROR_TYPES: tuple[type[UserError], ...] = (PlainError, *_CARRYING)


class Expected(FieldExtension):
    """Turns the expected failures of a mutation into the `errors` of its payload.

    Args:
        empty: Payload fields that are not null even when nothing was done, with their values.
    """

    def __init__(self, **empty: Any) -> None:
        self._empty = empty

    async def resolve_async(
        self, next_: Callable[..., Awaitable[dict[str, Any]]], source: Any, info: Info, **kwargs: Any
    ) -> dict[str, Any]:
        """Return the payload."""
        prefix = ("input",) if "input" in kwargs else ()
        try:
            return {**await next_(source, info, **kwargs), "errors": []}
        except (HeadboxError, ExceptionGroup) as error:
            return {**self._empty, "errors": [document(fault, prefix) for fault in faults(error)]}


def faults(error: HeadboxError | ExceptionGroup[Exception]) -> Iterator[HeadboxError]:
    """Yield the expected failures of a group.

    Raises:
        ExceptionGroup: One of them is none: a bug.
    """
    if isinstance(error, HeadboxError):
        yield error
        return
    for inner in error.exceptions:
        if not isinstance(inner, HeadboxError | ExceptionGroup):
            raise error
        yield from faults(inner)


def message(error: HeadboxError) -> str:
    """Return the message of an error, with the field that it tells of named as the API names it."""
    field = error.values.get("field")
    if not isinstance(field, str) or not field.isidentifier():
        return error.message
    return error.template.format(**{**error.values, "field": to_camel_case(field)})


def document(error: HeadboxError, prefix: tuple[str, ...]) -> dict[str, Any]:
    """Return an error as the API shows it.

    Args:
        error: The error.
        prefix: Path of what its own path begins in.
    """
    # What went wrong with no request is the fault of no field.
    path = [*prefix, *_path(error.path)] if isinstance(error, RequestError) else []
    return {**error.as_document(), "message": message(error), "path": path}


def _path(path: Sequence[str]) -> list[str]:
    """Return the path to an input field as the API names its parts; what a client named itself stays as it is."""
    fields = path.index("labels") + 1 if "labels" in path else len(path)
    return [*map(to_camel_case, path[:fields]), *path[fields:]]
