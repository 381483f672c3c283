"""Conditions of lists: filters that clients send, as SQL with parameters."""

from __future__ import annotations

import string
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headbox.errors import LimitExceeded
from headbox.models.database import Connection, fetch, is_sqlite
from headbox.types import is_storable

#: How deep the `and`, `or` and `not` of a filter may nest.
MAX_FILTER_DEPTH = 8
#: Most conditions in one filter, those in lists counted one by one; a filter without any counts as one.
MAX_FILTER_CONDITIONS = 500
#: Most rows of a range that are looked up and sorted for each page.
MAX_SORTED = 20_000
#: Most ranges of one filter: up to `MAX_SORTED` rows of each are counted.
MAX_RANGES = 50
#: Longest text that is looked for within others: SQLite takes patterns of at most 50,000 bytes.
MAX_CONTAINED = 4_096

#: The fields of filters that hold further filters.
COMBINING = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a WHERE clause, with a `?` for each parameter.

    Attributes:
        sql: The condition.
        parameters: Its parameters.
        found_in: The table whose rows it is about, when indexes find the few for which it holds; empty otherwise.
    """

    sql: str
    parameters: tuple[Any, ...] = ()
    found_in: str = ""

    def __and__(self, other: Condition) -> Condition:
        return every([self, other])


@dataclass(frozen=True, slots=True)
class Range:
    """Rows of a table whose values in one indexed column lie side by side.

    Of few, the index finds all, and they are sorted. Where there are many, a page of a list is found sooner by asking
    of each row in the order of the list whether it is one of them.

    Attributes:
        table: The table.
        condition: Which rows.
        order: What the index orders them by. PostgreSQL has no statistics for an index on some of the rows: without an
            order, it would rather go through all of them.
    """

    table: str
    condition: Condition
    order: str

    def rows(self, columns: str) -> Condition:
        """Return the query of so many rows that it is known whether they are few, and of all when they are."""
        return Condition(
            f"SELECT {columns} FROM {self.table} WHERE {self.condition.sql} ORDER BY {self.order}"  # noqa: S608
            f" LIMIT {MAX_SORTED + 1}",
            self.condition.parameters,
        )


#: The highest character, and the gap in the order of characters: halves of some that no text may hold.
_HIGHEST = chr(sys.maxunicode)
_FIRST_SURROGATE, _BEHIND_SURROGATES = 0xD800, 0xE000
#: What both databases make of letters: they leave those beyond ASCII as they are.
_LOWER = {ord(letter): letter.lower() for letter in string.ascii_uppercase}

#: Holds for every row.
ANY = Condition("1 = 1")
#: Holds for none.
NONE = Condition("1 = 0")


def every(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that all of these hold."""
    joined = [condition for condition in conditions if condition is not ANY]
    found_in = next((condition.found_in for condition in joined if condition.found_in), "")
    return replace(_joined(" AND ", joined, ANY), found_in=found_in) if joined else ANY


def some(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that one of these holds."""
    joined = list(conditions)
    table = joined[0].found_in if joined else ""
    if len(joined) < 2 or not table or any(condition.found_in != table for condition in joined):
        return _joined(" OR ", joined, NONE)
    # Databases would go through the whole table, for want of an index that finds both.
    union = " UNION ALL ".join(f"SELECT {table}.id FROM {table} WHERE {condition.sql}" for condition in joined)  # noqa: S608
    parameters = tuple(parameter for condition in joined for parameter in condition.parameters)
    return Condition(f"{table}.id IN ({union})", parameters, table)


def negated(condition: Condition) -> Condition:
    """Return the condition that another one does not hold; one that compares with null does not hold."""
    return Condition(f"NOT COALESCE(({condition.sql}), 1 = 0)", condition.parameters)


def is_findable(text: str, longest: int | None = None) -> bool:
    """Tell whether a column can hold a text: no database takes a NUL, or half of a character.

    Args:
        text: What a client looks for.
        longest: Most characters that the column holds, where it has a limit.
    """
    return (longest is None or len(text) <= longest) and is_storable(text)


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
    if not prefix:
        return ANY
    # LIKE would not use the index: it has another collation.
    behind = _behind(prefix)
    if not behind:
        return Condition(f"{column} >= ?", (prefix,))
    return Condition(f"{column} >= ? AND {column} < ?", (prefix, behind))


def found_by(connection: Connection, table: str, query: Condition) -> Condition:
    """Return the condition that a query, for which there is an index, finds the id of a row.

    Args:
        connection: Tells the dialect.
        table: The table.
        query: A query for ids of its rows; few, for they are all looked up for each page.
    """
    # PostgreSQL would often rather go through the rows in the order of the list: of an array, it knows no better.
    ids = f"IN ({query.sql})" if is_sqlite(connection) else f"= ANY (ARRAY({query.sql}))"
    return Condition(f"{table}.id {ids}", query.parameters, table)


def _behind(prefix: str) -> str:
    """Return the least text behind all that begin with a prefix; empty where there is none."""
    raised = prefix.rstrip(_HIGHEST)
    if not raised:
        return ""
    following = ord(raised[-1]) + 1
    return raised[:-1] + chr(_BEHIND_SURROGATES if following == _FIRST_SURROGATE else following)


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _joined(operator: str, conditions: list[Condition], empty: Condition) -> Condition:
    if len(conditions) < 2:
        return conditions[0] if conditions else empty
    parameters = tuple(parameter for condition in conditions for parameter in condition.parameters)
    return Condition(operator.join(f"({condition.sql})" for condition in conditions), parameters)


#: Makes the condition of one field of a filter from its value.
Leaf = Callable[[Any], Condition]


async def common_ranges(connection: Connection, ranges: Iterable[Range]) -> frozenset[Range]:
    """Return those of some ranges that hold more than `MAX_SORTED` rows.

    Raises:
        LimitExceeded: There are too many ranges to look at.
    """
    asked = set(ranges)
    if len(asked) > MAX_RANGES:
        raise LimitExceeded(what="The number of prefixes and fields in the filter", limit=MAX_RANGES)
    common = set()
    for some_range in asked:
        query = some_range.rows("1")
        rows = await fetch(
            connection,
            f"SELECT COUNT(*) AS found FROM ({query.sql}) AS counted",  # noqa: S608
            query.parameters,
        )
        if rows[0]["found"] > MAX_SORTED:
            common.add(some_range)
    return frozenset(common)


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
        room -= max(1, sum(map(_size, leaves)))
        if depth > MAX_FILTER_DEPTH:
            raise LimitExceeded(what="The nesting of the filter", limit=MAX_FILTER_DEPTH)
        if room < 0:
            raise LimitExceeded(what="The number of conditions in the filter", limit=MAX_FILTER_CONDITIONS)
        waiting += [(inner, depth + 1) for inner in nested(part)]


def _size(value: Any) -> int:
    """Return how many conditions a value of a filter is."""
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        # The lists within it are of plain values.
        return max(1, sum(len(inner) for inner in value.values() if isinstance(inner, list)))
    return 1


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
