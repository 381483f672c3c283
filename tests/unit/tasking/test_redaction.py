"""What is taken out of what is logged."""

from __future__ import annotations

import pytest

from headbox.tasking.redaction import masked


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("url", "https://user:hunter2@example.org/x", "https://***@example.org/x"),
        ("message", "GET https://a:b@c and http://d@e", "GET https://***@c and http://***@e"),
        ("api_token", "hunter2", "***"),
        ("headers", {"Authorization": "hunter2", "Accept": "x"}, {"Authorization": "***", "Accept": "x"}),
        ("urls", ["http://a:b@c"], ["http://***@c"]),
        ("number", 7, 7),
        ("mail", "someone@example.org", "someone@example.org"),
    ],
)
def test_credentials_are_masked(name: str, value: object, shown: object) -> None:
    assert masked(name, value) == shown
