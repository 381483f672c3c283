"""Conditions of lists: filters that clients send, as SQL with parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headbox.errors import LimitExceeded

#: How deep the `and`, `or` and `not` of a filter may nest.
MAX_FILTER_DEPTH = 8
#: Most conditions in one filter, those in lists counted one by one.
MAX_FILTER_CONDITIONS = 500


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a WHERE clause, with a `?` for each parameter."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return every([self, other])


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


def one_of(column: str, values: Iterable[Any]) -> Condition:
    """Return the condition that a column has one of these values."""
    parameters = tuple(values)
    return Condition(f"{column} IN ({', '.join('?' * len(parameters))})", parameters) if parameters else NONE


def contains(column: str, text: str) -> Condition:
    """Return the condition that a column contains a text, whatever the case of ASCII letters."""
    return Condition(f"LOWER({column}) LIKE ? ESCAPE '!'", (f"%{_escaped(text.lower())}%",))


def starts_with(column: str, prefix: str) -> Condition:
    """Return the condition that a column starts with a text; an index of the column serves it."""
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
    return _Compiler(leaves).condition(filter, depth=1)


class _Compiler:
    def __init__(self, leaves: Mapping[str, Leaf]) -> None:
        self._leaves = leaves
        self._room = MAX_FILTER_CONDITIONS

    def condition(self, filter: Mapping[str, Any], depth: int) -> Condition:
        if depth > MAX_FILTER_DEPTH:
            raise LimitExceeded(what="The nesting of the filter", limit=MAX_FILTER_DEPTH)
        return every([self._field(name, value, depth) for name, value in filter.items() if value is not None])

    def _field(self, name: str, value: Any, depth: int) -> Condition:
        if name == "and":
            return every([self.condition(part, depth + 1) for part in value])
        if name == "or":
            return some([self.condition(part, depth + 1) for part in value])
        if name == "not":
            return negated(self.condition(value, depth + 1))
        self._room -= len(value) if isinstance(value, list) else 1
        if self._room < 0:
            raise LimitExceeded(what="The number of conditions in the filter", limit=MAX_FILTER_CONDITIONS)
        return self._leaves[name](value)
