"""Conditions on the fields that kinds of content can be searched by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol

import orjson
from pydantic import TypeAdapter, ValidationError

from headbox.errors import Invalid
from headbox.filters.conditions import ANY, Condition, Range, every, found_by, one_of, some, starts_with
from headbox.kinds import ContentUnit, Registry
from headbox.models.database import Connection, is_sqlite, json_field
from headbox.types import SearchedField

#: Where a filter on a field stands, for errors.
_PATH = ("filter", "field")
#: What can be asked of a field, one of which a filter has.
_QUESTIONS = ("value", "in", "prefix", "at_least", "at_most")
#: A parameter that is JSON.
_JSON = "CAST(? AS JSONB)"


class Asker(Protocol):
    """Whose filter it is: an operation of the API, or the transaction of a task."""

    @property
    def connection(self) -> Connection:
        """Where it is asked."""

    @property
    def registry(self) -> Registry:
        """The kinds that are installed."""


#: A kind of content, and one of its searched fields.
Place = tuple[type[ContentUnit], SearchedField]


def condition(asker: Asker, filter: Mapping[str, Any], kind: str | None, common: frozenset[Range]) -> Condition:
    """Return the condition that a field is as a filter says, in whatever kinds it can be searched.

    Args:
        asker: The operation, or the transaction.
        filter: A `ContentFieldFilter`.
        kind: The only kind that is listed, or None.
        common: Ranges that many units lie in, see `ranges`.

    Raises:
        Invalid: The field cannot be searched, or not like this.
    """
    return some([_of_place(asker.connection, place, filter, common) for place in _places(asker, filter, kind)])


def ranges(asker: Asker, filter: Mapping[str, Any], kind: str | None) -> Iterator[Range]:
    """Yield the ranges that a filter on a field asks for; arguments and errors as for `condition`."""
    for place in _places(asker, filter, kind):
        yield _range(asker.connection, place, filter)


def searchable(unit: type[ContentUnit]) -> frozenset[str]:
    """Return the fields of a kind of content that lists can be filtered by."""
    return frozenset(unit.searched)


def _places(asker: Asker, filter: Mapping[str, Any], kind: str | None) -> list[Place]:
    name = filter["name"]
    if all(filter.get(question) is None for question in _QUESTIONS):
        raise Invalid(field="field", reason=f"it does not say what {name!r} is to be", path=_PATH)
    kinds = [unit for unit in asker.registry.contents if kind in (None, unit.kind)]
    places = [(unit, field) for unit in kinds for field in unit.searched_fields() if field.name == name]
    if not places:
        known = ", ".join(sorted({field for unit in kinds for field in searchable(unit)})) or "none"
        raise Invalid(field="field", reason=f"{name!r} cannot be searched; these can: {known}", path=_PATH)
    is_for_texts = filter.get("prefix") is not None
    is_for_numbers = filter.get("at_least") is not None or filter.get("at_most") is not None
    places = [
        (unit, field)
        for unit, field in places
        if (field.is_text or not is_for_texts) and (field.is_number or not is_for_numbers)
    ]
    if not places:
        what = "a prefix" if is_for_texts else "a range"
        raise Invalid(field="field", reason=f"{name!r} is not searched by {what}", path=_PATH)
    return places


def _range(connection: Connection, place: Place, filter: Mapping[str, Any]) -> Range:
    expression = _expression(connection, place[1])
    return Range("content", _as_asked(connection, place, filter, expression), expression)


def _of_place(connection: Connection, place: Place, filter: Mapping[str, Any], common: frozenset[Range]) -> Condition:
    asked = _range(connection, place, filter)
    if asked not in common:
        return found_by(connection, "content", asked.rows("content.id"))
    # No index serves a CASE, and PostgreSQL takes it to hold for every other row.
    return Condition(f"CASE WHEN {asked.condition.sql} THEN TRUE ELSE FALSE END", asked.condition.parameters)


def _as_asked(connection: Connection, place: Place, filter: Mapping[str, Any], expression: str) -> Condition:
    """Return the condition that a unit is of a kind, and that the expression for a field of it is as a filter says."""
    value, values, prefix, least, most = (filter.get(question) for question in _QUESTIONS)
    return every(
        [
            # The kind as a literal: an index on the units of one kind serves no condition whose kind is told later.
            # Kinds hold letters, digits, dots and underscores alone, the registry sees to that.
            Condition(f"content.kind = '{place[0].kind}'"),
            ANY if value is None else _one_of(connection, place, expression, [value]),
            ANY if values is None else _one_of(connection, place, expression, values),
            ANY if prefix is None else starts_with(expression, prefix),
            ANY if least is None else _compared(connection, expression, ">=", least),
            ANY if most is None else _compared(connection, expression, "<=", most),
        ]
    )


def _one_of(connection: Connection, place: Place, expression: str, values: Sequence[str]) -> Condition:
    stored = [found for found in (_stored(connection, place, value) for value in values) if found is not None]
    if place[1].is_number and not is_sqlite(connection):
        return some([Condition(f"{expression} = {_JSON}", (_json(number),)) for number in stored])
    return one_of(expression, stored)


def _compared(connection: Connection, expression: str, operator: str, number: float) -> Condition:
    if is_sqlite(connection):
        return Condition(f"{expression} {operator} ?", (number,))
    # To PostgreSQL, what is null is less than any number.
    return Condition(f"{expression} {operator} {_JSON} AND {expression} > 'null'", (_json(number),))


def _json(number: float) -> str:
    return orjson.dumps(number).decode()


def _expression(connection: Connection, field: SearchedField) -> str:
    return json_field(connection, "content.document", field.name, is_number=field.is_number)


def _stored(connection: Connection, place: Place, value: str) -> Any:
    """Return what a database has for the text that a client gave, or None where the field cannot be that."""
    unit, field = place
    info = unit.model_fields[field.name]
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[info.annotation, info])  # type: ignore[arg-type]  # a field
    try:
        stored = adapter.dump_python(adapter.validate_python(value), mode="json")
    except ValidationError:
        return None
    if field.is_number or isinstance(stored, str) or is_sqlite(connection):
        return stored
    return _json(stored)
