"""The pieces in which bodies are read, checked and written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

#: Most bytes in one chunk of a body: larger ones are no faster, smaller ones cost more hand-overs to threads.
CHUNK_BYTES = 1024 * 1024
#: Longest chunk that is worked on in place: at about 30 us it costs the event loop less than the way to a thread.
INLINE_BYTES = 64 * 1024

Result = TypeVar("Result")


async def with_chunk(work: Callable[[bytes], Result], chunk: bytes) -> Result:
    """Do some work on a chunk of bytes without holding up the event loop for long."""
    if len(chunk) <= INLINE_BYTES:
        return work(chunk)
    return await asyncio.to_thread(work, chunk)
