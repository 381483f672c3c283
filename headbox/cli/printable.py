"""Words of strangers on a terminal: names and messages from upstreams must not move the cursor or change colours."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text with a replacement character for each control character but tab and line feed."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
