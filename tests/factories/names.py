"""Names that nobody else has."""

from __future__ import annotations

from itertools import count

_numbers = count(1)


def unused_name(noun: str) -> str:
    """Return the noun with a number of its own."""
    return f"{noun}-{next(_numbers)}"
