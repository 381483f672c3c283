"""Jobs beside whoever starts them: when one fails all end, but what is open is closed in peace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

#: How long whoever starts jobs may go on when one has failed, in seconds: time to close what it has open.
GRACE_SECONDS = 10.0


class Jobs:
    """Jobs that run side by side, a few at a time.

    As with `asyncio.TaskGroup`, the first job that fails ends the others. Whoever starts them is asked to end, and
    canceled only when that takes long: it may be within a `finally` that a cancel would cut off.

    Args:
        limit: Most jobs at a time.
        ask_to_end: Called when a job has failed.
    """

    def __init__(self, limit: int, ask_to_end: Callable[[], None]) -> None:
        self._free = asyncio.Semaphore(limit)
        self._ask_to_end = ask_to_end
        self._running: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._starter: asyncio.Task[object] | None = None
        self._grace = asyncio.timeout(None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let jobs be started in the block, and wait for their end; all of them have ended with it.

        Raises:
            Exception: What the first of them failed with; it goes before whatever the block raises.
        """
        try:
            async with self._grace:
                self._starter = asyncio.current_task()
                yield
                self._starter = None
            while self._running and self._failure is None:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:
            if self._failure is None:
                raise
            raise self._failure from error
        finally:
            self._starter = None
            await self._end()
        if self._failure is not None:
            raise self._failure

    async def start(self, job: Callable[[], Coroutine[None, None, None]]) -> None:
        """Start a job as soon as there is room for it; none is started once one has failed."""
        await self._free.acquire()
        if self._failure is not None:
            return
        running = asyncio.create_task(job())
        self._running.add(running)
        running.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        self._running.discard(job)
        self._free.release()
        error = None if job.cancelled() else job.exception()
        if error is None or self._failure is not None:
            return
        self._failure = error
        for other in self._running:
            other.cancel()
        self._ask_to_end()
        # Whoever is canceled already ends by itself.
        if self._starter is not None and not self._starter.cancelling():
            self._grace.reschedule(asyncio.get_running_loop().time() + GRACE_SECONDS)

    async def _end(self) -> None:
        for job in self._running:
            job.cancel()
        if self._running:
            await asyncio.wait(self._running)
