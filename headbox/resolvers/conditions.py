"""Conditions of lists: filters that clients send, as SQL with parameters."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headbox.errors import LimitExceeded

#: How deep the `and`, `or` and `not` of a filter may nest.
MAX_FILTER_DEPTH = 8
#: Most conditions in one filter, those in lists counted one by one; a filter without any counts as one.
MAX_FILTER_CONDITIONS = 500
#: Longest text that is looked for within others: SQLite takes patterns of at most 50,000 bytes.
MAX_CONTAINED = 4_096

#: The fields of filters that hold further filters.
COMBINING = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a WHERE clause, with a `?` for each parameter."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return every([self, other])


#: What both databases make of letters: they leave those beyond ASCII as they are.
_LOWER = {ord(letter): letter.lower() for letter in string.ascii_uppercase}

#: Holds for every row.
ANY = Condition("1 = 1")
#: Holds for none.
NONE = Condition("1 = 0")


def every(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that all of these hold."""
    return _joined(" AND ", [condition for condition in conditions if condition is not ANY], ANY)


def some(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that one of these holds."""
    return _joined(" OR ", list(conditions), NONE)


def negated(condition: Condition) -> Condition:
    """Return the condition that another one does not hold; one that compares with null does not hold."""
    return Condition(f"NOT COALESCE(({condition.sql}), 1 = 0)", condition.parameters)


def is_findable(text: str, longest: int | None = None) -> bool:
    """Tell whether a column can hold a text: no database takes a NUL, or half of a character.

    Args:
        text: What a client looks for.
        longest: Most characters that the column holds, where it has a limit.
    """
    if "\0" in text or (longest is not None and len(text) > longest):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def equals(column: str, text: str) -> Condition:
    """Return the condition that a column has a text."""
    return Condition(f"{column} = ?", (text,)) if is_findable(text) else NONE


def one_of(column: str, values: Iterable[Any]) -> Condition:
    """Return the condition that a column has one of these values."""
    parameters = tuple(value for value in values if not isinstance(value, str) or is_findable(value))
    return Condition(f"{column} IN ({', '.join('?' * len(parameters))})", parameters) if parameters else NONE


def contains(column: str, text: str) -> Condition:
    """Return the condition that a column contains a text, whatever the case of ASCII letters."""
    if not is_findable(text, MAX_CONTAINED):
        return NONE
    return Condition(f"LOWER({column}) LIKE ? ESCAPE '!'", (f"%{_escaped(text.translate(_LOWER))}%",))


def starts_with(column: str, prefix: str) -> Condition:
    """Return the condition that a column starts with a text; an index of the column serves it."""
    if not is_findable(prefix):
        return NONE
    # LIKE would not use the index: it has another collation.
    return Condition(f"{column} >= ? AND {column} < ?", (prefix, f"{prefix}\U0010ffff")) if prefix else ANY


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _joined(operator: str, conditions: list[Condition], empty: Condition) -> Condition:
    if len(conditions) < 2:
        return conditions[0] if conditions else empty
    parameters = tuple(parameter for condition in conditions for parameter in condition.parameters)
    return Condition(operator.join(f"({condition.sql})" for condition in conditions), parameters)


#: Makes the condition of one field of a filter from its value.
Leaf = Callable[[Any], Condition]


def nested(filter: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the filters that stand directly in a filter."""
    inner = (*(filter.get("and") or ()), *(filter.get("or") or ()), filter.get("not"))
    return [part for part in inner if part is not None]


def check_size(filter: Mapping[str, Any]) -> None:
    """Make sure that a filter is not too large to be made a condition.

    Raises:
        LimitExceeded: It nests too deep, or holds too many conditions.
    """
    room = MAX_FILTER_CONDITIONS
    waiting = [(filter, 1)]
    while waiting:
        part, depth = waiting.pop()
        leaves = [value for name, value in part.items() if value is not None and name not in COMBINING]
        room -= max(1, sum(len(value) if isinstance(value, list) else 1 for value in leaves))
        if depth > MAX_FILTER_DEPTH:
            raise LimitExceeded(what="The nesting of the filter", limit=MAX_FILTER_DEPTH)
        if room < 0:
            raise LimitExceeded(what="The number of conditions in the filter", limit=MAX_FILTER_CONDITIONS)
        waiting += [(inner, depth + 1) for inner in nested(part)]


def compiled(filter: Mapping[str, Any] | None, leaves: Mapping[str, Leaf]) -> Condition:
    """Return the condition of a filter: all of its fields hold; `and`, `or` and `not` hold further filters.

    Args:
        filter: Values by field; a field that is None is passed over.
        leaves: How each field but those three becomes a condition.

    Raises:
        LimitExceeded: It nests too deep, or holds too many conditions.
    """
    if filter is None:
        return ANY
    check_size(filter)
    return _condition(filter, leaves)


def _condition(filter: Mapping[str, Any], leaves: Mapping[str, Leaf]) -> Condition:
    return every([_field(name, value, leaves) for name, value in filter.items() if value is not None])


def _field(name: str, value: Any, leaves: Mapping[str, Leaf]) -> Condition:
    if name == "and":
        return every([_condition(part, leaves) for part in value])
    if name == "or":
        return some([_condition(part, leaves) for part in value])
    if name == "not":
        return negated(_condition(value, leaves))
    return leaves[name](value)
