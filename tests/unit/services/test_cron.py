"""Cron expressions: when they hold, where clocks are changed too, and which are refused."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headbox.errors import Invalid
from headbox.services.cron import check_cron, following

NOW = datetime(2026, 11, 22, 19, 30, 15, 250_000, UTC)


def times(cron: str, zone: str, start: str, number: int) -> list[str]:
    """Return the next times after a start, in UTC."""
    found = []
    time = datetime.fromisoformat(start)
    for _ in range(number):
        following_time = following(cron, zone, time)
        assert following_time is not None
        time = following_time
        found.append(f"{time:%m-%d %H:%M}")
    return found


def test_next_time_is_after_the_given_one() -> None:
    assert following("30 19 * * *", "UTC", NOW) == datetime(2026, 11, 23, 19, 30, tzinfo=UTC)
    assert following("31 19 * * *", "UTC", NOW) == datetime(2026, 11, 22, 19, 31, tzinfo=UTC)
    whole = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
    assert following("30 19 * * *", "UTC", whole) == whole + timedelta(days=1)
    assert following("* * * * *", "UTC", NOW) == datetime(2026, 11, 22, 19, 31, tzinfo=UTC)


def test_expression_is_read_in_its_time_zone() -> None:
    assert times("0 9 * * MON", "America/New_York", "2026-06-01T00:00+00:00", 1) == ["06-01 13:00"]
    assert times("0 9 * * MON", "Asia/Kolkata", "2026-06-01T00:00+00:00", 1) == ["06-01 03:30"]


def test_run_in_the_hour_that_is_left_out_comes_when_that_is_over() -> None:
    # On 2026-03-29 in Berlin, 02:00 to 03:00 does not exist: 03:00 is 01:00 UTC.
    assert times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00+00:00", 3) == [
        "03-28 01:30",
        "03-29 01:00",
        "03-30 00:30",
    ]


def test_run_in_the_hour_that_comes_twice_is_made_once() -> None:
    # On 2026-10-25 in Berlin, 02:30 is at 00:30 UTC and again at 01:30 UTC.
    assert times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00+00:00", 3) == [
        "10-24 00:30",
        "10-25 00:30",
        "10-26 01:30",
    ]


def test_run_of_every_half_hour_goes_by_the_time_that_passes() -> None:
    assert times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00+00:00", 4) == [
        "10-25 00:30",
        "10-25 01:00",
        "10-25 01:30",
        "10-25 02:00",
    ]
    assert times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:30+00:00", 2) == ["03-29 01:00", "03-29 01:30"]


@pytest.mark.parametrize(
    "cron",
    ["0 3 * * *", "*/5 * * * *", "0 0 1,15 * *", "0 12 * * MON-FRI", "0 0 L * *", "0 9 * JAN MON#1", "0 0 29 2 *"],
)
def test_good_expression_is_taken(cron: str) -> None:
    check_cron(cron, "Europe/Berlin", NOW)


@pytest.mark.parametrize(
    ("cron", "zone", "field"),
    [
        ("", "UTC", "cron"),
        ("* * * *", "UTC", "cron"),
        ("* * * * * *", "UTC", "cron"),
        ("60 * * * *", "UTC", "cron"),
        ("@daily", "UTC", "cron"),
        ("*/0 * * * *", "UTC", "cron"),
        ("0 0 31 2 *", "UTC", "cron"),
        (f"{'1,' * 200}1 * * * *", "UTC", "cron"),
        ("0 3 * * *", "Europe/Nowhere", "time_zone"),
        ("0 3 * * *", "../../etc/passwd", "time_zone"),
        ("0 3 * * *", "Europe", "time_zone"),
        ("0 3 * * *", "", "time_zone"),
    ],
)
def test_bad_expression_is_refused(cron: str, zone: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_cron(cron, zone, NOW)

    assert caught.value.path == (field,)


FIELD = st.text(alphabet="0123456789*/,-#LWMONFEB", min_size=1, max_size=8)


@given(st.lists(FIELD, min_size=5, max_size=5))
def test_any_expression_is_taken_or_refused_soon(fields: list[str]) -> None:
    began = time.perf_counter()
    with contextlib.suppress(Invalid):
        check_cron(" ".join(fields), "Europe/Berlin", NOW)

    assert time.perf_counter() - began < 10
