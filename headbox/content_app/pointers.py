"""What distributions serve now, remembered for a moment."""

from __future__ import annotations

import time

from headbox.content_app.cache import LruCache
from headbox.models.database import Database
from headbox.services import serving
from headbox.services.serving import Pointer

#: How old an answer may be when the bus has lost the event that ended it, in seconds.
MAX_AGE_SECONDS = 2.0
#: Most distributions, and most paths without one, that are remembered.
_CAPACITY = 10_000


class Pointers:
    """Finds the distribution of a path, without a query while the last answer is good."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: LruCache[str, tuple[Pointer, float]] = LruCache(_CAPACITY)
        self._absent: LruCache[str, float] = LruCache(_CAPACITY)
        self._generation = 0

    async def find(self, path: str) -> Pointer | None:
        """Return the distribution that a path lies in, or None.

        Args:
            path: A relative path without a trailing slash.
        """
        now = time.monotonic()
        for prefix in serving.prefixes(path):
            known = self._known.get(prefix)
            if known is not None and known[1] > now:
                return known[0]
        if (self._absent.get(path) or 0.0) > now:
            return None
        generation = self._generation
        pointer = await serving.pointer_for(self._database.connection, path)
        # What was read while an event came in may be what the event made old.
        if generation == self._generation:
            if pointer is None:
                self._absent.put(path, now + MAX_AGE_SECONDS)
            else:
                self._known.put(pointer.base_path, (pointer, now + MAX_AGE_SECONDS))
        return pointer

    def forget(self) -> None:
        """Ask the database again for every distribution: one of them was changed."""
        self._generation += 1
        self._known.clear()
        self._absent.clear()
