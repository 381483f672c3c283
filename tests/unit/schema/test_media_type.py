"""Content negotiation."""

from __future__ import annotations

import pytest

from headbox.schema.http import EVENT_STREAM, GRAPHQL_JSON, JSON, Refused, media_type, takes_streams


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*;q=0.1", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON.upper()} ; Q=1", GRAPHQL_JSON),
        (f"{JSON};q=0.2,{GRAPHQL_JSON};q=0.3", GRAPHQL_JSON),
        (f"{JSON};q=0,*/*", GRAPHQL_JSON),
        (EVENT_STREAM, EVENT_STREAM),
        (f"{EVENT_STREAM}, {JSON};q=0.1", JSON),
        (f"text/plain, {EVENT_STREAM};q=0.5", EVENT_STREAM),
    ],
)
def test_what_the_client_wants_most(accept: str | None, expected: str) -> None:
    assert media_type(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", f"{JSON};q=0", f"{JSON};q=rubbish", f"{EVENT_STREAM};q=0", ";", ","])
def test_nothing_that_there_is(accept: str) -> None:
    with pytest.raises(Refused) as refused:
        media_type(accept)

    assert refused.value.status == 406


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("*/*", False),
        (JSON, False),
        (f"{EVENT_STREAM};q=0, {JSON}", False),
        (EVENT_STREAM, True),
        (f"{GRAPHQL_JSON}, {JSON}, {EVENT_STREAM}, multipart/mixed", True),
    ],
)
def test_streams_are_taken_by_those_who_name_them(accept: str | None, expected: bool) -> None:
    assert takes_streams(accept) is expected
