"""The correlation id: one name for everything that one request sets off, in every log line, message and error."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("headbox_correlation_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def current() -> str:
    """Return the correlation id of what is running; empty outside of requests and tasks."""
    return _current.get()


def accepted(value: str | None) -> str:
    """Return the id that a client sent when it is a plain word of at most 64 characters, or else a new one."""
    return value if value and _ACCEPTED.fullmatch(value) else secrets.token_hex(8)


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Let everything in the block belong to this id."""
    token = _current.set(correlation_id)
    try:
        yield
    finally:
        _current.reset(token)
