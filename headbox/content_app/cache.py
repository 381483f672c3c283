"""A cache that is bounded by what it holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Keeps what was used last, up to a total weight. For one event loop."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return what is kept under a key, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Key, value: Value, weight: int = 1) -> None:
        """Keep a value, and let go of those that were not used for longest until it fits."""
        self.discard(key)
        self._entries[key] = value, weight
        self._weight += weight
        while self._weight > self._capacity:
            self.discard(next(iter(self._entries)))

    def discard(self, key: Key) -> None:
        """Let go of a key, if it is kept."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry[1]

    def discard_if(self, is_unwanted: Callable[[Value], bool]) -> None:
        """Let go of all values that are not wanted; looks at each of them."""
        for key in [key for key, (value, _) in self._entries.items() if is_unwanted(value)]:
            self.discard(key)

    def clear(self) -> None:
        """Let go of everything."""
        self._entries.clear()
        self._weight = 0
