"""The scalars that GraphQL itself does not have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from headbox.types import MAX_SAFE_INTEGER

BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)


def _read_big_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_SAFE_INTEGER:
        raise ValueError(f"BigInt is a whole number of at most 2^53, not {str(value)[:40]!r}")
    return value


def _read_time(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError("DateTime is a text such as 2026-01-31T12:00:00+00:00")
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError("DateTime needs an offset, such as Z or +02:00")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("DateTime is of the years 1 to 9999 in UTC") from error


def _write_time(value: datetime | str) -> str:
    # Documents hold times as text already.
    return value if isinstance(value, str) else value.astimezone(UTC).isoformat()


SCALARS: Mapping[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number up to 2^53, sent as a JSON number.",
        serialize=int,
        parse_value=_read_big_int,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time as ISO 8601 has it, in UTC and with its offset: `2026-01-31T12:00:00+00:00`.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_write_time,
        parse_value=_read_time,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
