"""Figures of the whole installation, looked up once for all who ask within a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from headbox.models.database import Connection

#: For how many times the time that it took to look others are told the same: looking takes a tenth of the time at most.
KEPT_TIMES = 10
#: And for how long at the most, in seconds.
KEPT_SECONDS = 1.0

T = TypeVar("T")


class SharedLook(Generic[T]):
    """Looks at something once for all who ask within a moment.

    To count tens of thousands of rows takes the database a tenth of a second. So whoever asks soon after is told the
    same: where there are few, for some milliseconds.
    """

    def __init__(self, look: Callable[[Connection], Awaitable[T]], *, kept_seconds: float = KEPT_SECONDS) -> None:
        """Set up for a way to look.

        Args:
            look: Looks, on a connection outside of a transaction; its answer is shared, and not to be changed.
            kept_seconds: For how long an answer is given again, at the most.
        """
        self._look = look
        self._kept_seconds = kept_seconds
        self._seen: T | None = None
        self._kept_until = 0.0
        self._looking = asyncio.Lock()

    async def ask(self, connection: Connection) -> T:
        """Return how it is now, or was a moment ago.

        Args:
            connection: Outside of a transaction.
        """
        async with self._looking:
            if self._seen is None or time.monotonic() >= self._kept_until:
                started = time.monotonic()
                self._seen = await self._look(connection)
                ended = time.monotonic()
                self._kept_until = ended + min(KEPT_TIMES * (ended - started), self._kept_seconds)
            return self._seen
