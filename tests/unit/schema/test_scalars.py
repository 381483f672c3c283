"""Scalars of the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from headbox.schema.scalars import JSON, SCALARS, BigInt

BIG_INT, TIME = SCALARS[BigInt], SCALARS[datetime]


@pytest.mark.parametrize("value", [0, -1, 2**53, -(2**53)])
def test_whole_numbers_up_to_2_53(value: int) -> None:
    assert BIG_INT.parse_value is not None
    assert BIG_INT.parse_value(value) == value


@pytest.mark.parametrize("value", [2**53 + 1, 1.5, "1", True, None])
def test_other_numbers_are_refused(value: Any) -> None:
    assert BIG_INT.parse_value is not None
    with pytest.raises(ValueError, match="BigInt"):
        BIG_INT.parse_value(value)


def test_times_are_told_in_utc_with_offset() -> None:
    assert TIME.serialize is not None
    there = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))

    assert TIME.serialize(there) == "2026-01-31T10:00:00+00:00"
    assert TIME.serialize("2026-01-31T10:00:00+00:00") == "2026-01-31T10:00:00+00:00"


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00+00:00"])
def test_times_are_read_with_any_offset(text: str) -> None:
    assert TIME.parse_value is not None
    assert TIME.parse_value(text) == datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00",
        "yesterday",
        "",
        5,
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_other_times_are_refused(value: Any) -> None:
    assert TIME.parse_value is not None
    with pytest.raises((TypeError, ValueError)):
        TIME.parse_value(value)


def test_json_is_left_as_it_is() -> None:
    serialize = SCALARS[JSON].serialize
    assert serialize is not None
    assert serialize({"a": [1, None]}) == {"a": [1, None]}
