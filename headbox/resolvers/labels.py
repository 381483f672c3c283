"""Conditions on labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headbox.models.database import Connection, has_label
from headbox.resolvers.conditions import Condition, every


def labeled(connection: Connection, column: str, wanted: Sequence[dict[str, Any]]) -> Condition:
    """Return the condition that a column of labels has all of these.

    Args:
        connection: Tells the dialect.
        column: The JSON column, with its table.
        wanted: Each with a `key`, and a `value` or None for any value.
    """
    conditions = []
    for label in wanted:
        value = label.get("value")
        parameters = (label["key"],) if value is None else (label["key"], value)
        conditions.append(Condition(has_label(connection, column, value), parameters))
    return every(conditions)
