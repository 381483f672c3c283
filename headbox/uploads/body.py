"""Bodies of requests, as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.types import Receive

from headbox.settings import MEBIBYTE
from headbox.uploads.refusal import Disconnected, Refused

#: What is written at a time: enough that the way to a thread does not count.
BLOCK_BYTES = MEBIBYTE
#: How long bytes that came stay in memory at most, in seconds: they are what a process that is killed loses.
BLOCK_SECONDS = 1.0


class Body:
    """The body of a request.

    Args:
        receive: Where it comes from.
        silence_seconds: How long nothing may come.
    """

    def __init__(self, receive: Receive, silence_seconds: float) -> None:
        self._receive = receive
        self._silence_seconds = silence_seconds
        self._waiting: asyncio.Timeout | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Let no more bytes come: the server ends."""
        self._is_stopped = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield the bytes in large pieces, or after a while in smaller ones, so that none waits for long.

        Raises:
            Disconnected: The client is gone; all that came was yielded before.
            Refused: It is silent, or the server ends; all that came was yielded before.
        """
        pieces: list[bytes] = []
        length, due = 0, time.monotonic() + BLOCK_SECONDS
        error: Disconnected | Refused | None = None
        is_last = False
        while not is_last:
            try:
                piece, is_last = await self._next()
            except (Disconnected, Refused) as failure:
                piece, is_last, error = b"", True, failure
            pieces.append(piece)
            length += len(piece)
            if length and (is_last or length >= BLOCK_BYTES or time.monotonic() >= due):
                yield b"".join(pieces)
                pieces, length, due = [], 0, time.monotonic() + BLOCK_SECONDS
        if error is not None:
            raise error

    async def _next(self) -> tuple[bytes, bool]:
        """Return the next piece, and whether it is the last one."""
        if self._is_stopped:
            raise _stopping()
        try:
            async with asyncio.timeout(self._silence_seconds) as self._waiting:
                message = await self._receive()
        except TimeoutError:
            if self._is_stopped:
                raise _stopping() from None
            raise Refused(408, "No more bytes came. What came is kept.") from None
        finally:
            self._waiting = None
        if message["type"] == "http.disconnect":
            raise Disconnected
        return message.get("body", b""), not message.get("more_body", False)


def _stopping() -> Refused:
    return Refused(503, "headbox is being stopped. What came is kept; go on in a moment.", Retry_After="1")
