from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headbox.content_app import ranges
from headbox.content_app.ranges import Multipart, Part


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("bytes=0-9", [(0, 10)]),
        ("BYTES = 0-9", [(0, 10)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=-10", [(90, 100)]),
        ("bytes=-1000", [(0, 100)]),
        ("bytes=0-0,99-99", [(0, 1), (99, 100)]),
        ("bytes=99-99,0-0", [(99, 100), (0, 1)]),
        ("bytes=, 0-0 ,, 5-5 ,", [(0, 1), (5, 6)]),
        ("bytes=50-59,0-9,55-70", [(0, 10), (50, 71)]),
        ("bytes=0-9,1000-", [(0, 10)]),
        ("bytes=100-", []),
        ("bytes=-0", []),
    ],
)
def test_parts_are_those_asked_for(header: str, parts: list[tuple[int, int]]) -> None:
    assert ranges.parse(header, 100) == [Part(*part) for part in parts]


@pytest.mark.parametrize(
    "header", ["", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=9-0", "bytes=0-9,x", "bytes=+1-2", "items=0-1"]
)
def test_header_that_makes_no_sense_is_passed_over(header: str) -> None:
    assert ranges.parse(header, 100) is None


def test_more_parts_than_anyone_needs_are_passed_over() -> None:
    header = "bytes=" + ",".join(f"{2 * number}-{2 * number}" for number in range(ranges.MAX_RANGES))

    parts = ranges.parse(header, 1000)

    assert parts is not None
    assert len(parts) == ranges.MAX_RANGES
    assert ranges.parse(f"{header},999-999", 1000) is None


def test_empty_file_has_no_parts() -> None:
    assert ranges.parse("bytes=0-", 0) == []


@given(
    asked=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)).map(sorted), min_size=1, max_size=10),
    size=st.integers(0, 100),
)
def test_parts_hold_every_byte_asked_for_once(asked: list[list[int]], size: int) -> None:
    parts = ranges.parse("bytes=" + ",".join(f"{first}-{last}" for first, last in asked), size)

    assert parts is not None
    given_bytes = [offset for part in parts for offset in range(part.start, part.stop)]
    assert sorted(given_bytes) == sorted(
        {offset for first, last in asked for offset in range(first, last + 1) if offset < size}
    )


def test_multipart_is_as_long_as_it_says() -> None:
    body = bytes(range(100))

    multipart = Multipart([Part(0, 1), Part(10, 100)], size=100, content_type="text/plain")

    sent = b"".join(head + body[part.start : part.stop] for part, head in multipart.parts) + multipart.end
    assert len(sent) == multipart.content_length
