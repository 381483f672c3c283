"""Parts of a file.

Source: RFC 9110, section 14.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

#: More parts than any client needs: whoever asks for more gets the whole file.
MAX_RANGES = 64

_SPEC = re.compile(r"(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from `start` up to, and without, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Return the Content-Range of this part of a file of `size` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse(header: str, size: int) -> list[Part] | None:
    """Return the parts of a file that are asked for.

    Args:
        header: The Range header.
        size: Size of the file in bytes.

    Returns:
        The parts in the order they were asked for in, joined and sorted when they overlap; empty when none of them lies
        in the file; None when the header is to be passed over.
    """
    unit, _, specs = header.partition("=")
    if unit.strip().lower() != "bytes" or not specs.strip(" ,\t") or specs.count(",") >= MAX_RANGES:
        return None
    parts: list[Part] = []
    for spec in filter(None, map(str.strip, specs.split(","))):
        match = _SPEC.fullmatch(spec)
        if match is None or spec == "-":
            return None
        first, last = match.groups()
        if first and last and int(last) < int(first):
            return None
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start < stop:
            parts.append(Part(start, stop))
    return _joined(parts)


def _joined(parts: list[Part]) -> list[Part]:
    ordered = sorted(parts, key=lambda part: part.start)
    joined: list[Part] = []
    for part in ordered:
        if joined and part.start < joined[-1].stop:
            joined[-1] = Part(joined[-1].start, max(joined[-1].stop, part.stop))
        else:
            joined.append(part)
    return parts if len(joined) == len(parts) else joined


class Multipart:
    """Several parts as one body.

    Attributes:
        content_type: Of the whole.
        content_length: Of the whole, in bytes.
        parts: Each part, with what goes before its bytes.
        end: What goes behind the last one.
    """

    def __init__(self, parts: Sequence[Part], *, size: int, content_type: str) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self.parts = [
            (
                part,
                f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
                f"Content-Range: {part.content_range(size)}\r\n\r\n".encode("latin-1"),
            )
            for part in parts
        ]
        self.end = f"\r\n--{boundary}--\r\n".encode("latin-1")
        self.content_length = sum(len(head) + part.size for part, head in self.parts) + len(self.end)
