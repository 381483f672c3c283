"""The event bus between processes: publish and subscribe of Redis.

| Channel | Message | Subscribed to |
| --- | --- | --- |
| `<namespace>:<database>:<topic>:<key>` | The payload as JSON. | While somebody here listens to the key. |
| `<namespace>:<database>:<topic>:*` | The same, as a pattern. | While somebody here listens to the whole topic. |

Redis keeps nothing of it: who is not subscribed at that moment hears nothing. Therefore every subscription is told that
it may have missed something whenever its channel begins to be heard, at first and again after each broken connection.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from headbox.settings import RedisSettings
from headbox.tasking.bus import Interest, Listeners, Payload, Subscription
from headbox.tasking.redis_metrics import REDIS_UP

#: Most events that wait to be sent, each of another key; the oldest is dropped for one more.
MAX_WAITING = 10_000
#: Most events that are sent at once.
BATCH = 500
#: Silence after which Redis is asked whether it is there; after as much again, the connection is broken. In seconds.
SILENCE_SECONDS = 5.0
#: How long a connection and a command may take, in seconds.
TIMEOUT_SECONDS = 5.0
#: Wait before the first new connection, in seconds; then it doubles, up to the longest.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 2.0
#: How long what waits may take to be sent when the bus ends, in seconds.
FLUSH_SECONDS = 1.0

#: What a broken connection raises; the last of it, uvloop, of one that was closed meanwhile.
_BROKEN = (RedisError, OSError, RuntimeError)
#: Whether events are heard.
_UP = REDIS_UP.labels("events")

log = logging.getLogger(__name__)


class RedisBus:
    """An event bus between all processes that share a Redis and a namespace. Carries events while it is `running`."""

    name = "events over redis"

    # No loop here relies on being canceled alone: before Python 3.12, what has a timeout may take a cancellation for
    # it.
    # Source: https://github.com/python/cpython/issues/86296.

    def __init__(self, settings: RedisSettings) -> None:
        assert settings.url is not None, "the bus needs the URL of a Redis"
        # Without retries of the client's own: whoever is told of a failure here connects anew and says so.
        self._client = Redis.from_url(
            settings.url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        # Channels know nothing of Redis' numbered databases.
        database = self._client.connection_pool.connection_kwargs.get("db", 0)
        self._prefix = f"{settings.namespace}:{database}:"
        self._listeners = Listeners()
        self._outbox = _Outbox()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_posted = asyncio.Event()
        self._has_changed = asyncio.Event()
        self._is_connected = False
        self._is_away = False

    @property
    def is_connected(self) -> bool:
        """Whether events of other processes are heard now."""
        return self._is_connected

    def problem(self) -> str | None:
        """See `EventBus.problem`."""
        return "Redis does not answer: events wait, or are lost" if self._is_away else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Carry events for as long as the block lasts, on its event loop."""
        self._loop = asyncio.get_running_loop()
        jobs = [asyncio.create_task(self._persist(job)) for job in (self._receive, self._send)]
        try:
            yield self
        finally:
            self._loop = None
            with suppress(*_BROKEN):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._flush()
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            await self._client.aclose()

    def publish(self, topic: str, key: str, payload: Payload) -> None:
        """See `EventBus.publish`."""
        self._outbox.put((topic, key), payload)
        self._signal(self._has_posted)

    @contextmanager
    def subscribe(self, topic: str, key: str | None = None) -> Iterator[Subscription]:
        """See `EventBus.subscribe`."""
        subscription = Subscription()
        interest = topic, key
        self._listeners.add(interest, subscription)
        self._signal(self._has_changed)
        try:
            yield subscription
        finally:
            self._listeners.remove(interest, subscription)
            self._signal(self._has_changed)

    def _signal(self, event: asyncio.Event) -> None:
        loop = self._loop
        # None, or ended: there is nobody to carry anything.
        if loop is not None and not event.is_set():
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    async def _persist(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do a job that ends with its connection again and again."""
        clock = asyncio.get_running_loop().time
        wait = FIRST_WAIT_SECONDS
        while self._loop is not None:
            began = clock()
            try:
                await job()
            except Exception as error:
                if not _is_broken(error):
                    log.exception("the event bus failed, and begins anew")
                elif not self._is_away:
                    self._is_away = True
                    _UP.set(0)
                    log.warning("Redis is away: events wait, or are lost", extra={"error": str(error)})
            if clock() - began > LONGEST_WAIT_SECONDS:
                wait = FIRST_WAIT_SECONDS
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    async def _send(self) -> None:
        self._has_posted.set()
        while self._loop is not None:
            await self._has_posted.wait()
            self._has_posted.clear()
            await self._flush()

    async def _flush(self) -> None:
        while batch := self._outbox.take(BATCH):
            try:
                async with self._client.pipeline(transaction=False) as pipeline:
                    for (topic, key), payload in batch.items():
                        pipeline.publish(f"{self._prefix}{topic}:{key}", orjson.dumps(payload))
                    await pipeline.execute()
            except Exception as error:
                if _is_broken(error):
                    self._outbox.put_back(batch)
                raise

    async def _receive(self) -> None:
        """Hear what is listened to, over one connection, until it breaks."""
        async with self._client.pubsub() as channels:
            await channels.connect()
            self._is_connected = True
            _UP.set(1)
            if self._is_away:
                self._is_away = False
                log.info("Redis answers again")
            following = asyncio.create_task(self._follow(channels))
            try:
                await self._read(channels, following)
            finally:
                self._is_connected = False
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def _follow(self, channels: PubSub) -> None:
        """Subscribe to what is listened to, and to nothing else."""
        heard: set[Interest] = set()
        self._has_changed.set()
        while self._is_connected:
            await self._has_changed.wait()
            self._has_changed.clear()
            wanted = self._listeners.interests()
            await self._ask(channels.subscribe, channels.psubscribe, wanted - heard)
            await self._ask(channels.unsubscribe, channels.punsubscribe, heard - wanted)
            heard = wanted

    async def _ask(
        self, one: Callable[..., Awaitable[Any]], many: Callable[..., Awaitable[Any]], interests: set[Interest]
    ) -> None:
        if keys := [f"{self._prefix}{topic}:{key}" for topic, key in interests if key is not None]:
            await one(*keys)
        if patterns := [f"{self._prefix}{topic}:*" for topic, key in interests if key is None]:
            await many(*patterns)

    async def _read(self, channels: PubSub, following: asyncio.Task[None]) -> None:
        is_silent = False
        while self._loop is not None and not following.done():
            message = await channels.get_message(timeout=SILENCE_SECONDS)
            if message is not None:
                is_silent = False
                self._hear(message)
            elif is_silent:
                raise RedisConnectionError("Redis does not answer")
            else:
                is_silent = True
                await channels.ping()
        if following.done():
            following.result()

    def _hear(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind not in {"message", "pmessage", "subscribe", "psubscribe"}:
            return
        topic, _, key = message["channel"].decode().removeprefix(self._prefix).partition(":")
        is_whole_topic = kind in {"pmessage", "psubscribe"}
        listening = self._listeners.of((topic, None if is_whole_topic else key))
        if kind.endswith("subscribe"):
            for subscription in listening:
                subscription.lose()
        elif listening:
            payload = orjson.loads(message["data"])
            for subscription in listening:
                subscription.offer(key, payload)


def _is_broken(error: Exception) -> bool:
    """Tell whether an error comes from a connection that is no more."""
    # The client lets go of what it writes to when one coroutine meets the end of the connection; another one, amid a
    # command, then writes to None.
    return isinstance(error, _BROKEN) or (isinstance(error, AttributeError) and error.obj is None)


class _Outbox:
    """The latest event of each key that is not sent yet, the oldest first; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[tuple[str, str], Payload] = OrderedDict()

    def put(self, about: tuple[str, str], payload: Payload) -> None:
        """Keep an event, in the place of an earlier one about the same."""
        with self._lock:
            self._waiting[about] = payload
            self._shrink()

    def take(self, number: int) -> dict[tuple[str, str], Payload]:
        """Give away the oldest events."""
        with self._lock:
            return dict(self._waiting.popitem(last=False) for _ in range(min(number, len(self._waiting))))

    def put_back(self, events: dict[tuple[str, str], Payload]) -> None:
        """Keep events that were taken and not sent, unless there are later ones about the same."""
        with self._lock:
            self._waiting = OrderedDict({**events, **self._waiting})
            self._shrink()

    def _shrink(self) -> None:
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
