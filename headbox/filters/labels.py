"""Conditions on what most things have: a name, and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headbox.filters.conditions import NONE, Condition, Leaf, contains, every, is_findable, starts_with
from headbox.models.database import Connection, has_label


def named(connection: Connection, table: str) -> Mapping[str, Leaf]:
    """Return how the fields that the filters of all named things have become conditions, for `compiled`.

    Args:
        connection: Tells the dialect.
        table: Where the things are: with columns `name` and `labels`.
    """
    return {
        "name": lambda text: contains(f"{table}.name", text),
        "name_prefix": lambda prefix: starts_with(f"{table}.name", prefix),
        "label": lambda labels: labeled(connection, f"{table}.labels", labels),
    }


def labeled(connection: Connection, column: str, wanted: Sequence[dict[str, Any]]) -> Condition:
    """Return the condition that a column of labels has all of these.

    Args:
        connection: Tells the dialect.
        column: The JSON column, with its table.
        wanted: Each with a `key`, and a `value` or None for any value.
    """
    return every([_has(connection, column, label["key"], label.get("value")) for label in wanted])


def _has(connection: Connection, column: str, key: str, value: str | None) -> Condition:
    parameters = (key,) if value is None else (key, value)
    if not all(map(is_findable, parameters)):
        return NONE
    return Condition(has_label(connection, column, value), parameters)
