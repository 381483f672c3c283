"""The event bus: the latest state of each key for each subscriber, and nothing more."""

from __future__ import annotations

import asyncio
import threading

from headbox.tasking.bus import REPOSITORY, TASK, MemoryBus


async def test_subscriber_gets_the_events_of_its_key() -> None:
    bus = MemoryBus()
    with bus.subscribe(TASK, "a") as events:
        bus.publish(TASK, "a", {"n": 1})
        bus.publish(TASK, "b", {"n": 2})
        bus.publish(REPOSITORY, "a", {"n": 3})

        assert await events.next(1) == ("a", {"n": 1})
        assert await events.next(0.01) is None


async def test_subscriber_without_a_key_gets_all_of_the_topic() -> None:
    bus = MemoryBus()
    with bus.subscribe(TASK) as events:
        bus.publish(TASK, "a", {"n": 1})
        bus.publish(TASK, "b", {"n": 2})

        assert [await events.next(1), await events.next(1)] == [("a", {"n": 1}), ("b", {"n": 2})]


async def test_slow_subscriber_skips_to_the_latest_state() -> None:
    bus = MemoryBus()
    with bus.subscribe(TASK, "a") as events:
        for number in range(1000):
            bus.publish(TASK, "a", {"n": number})
        await asyncio.sleep(0)

        assert await events.next(1) == ("a", {"n": 999})
        assert await events.next(0.01) is None


async def test_each_subscriber_has_a_slot_of_its_own() -> None:
    bus = MemoryBus()
    with bus.subscribe(TASK, "a") as slow, bus.subscribe(TASK, "a") as quick:
        bus.publish(TASK, "a", {"n": 1})
        assert await quick.next(1) == ("a", {"n": 1})
        bus.publish(TASK, "a", {"n": 2})
        assert await quick.next(1) == ("a", {"n": 2})

        assert await slow.next(1) == ("a", {"n": 2})


async def test_iteration_waits_for_each_event() -> None:
    bus = MemoryBus()
    seen = []
    with bus.subscribe(TASK) as events:
        asyncio.get_running_loop().call_later(0.01, bus.publish, TASK, "a", {})
        asyncio.get_running_loop().call_later(0.02, bus.publish, TASK, "b", {})
        async for key, _ in events:
            seen.append(key)
            if len(seen) == 2:
                break

    assert seen == ["a", "b"]


async def test_events_come_from_any_thread() -> None:
    bus = MemoryBus()
    with bus.subscribe(TASK) as events:
        threads = [threading.Thread(target=bus.publish, args=(TASK, str(number), {})) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        got = [await events.next(1) for _ in range(20)]

    assert sorted(int(event[0]) for event in got if event) == list(range(20))


async def test_who_left_hears_nothing_and_costs_nothing() -> None:
    bus = MemoryBus()
    with bus.subscribe(TASK, "a"):
        pass

    bus.publish(TASK, "a", {})

    assert not bus._subscriptions


def test_subscriber_whose_loop_has_ended_harms_nobody() -> None:
    bus = MemoryBus()

    async def leave_open() -> None:
        bus.subscribe(TASK, "a").__enter__()

    asyncio.run(leave_open())

    bus.publish(TASK, "a", {})
