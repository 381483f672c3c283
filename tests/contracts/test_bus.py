"""The event bus: the latest state of each key for each subscriber, and nothing more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from headbox.settings import RedisSettings
from headbox.tasking.bus import REPOSITORY, TASK, EventBus, MemoryBus, Subscription
from headbox.tasking.redis_bus import RedisBus
from tests.support.waiting import PATIENCE_SECONDS

#: How long nothing is waited for, in seconds.
SILENCE_SECONDS = 0.05


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[EventBus]:
    if request.param == "memory":
        yield MemoryBus()
        return
    async with RedisBus(RedisSettings(url=request.getfixturevalue("redis_url"))).running() as bus:
        yield bus


async def heard(bus: EventBus, *subscriptions: Subscription) -> None:
    """Return when events reach these subscriptions: over Redis, that is when they are told to look for themselves."""
    if isinstance(bus, RedisBus):
        for events in subscriptions:
            assert await events.next(PATIENCE_SECONDS) is None


async def test_subscriber_gets_the_events_of_its_key(bus: EventBus) -> None:
    with bus.subscribe(TASK, "a") as events:
        await heard(bus, events)
        bus.publish(TASK, "a", {"n": 1})
        bus.publish(TASK, "b", {"n": 2})
        bus.publish(REPOSITORY, "a", {"n": 3})

        assert await events.next(PATIENCE_SECONDS) == ("a", {"n": 1})
        assert await events.next(SILENCE_SECONDS) is None


async def test_subscriber_without_a_key_gets_all_of_the_topic(bus: EventBus) -> None:
    with bus.subscribe(TASK) as events:
        await heard(bus, events)
        bus.publish(TASK, "a", {"n": 1})
        bus.publish(TASK, "b", {"n": 2})

        assert [await events.next(PATIENCE_SECONDS), await events.next(PATIENCE_SECONDS)] == [
            ("a", {"n": 1}),
            ("b", {"n": 2}),
        ]


async def test_slow_subscriber_skips_to_the_latest_state(bus: EventBus) -> None:
    with bus.subscribe(TASK, "a") as slow, bus.subscribe(TASK, "a") as quick:
        await heard(bus, slow, quick)
        for number in range(1000):
            bus.publish(TASK, "a", {"n": number})
        while await quick.next(PATIENCE_SECONDS) != ("a", {"n": 999}):
            pass

        assert await slow.next(PATIENCE_SECONDS) == ("a", {"n": 999})
        assert await slow.next(SILENCE_SECONDS) is None


async def test_each_subscriber_has_a_slot_of_its_own(bus: EventBus) -> None:
    with bus.subscribe(TASK, "a") as slow, bus.subscribe(TASK, "a") as quick:
        await heard(bus, slow, quick)
        bus.publish(TASK, "a", {"n": 1})
        assert await quick.next(PATIENCE_SECONDS) == ("a", {"n": 1})
        bus.publish(TASK, "a", {"n": 2})
        assert await quick.next(PATIENCE_SECONDS) == ("a", {"n": 2})

        assert await slow.next(PATIENCE_SECONDS) == ("a", {"n": 2})


async def test_iteration_waits_for_each_event(bus: EventBus) -> None:
    seen = []
    with bus.subscribe(TASK) as events:
        await heard(bus, events)
        asyncio.get_running_loop().call_later(0.01, bus.publish, TASK, "a", {})
        asyncio.get_running_loop().call_later(0.02, bus.publish, TASK, "b", {})
        async for event in events:
            assert event is not None
            seen.append(event[0])
            if len(seen) == 2:
                break

    assert seen == ["a", "b"]


async def test_events_come_from_any_thread(bus: EventBus) -> None:
    with bus.subscribe(TASK) as events:
        await heard(bus, events)
        threads = [threading.Thread(target=bus.publish, args=(TASK, str(number), {})) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        got = [await events.next(PATIENCE_SECONDS) for _ in range(20)]

    assert sorted(int(event[0]) for event in got if event) == list(range(20))


async def test_events_reach_every_event_loop(bus: EventBus) -> None:
    ready = threading.Event()
    got: list[object] = []

    async def listen() -> None:
        with bus.subscribe(TASK, "a") as events:
            await heard(bus, events)
            ready.set()
            got.append(await events.next(PATIENCE_SECONDS))

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    await asyncio.to_thread(ready.wait)
    bus.publish(TASK, "a", {"n": 1})
    await asyncio.to_thread(thread.join)

    assert got == [("a", {"n": 1})]


async def test_payload_arrives_as_it_was(bus: EventBus) -> None:
    payload = {"text": "ü", "number": 1.5, "truth": True, "nothing": None, "list": [1, {"a": []}]}
    with bus.subscribe(TASK, "a:b/c") as events:
        await heard(bus, events)
        bus.publish(TASK, "a:b/c", payload)

        assert await events.next(PATIENCE_SECONDS) == ("a:b/c", payload)


async def test_who_left_hears_nothing_and_costs_nothing(bus: EventBus) -> None:
    with bus.subscribe(TASK, "a") as events:
        await heard(bus, events)

    bus.publish(TASK, "a", {})

    assert await events.next(SILENCE_SECONDS) is None
    assert isinstance(bus, MemoryBus | RedisBus)
    assert not bus._listeners.interests()


def test_subscriber_whose_loop_has_ended_harms_nobody() -> None:
    bus = MemoryBus()

    async def leave_open() -> None:
        bus.subscribe(TASK, "a").__enter__()

    asyncio.run(leave_open())

    bus.publish(TASK, "a", {})
