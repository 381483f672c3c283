"""Users: the name that a proxy wrote into a header, or why it can be none."""

from __future__ import annotations

import asyncio
import re

import pytest

from headbox.errors import Invalid
from headbox.tasking.user import MAX_LENGTH, acting_for, current, named

HEADER = "X-Forwarded-User"


@pytest.mark.parametrize(
    ("values", "user"),
    [
        ([], None),
        ([b""], None),
        ([b" \t "], None),
        ([b"alice"], "alice"),
        ([b"  alice "], "alice"),
        ([b"alice%20b@example.com"], "alice%20b@example.com"),
        ([b"CN=Alice Doe,O=Example"], "CN=Alice Doe,O=Example"),
        (["Zoë 王".encode()], "Zoë 王"),
        (["ë".encode() * MAX_LENGTH], "ë" * MAX_LENGTH),
    ],
)
def test_name_is_taken_as_it_is(values: list[bytes], user: str | None) -> None:
    assert named(HEADER, values) == user


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([b"alice", b"mallory"], "more than once"),
        ([b"", b"alice"], "more than once"),
        ([b"Zo\xeb"], "not UTF-8"),
        ([b"a" * (MAX_LENGTH + 1)], "longer than 255 characters"),
        ([b"alice\0"], "control characters"),
        ([b"alice\x1b[31m"], "control characters"),
        ([b"alice\nadmin"], "control characters"),
        (["alice\u202eecila".encode()], "cannot be seen"),
        (["alice\u200b".encode()], "cannot be seen"),
    ],
)
def test_what_can_be_no_name_is_refused(values: list[bytes], reason: str) -> None:
    with pytest.raises(Invalid, match=rf"^{re.escape(HEADER)} is not valid: .*{reason}"):
        named(HEADER, values)


async def test_each_request_has_its_own() -> None:
    async def seen(user: str | None) -> str | None:
        with acting_for(user):
            await asyncio.sleep(0)
            return current()

    assert list(await asyncio.gather(seen("alice"), seen(None), seen("bob"))) == ["alice", None, "bob"]
    assert current() is None
