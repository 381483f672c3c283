"""What several inputs share, and inputs as plain values."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from headbox.errors import Invalid


def plain(value: Any, path: tuple[str, ...] = ()) -> Any:
    """Return an input as a dictionary of what the client sent: a field that it left out is not in it.

    Inputs within are dictionaries too. `and_` becomes `and`: Python reserves some names.

    Args:
        value: The input.
        path: Where it stands in the whole input.

    Raises:
        Invalid: Labels are no object.
    """
    # Labels are JSON to the schema, which does not look into it.
    if path[-1:] == ("labels",) and not isinstance(value, dict | None):
        raise Invalid(field="labels", reason="they are an object of texts by keys", path=path)
    if isinstance(value, list):
        return [plain(item, (*path, str(number))) for number, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {
            name.rstrip("_"): plain(item, (*path, name.rstrip("_")))
            for name, item in given.items()
            if item is not UNSET
        }
    return value


def as_given(value: Any) -> Any:
    """Return an input as JSON, named as the API names it: what a client could send again."""
    if isinstance(value, list):
        return [as_given(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {to_camel_case(name.rstrip("_")): as_given(item) for name, item in given.items() if item is not UNSET}
    return value


def optional(description: str, **options: Any) -> Any:
    """Return an input field that a client may leave out; left out and null are different things."""
    return strawberry.field(default=UNSET, description=description, **options)


@strawberry.input(description="A label: a text by its key.")
class LabelFilter:
    """One label that things must have."""

    key: str = strawberry.field(description="Its key.")
    value: str | None = optional("Its value; any when left out.")


LABELS = "Labels: an object of at most 64 texts, by keys of at most 63 characters; a text has at most 255."
ADDED_BY_USER = (
    "The user of the task that brought it in, which outlives the task; null where nobody was named, or nobody asked."
)
EXPECTED_REVISION = (
    "The revision that the update was made for: where it has another by now, nothing is changed and the payload holds a"
    " RevisionConflict. Any revision will do when left out."
)
IDEMPOTENCY_KEY = (
    "The same key with the same request, of the same user, gives the task that the first request made, for 24 hours"
    " unless the server is set otherwise; at most 255 characters."
)
