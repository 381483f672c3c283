"""The user who asks: one name for whoever the proxy in front let in, beside the correlation id of a request.

headbox has no accounts. It believes the header that it is set to read, and grants nothing by it: the name is noted with
what was asked for, so that one can see later who did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from headbox.errors import Invalid

#: Longest name, in characters.
MAX_LENGTH = 255

_current: ContextVar[str | None] = ContextVar("headbox_user", default=None)


def current() -> str | None:
    """Return the user for whom this runs; None where nobody asked, or nobody said who."""
    return _current.get()


def named(header: str, values: Sequence[bytes]) -> str | None:
    """Return the user that a request names.

    Args:
        header: Name of the header, for the error.
        values: What the request has in it: no value, one, or, where a client and a proxy both wrote one, several.

    Returns:
        The name without white space around it; None where there is none.

    Raises:
        Invalid: The header is there more than once, is not UTF-8, is too long, or holds what cannot be seen.
    """
    if len(values) > 1:
        # The proxy has added its own to that of the client, and nobody can tell which one is true.
        raise Invalid(field=header, reason="it is there more than once; the proxy in front must replace it")
    try:
        name = b"".join(values).decode().strip()
    except UnicodeDecodeError:
        raise Invalid(field=header, reason="it is not UTF-8") from None
    if len(name) > MAX_LENGTH:
        raise Invalid(field=header, reason=f"it is longer than {MAX_LENGTH} characters")
    if not name.isprintable():
        raise Invalid(field=header, reason="it holds control characters, or others that cannot be seen")
    return name or None


@contextmanager
def acting_for(user: str | None) -> Iterator[None]:
    """Let everything in the block be asked for by this user; None for nobody."""
    token = _current.set(user)
    try:
        yield
    finally:
        _current.reset(token)
