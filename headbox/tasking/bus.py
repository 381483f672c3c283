"""Events between those who change something and those who watch it: state, never history.

An event says what something is like now. A subscriber keeps the latest event of each key and nothing else, so that a
slow one costs no memory, delays nobody, and skips states instead of falling behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

#: A task: the snapshot of its row.
TASK = "task"
#: A running task is asked to end.
CANCEL = "cancel"
#: A repository has a new version or publication, or was changed.
REPOSITORY = "repository"
#: A distribution follows or serves something else, or is gone.
DISTRIBUTION = "distribution"

Payload = dict[str, Any]


class Subscription:
    """What one subscriber has not seen yet: at most one event for each key."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self._loop = asyncio.get_running_loop()
        self._latest: dict[str, Payload] = {}
        self._arrived = asyncio.Event()

    def offer(self, key: str, payload: Payload) -> None:
        """Keep an event; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._keep, key, payload)
        except RuntimeError:  # The subscriber's loop has ended, and with it the subscriber.
            return

    def _keep(self, key: str, payload: Payload) -> None:
        self._latest[key] = payload
        self._arrived.set()

    async def next(self, timeout: float | None = None) -> tuple[str, Payload] | None:
        """Wait for an event and return its key and payload, or None when none came within `timeout` seconds."""
        if not self._latest:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        key = next(iter(self._latest))
        return key, self._latest.pop(key)

    async def __aiter__(self) -> AsyncIterator[tuple[str, Payload]]:
        while True:
            event = await self.next()
            assert event is not None, "without a timeout there is always an event"
            yield event


class EventBus(Protocol):
    """Carries events. It may lose them: whoever needs a state for certain reads it from the database as well."""

    def publish(self, topic: str, key: str, payload: Payload) -> None:
        """Tell every subscriber of the topic; from any thread, without waiting, never failing."""

    def subscribe(self, topic: str, key: str | None = None) -> AbstractContextManager[Subscription]:
        """Listen to one key of a topic, or to all; on the event loop that reads the subscription."""


class MemoryBus:
    """An event bus within one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: defaultdict[tuple[str, str | None], set[Subscription]] = defaultdict(set)

    def publish(self, topic: str, key: str, payload: Payload) -> None:
        """See `EventBus.publish`."""
        with self._lock:
            listeners = [*self._subscriptions.get((topic, key), ()), *self._subscriptions.get((topic, None), ())]
        for subscription in listeners:
            subscription.offer(key, payload)

    @contextmanager
    def subscribe(self, topic: str, key: str | None = None) -> Iterator[Subscription]:
        """See `EventBus.subscribe`."""
        subscription = Subscription(key)
        with self._lock:
            self._subscriptions[topic, key].add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                listeners = self._subscriptions[topic, key]
                listeners.discard(subscription)
                if not listeners:
                    del self._subscriptions[topic, key]
