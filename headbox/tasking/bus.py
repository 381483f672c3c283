"""Events between those who change something and those who watch it: state, never history.

An event says what something is like now. A subscriber keeps the latest event of each key and nothing else, so that a
slow one costs no memory, delays nobody, and skips states instead of falling behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol

#: A task: the snapshot of its row.
TASK = "task"
#: A running task has written lines to its log, or will write no more in this attempt.
TASK_LOG = "task_log"
#: A running task is asked to end.
CANCEL = "cancel"
#: A repository has a new version or publication, or was changed.
REPOSITORY = "repository"
#: A distribution follows or serves something else, or is gone.
DISTRIBUTION = "distribution"
#: A webhook has something to send that no task and no repository tells of.
WEBHOOK = "webhook"
#: Stored bytes were found to be wrong, or were taken away: whoever remembers that they are stored forgets it.
ARTIFACT = "artifact"

#: What JSON has: text, numbers, truths, null, lists and objects. It may be sent to another process.
Payload = dict[str, Any]
#: The key of an event, and what that is like now.
Event = tuple[str, Payload]
#: What a subscription listens to: a topic, and one key of it or None for all.
Interest = tuple[str, str | None]


class Subscription:
    """What one subscriber has not seen yet: at most one event for each key."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._latest: dict[str, Payload] = {}
        self._has_lost = False
        self._arrived = asyncio.Event()

    def offer(self, key: str, payload: Payload) -> None:
        """Keep an event; from any thread."""
        self._call(self._keep, key, payload)

    def lose(self) -> None:
        """Let the subscriber know that events may have been lost; from any thread."""
        self._call(self._lose)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        # A loop that has ended raises: with it, the subscriber has ended.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def _keep(self, key: str, payload: Payload) -> None:
        self._latest[key] = payload
        self._arrived.set()

    def _lose(self) -> None:
        self._has_lost = True
        self._arrived.set()

    async def next(self, timeout: float | None = None) -> Event | None:
        """Wait for an event and return it.

        Returns:
            The event; or None, after which the subscriber is to look for itself what is new: none came within `timeout`
            seconds, or some may have been lost.
        """
        if not self._latest and not self._has_lost:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        if self._has_lost:
            self._has_lost = False
            return None
        key = next(iter(self._latest))
        return key, self._latest.pop(key)

    async def __aiter__(self) -> AsyncIterator[Event | None]:
        while True:
            yield await self.next()


class EventBus(Protocol):
    """Carries events. It may lose them: whoever needs a state for certain reads it from the database as well.

    A subscriber that reads the database once it has subscribed, and again whenever its subscription gives None, misses
    nothing that the bus knows to have lost.

    Attributes:
        name: What carries the events, for people.
    """

    name: str

    def problem(self) -> str | None:
        """Return what keeps events from being carried now, or None when nothing does; from any thread."""

    def publish(self, topic: str, key: str, payload: Payload) -> None:
        """Tell every subscriber of the topic; from any thread, without waiting, never failing."""

    def subscribe(self, topic: str, key: str | None = None) -> AbstractContextManager[Subscription]:
        """Listen to one key of a topic, or to all; on the event loop that reads the subscription."""


class Listeners:
    """The subscriptions of this process, by what they listen to; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: dict[Interest, set[Subscription]] = {}

    def add(self, interest: Interest, subscription: Subscription) -> None:
        """Let a subscription listen."""
        with self._lock:
            self._subscriptions.setdefault(interest, set()).add(subscription)

    def remove(self, interest: Interest, subscription: Subscription) -> None:
        """Let a subscription listen no longer."""
        with self._lock:
            listening = self._subscriptions[interest]
            listening.discard(subscription)
            if not listening:
                del self._subscriptions[interest]

    def interests(self) -> set[Interest]:
        """Return what is listened to."""
        with self._lock:
            return set(self._subscriptions)

    def of(self, interest: Interest) -> list[Subscription]:
        """Return who listens to exactly this."""
        with self._lock:
            return list(self._subscriptions.get(interest, ()))


class MemoryBus:
    """An event bus within one process. It loses nothing."""

    name = "events, within this process"

    def __init__(self) -> None:
        self._listeners = Listeners()

    def problem(self) -> str | None:
        """See `EventBus.problem`: what is within this process always hears."""
        return None

    def publish(self, topic: str, key: str, payload: Payload) -> None:
        """See `EventBus.publish`."""
        for interest in ((topic, key), (topic, None)):
            for subscription in self._listeners.of(interest):
                subscription.offer(key, payload)

    @contextmanager
    def subscribe(self, topic: str, key: str | None = None) -> Iterator[Subscription]:
        """See `EventBus.subscribe`."""
        subscription = Subscription()
        self._listeners.add((topic, key), subscription)
        try:
            yield subscription
        finally:
            self._listeners.remove((topic, key), subscription)
