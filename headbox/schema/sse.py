"""Results as server-sent events.

Source: GraphQL over Server-Sent Events, "distinct connections mode".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from starlette.responses import StreamingResponse

from headbox.schema.results import Result

#: Silence after which a comment tells proxies that the stream lives, in seconds.
HEARTBEAT_SECONDS = 15.0
HEADERS = {
    "Cache-Control": "no-store",
    # nginx would hold back what is small.
    "X-Accel-Buffering": "no",
}


def stream(results: AsyncGenerator[Result, None], closing: asyncio.Event) -> StreamingResponse:
    """Return an answer that tells each result as it comes.

    Args:
        results: The results of an operation.
        closing: Set when the server is to end; the stream then ends without a word, so that clients connect again.
    """
    return StreamingResponse(_events(results, closing), media_type="text/event-stream", headers=HEADERS)


async def _events(results: AsyncGenerator[Result, None], closing: asyncio.Event) -> AsyncIterator[bytes]:
    closed = asyncio.ensure_future(closing.wait())
    following = asyncio.ensure_future(_next(results))
    try:
        while True:
            done, _ = await asyncio.wait(
                {closed, following}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if closed in done:
                return
            if not done:
                yield b": heartbeat\n\n"
                continue
            result = following.result()
            if result is None:
                yield b"event: complete\ndata:\n\n"
                return
            yield b"event: next\ndata: %b\n\n" % result.payload
            following = asyncio.ensure_future(_next(results))
    finally:
        closed.cancel()
        following.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await following
        await results.aclose()


async def _next(results: AsyncGenerator[Result, None]) -> Result | None:
    return await anext(results, None)
