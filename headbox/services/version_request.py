"""What a client asks for when it adds, removes, copies or rolls back: checked, and created as a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, Invalid, LimitExceeded, NotFound, Required, SlotTaken, WrongType
from headbox.filters import content as filters
from headbox.kinds import AddTask, ContentUnit, CopyTask, RepositoryDocument
from headbox.models import Content, Repository, RepositoryVersion
from headbox.models.database import Connection, fetch
from headbox.services import task as tasks
from headbox.services.documents import checked
from headbox.services.staging import StoredUnit, units_of
from headbox.services.task import Prepared
from headbox.tasking.engine import UnitOfWork
from headbox.types import Automation, TaskPriority

#: Most content units that one request adds and removes.
MAX_UNITS = 10_000
#: Most errors that one request is answered with.
MAX_ERRORS = 100


@dataclass(frozen=True, slots=True)
class AddRequest:
    """Content units to add and to remove that a client names; what is None is taken from the repository."""

    repository: Repository
    add: Sequence[UUID | str] = ()
    remove: Sequence[UUID | str] = ()
    base: RepositoryVersion | None = None
    overwrite: bool = True
    automation: Automation | None = None
    priority: TaskPriority = TaskPriority.NORMAL
    labels: dict[str, Any] | None = None
    idempotency_key: str | None = None
    group_id: UUID | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """Content units of a version that a client asks to have in a repository too."""

    repository: Repository
    source: RepositoryVersion
    filter: dict[str, Any] | None = None
    with_needed: bool = True
    overwrite: bool = True
    automation: Automation | None = None
    priority: TaskPriority = TaskPriority.NORMAL
    labels: dict[str, Any] | None = None
    idempotency_key: str | None = None
    group_id: UUID | None = None
    extra: dict[str, Any] = field(default_factory=dict)


async def prepare_add(work: UnitOfWork, task_type: type[AddTask[Any]], request: AddRequest) -> Prepared:
    """Return the add that a request asks for.

    Raises:
        RequestError: Something of the request cannot be.
        ExceptionGroup: A `NotFound` or `WrongType` for each unit at fault.
    """
    _check_kind(request.repository, task_type.repository_type())
    add, remove = (tuple(dict.fromkeys(UUID(str(key)) for key in keys)) for keys in (request.add, request.remove))
    check_number(add, remove)
    if both := set(add) & set(remove):
        raise Invalid(field="remove", reason=f"{len(both)} of its units are to be added, too", path=("remove",))
    if not add and not remove and request.base is None:
        raise Required(field="add", path=("add",), hint="Name content units to add or to remove, or a base.")
    if request.base is not None and request.base.repository_id != request.repository.id:
        raise Invalid(field="base", reason="it is a version of another repository", path=("base",))
    units = await units_of(work.connection, add)
    _check_units(units, add, task_type.repository_type())
    await _check_places(work.connection, units, task_type.repository_type())
    return Prepared(checked(task_type, await _values(work, request) | {"add": add, "remove": remove}))


async def prepare_copy(work: UnitOfWork, task_type: type[CopyTask[Any]], request: CopyRequest) -> Prepared:
    """Return the copy that a request asks for.

    Raises:
        RequestError: Something of the request cannot be.
    """
    _check_kind(request.repository, task_type.repository_type())
    source = await Repository.get(id=request.source.repository_id, using_db=work.connection)
    if source.id == request.repository.id:
        hint = "To go back to an older version of the same repository, roll it back."
        raise Invalid(field="source", reason="it is of the repository itself", path=("source",), hint=hint)
    kind = work.registry.find(source.kind, RepositoryDocument)
    if kind is None or not set(kind.content_types) & set(task_type.repository_type().content_types):
        raise WrongType(
            key=source.name, actual=source.kind, expected=task_type.repository_type().kind, path=("source",)
        )
    with _below("filter"):
        await filters.condition(work, request.filter)
    own = {"source": request.source.id, "filter": request.filter, "with_needed": request.with_needed}
    return Prepared(checked(task_type, await _values(work, request) | own))


@contextmanager
def _below(name: str) -> Iterator[None]:
    try:
        yield
    except HeadboxError as error:
        raise error.at(name) from None


def check_number(add: Sequence[object], remove: Sequence[object]) -> None:
    """Make sure that one request does not name too many units.

    Raises:
        LimitExceeded: It does.
    """
    if len(add) + len(remove) > MAX_UNITS:
        raise LimitExceeded(what="The number of content units to add and remove", limit=MAX_UNITS, path=("add",))


def _check_kind(repository: Repository, kind: type[RepositoryDocument]) -> None:
    if repository.kind != kind.kind:
        raise WrongType(key=repository.name, actual=repository.kind, expected=kind.kind, path=("repository",))


def _check_units(units: dict[str, StoredUnit], ids: Sequence[UUID], kind: type[RepositoryDocument]) -> None:
    """Make sure that there are such units, and that a repository of this kind takes them."""
    kinds: dict[str, type[ContentUnit]] = {unit.kind: unit for unit in kind.content_types}
    errors: list[HeadboxError] = []
    for place, key in enumerate(ids):
        unit = units.get(str(key))
        path = ("add", str(place))
        if unit is None:
            errors.append(NotFound(what="content unit", key=str(key), path=path))
        elif unit.kind not in kinds:
            expected = ", ".join(unit.__name__ for unit in kinds.values())
            errors.append(WrongType(key=str(key), actual=unit.kind, expected=expected, path=path))
    if errors:
        raise ExceptionGroup("content units that cannot be added", errors[:MAX_ERRORS])


async def _check_places(connection: Connection, units: dict[str, StoredUnit], kind: type[RepositoryDocument]) -> None:
    """Make sure that no two units want one place in the version."""
    places: dict[str, str] = {}
    for key, unit in units.items():
        if (other := places.setdefault(unit.slot, key)) != key:
            names = await unit_names(connection, [key, other], kind.content_types)
            hint = "Add one of them: no version has both."
            raise SlotTaken(unit=names[key], other=names[other], path=("add",), hint=hint)


async def unit_names(connection: Connection, ids: Sequence[str], kinds: Iterable[type[ContentUnit]]) -> dict[str, str]:
    """Return what to call content units, for people: their first paths, or their natural keys where they have none.

    Args:
        connection: To the database.
        ids: Which units.
        kinds: What is known of natural keys; a unit of another kind that has no path is called by its id.
    """
    rows = await fetch(
        connection,
        "SELECT content_id, MIN(relative_path) AS path FROM content_artifact"  # noqa: S608
        f" WHERE content_id IN ({', '.join('?' * len(ids))}) GROUP BY content_id",
        list(ids),
    )
    names = {str(row["content_id"]): repr(row["path"]) for row in rows}
    if nameless := [key for key in ids if key not in names]:
        natural_keys = {kind.kind: kind.natural_key for kind in kinds}
        for unit in await Content.filter(id__in=nameless).using_db(connection):
            if natural_key := natural_keys.get(unit.kind):
                names[str(unit.id)] = repr(" ".join(str(unit.document[name]) for name in natural_key))
    return {key: names.get(key, key) for key in ids}


async def _values(work: UnitOfWork, request: AddRequest | CopyRequest) -> dict[str, Any]:
    """Return the parameters that adds and copies share."""
    automation = request.automation or request.repository.automation
    settings = await tasks.automation_settings(work, request.repository, automation)
    base = {"base": request.base.id if request.base else None} if isinstance(request, AddRequest) else {}
    return {
        **request.extra,
        **base,
        "repository": request.repository.id,
        "overwrite": request.overwrite,
        "automation": automation,
        "settings": settings.id if settings else None,
    }
