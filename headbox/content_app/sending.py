"""Sends a file from wherever its bytes are: whole or in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from headbox.content_app import ranges
from headbox.content_app.arrival import BrokenOff
from headbox.content_app.conditions import allows_range
from headbox.content_app.exchange import Exchange
from headbox.content_app.files import File
from headbox.content_app.problem import Problem
from headbox.content_app.ranges import Multipart, Part

#: Gives the bytes of a file from one offset up to another, in order.
Read = Callable[[int, int], AsyncIterator[bytes]]


async def send(exchange: Exchange, file: File, read: Read) -> None:
    """Answer with what is asked for of a file of which all is known.

    Raises:
        Problem: None of it is in the file; nothing was sent.
        BrokenOff: There are fewer bytes than there should be.
    """
    size = file.found.size
    assert size is not None, "all is known of the file"
    parts = _parts(exchange, file, size)
    if parts is None:
        await exchange.start(200, file.whole)
        await _write(exchange, read, Part(0, size))
    elif not parts:
        message = f"None of the bytes that were asked for are in this file, which has {size}."
        raise Problem(416, "RANGE", message, **{"content-range": f"bytes */{size}"})
    elif len(parts) == 1:
        await _start_part(exchange, file, parts[0], size)
        await _write(exchange, read, parts[0])
    else:
        await _write_multipart(exchange, file, Multipart(parts, size=size, content_type=file.content_type), read)
    await exchange.finish()


def _parts(exchange: Exchange, file: File, size: int) -> list[Part] | None:
    header = exchange.header(b"range")
    if header is None or not allows_range(
        etag=file.etag, modified=file.modified, if_range=exchange.header(b"if-range")
    ):
        return None
    return ranges.parse(header, size)


async def _start_part(exchange: Exchange, file: File, part: Part, size: int) -> None:
    headers = [
        *file.headers,
        (b"content-type", file.content_type.encode()),
        (b"content-range", part.content_range(size).encode()),
        (b"content-length", str(part.size).encode()),
    ]
    await exchange.start(206, headers)


async def _write_multipart(exchange: Exchange, file: File, multipart: Multipart, read: Read) -> None:
    headers = [
        *file.headers,
        (b"content-type", multipart.content_type.encode()),
        (b"content-length", str(multipart.content_length).encode()),
    ]
    await exchange.start(206, headers)
    for part, head in multipart.parts:
        await exchange.write(head)
        await _write(exchange, read, part)
    await exchange.write(multipart.end)


async def _write(exchange: Exchange, read: Read, part: Part) -> None:
    missing = part.size
    async for chunk in read(part.start, part.stop):
        await exchange.write(chunk)
        missing -= len(chunk)
    if missing:
        raise BrokenOff(f"{missing} bytes are missing")
