"""The event bus between processes: what it hears, and what becomes of it when Redis goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY

from headbox.settings import RedisSettings
from headbox.tasking.bus import DISTRIBUTION, TASK, Subscription
from headbox.tasking.redis_bus import MAX_WAITING, RedisBus, _is_broken
from tests.support.services import RedisServer
from tests.support.waiting import PATIENCE_SECONDS, until


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[RedisBus]:
    async with RedisBus(RedisSettings(url=redis_url)).running() as bus:
        yield bus


@pytest.fixture
async def there(redis_url: str) -> AsyncIterator[RedisBus]:
    """The bus of another process."""
    async with RedisBus(RedisSettings(url=redis_url)).running() as bus:
        yield bus


async def heard(events: Subscription) -> None:
    """Return when the subscription was told to look for itself: from here on, its events arrive."""
    assert await events.next(PATIENCE_SECONDS) is None


async def test_process_hears_only_what_is_listened_to_in_it(here: RedisBus, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        with here.subscribe(TASK, "a") as one, here.subscribe(DISTRIBUTION) as many:
            await heard(one)
            await heard(many)

            assert client.pubsub_channels() == [b"headbox:0:task:a"]
            assert client.pubsub_numpat() == 1
        await until(lambda: not client.pubsub_channels() and not client.pubsub_numpat())


async def test_subscribers_of_a_key_and_of_its_topic_get_an_event_once_each(here: RedisBus, there: RedisBus) -> None:
    with here.subscribe(TASK, "a") as one, here.subscribe(TASK) as many:
        await heard(one)
        await heard(many)
        there.publish(TASK, "a", {"n": 1})

        for events in (one, many):
            assert await events.next(PATIENCE_SECONDS) == ("a", {"n": 1})
            assert await events.next(0.05) is None


@pytest.mark.parametrize(("database", "namespace"), [(0, "other"), (1, "headbox")])
async def test_others_on_the_same_redis_are_not_heard(
    here: RedisBus, redis_server: RedisServer, database: int, namespace: str
) -> None:
    url = f"redis://127.0.0.1:{redis_server.port}/{database}"
    async with RedisBus(RedisSettings(url=url, namespace=namespace)).running() as other:
        with here.subscribe(TASK) as events, other.subscribe(TASK) as foreign:
            await heard(events)
            await heard(foreign)
            other.publish(TASK, "a", {})

            assert await foreign.next(PATIENCE_SECONDS) == ("a", {})
            assert await events.next(0.05) is None


async def test_subscribers_look_for_themselves_after_redis_was_away(
    here: RedisBus, there: RedisBus, redis_server: RedisServer
) -> None:
    with here.subscribe(TASK, "a") as events:
        await heard(events)
        await asyncio.to_thread(redis_server.restart)

        await heard(events)
        await until(lambda: there.is_connected)
        there.publish(TASK, "a", {"n": 1})
        assert await events.next(PATIENCE_SECONDS) == ("a", {"n": 1})


async def test_last_event_of_a_key_arrives_when_redis_is_back(
    here: RedisBus, there: RedisBus, redis_server: RedisServer
) -> None:
    with here.subscribe(TASK, "a") as events:
        await heard(events)
        await asyncio.to_thread(redis_server.stop)
        try:
            await until(lambda: not here.is_connected and not there.is_connected)
            for number in range(100):
                there.publish(TASK, "a", {"n": number})
        finally:
            await asyncio.to_thread(redis_server.start)

        # It is sent before or after the channel is heard again; where it was before, the subscriber is told to look.
        got = [await events.next(PATIENCE_SECONDS), await events.next(3)]
    assert got in ([None, None], [None, ("a", {"n": 99})])


async def test_what_waits_for_redis_is_bounded(redis_server: RedisServer) -> None:
    bus = RedisBus(RedisSettings(url=redis_server.url))
    for number in range(MAX_WAITING + 10):
        bus.publish(TASK, str(number), {})

    assert next(iter(bus._outbox.take(MAX_WAITING * 2))) == (TASK, "10")


async def test_bus_that_ends_sends_what_waits(here: RedisBus, redis_url: str) -> None:
    with here.subscribe(TASK, "a") as events:
        await heard(events)
        async with RedisBus(RedisSettings(url=redis_url)).running() as other:
            other.publish(TASK, "a", {"n": 1})

        assert await events.next(PATIENCE_SECONDS) == ("a", {"n": 1})


async def test_bus_tells_whether_it_is_heard(here: RedisBus, redis_server: RedisServer) -> None:
    def up() -> float | None:
        return REGISTRY.get_sample_value("headbox_redis_up", {"use": "events"})

    await until(lambda: here.is_connected)
    assert (here.problem(), up()) == (None, 1)

    await asyncio.to_thread(redis_server.stop)
    try:
        await until(lambda: here.problem() is not None)
        assert up() == 0
    finally:
        await asyncio.to_thread(redis_server.start)

    await until(lambda: here.problem() is None)
    assert up() == 1


def test_client_that_let_go_of_its_connection_is_no_fault_of_the_bus() -> None:
    nothing: Any = None
    with pytest.raises(AttributeError) as of_nothing:
        nothing.writelines([b"PING"])
    with pytest.raises(AttributeError) as of_something:
        Subscription.unknown()  # type: ignore[attr-defined]

    assert _is_broken(of_nothing.value)
    assert not _is_broken(of_something.value)
