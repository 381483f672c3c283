"""What it costs that many watch one task, and how late the last of them sees a state."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime

import orjson

from benchmarks.figure import Figure, Reach, percentile
from benchmarks.site import Site
from benchmarks.subscriber import Subscriber
from headbox.client.tasks import WATCH_TASK

SUBSCRIBERS = 500
FILES = 300
#: Requests a second that the task may make of its upstream: it runs for ten seconds, and hardly works.
RATE_LIMIT = 30
#: After the first states of all, until the processor's time is measured, in seconds.
SETTLE_SECONDS = 2.0
#: How long the processor's time is measured, in seconds.
WINDOW_SECONDS = 5.0


async def run() -> AsyncIterator[Figure]:
    """Let one, and then many, watch a task that downloads slowly."""
    async with Site.opened() as site:
        alone = Figure("processor of the server, 1 subscriber", "%", [(await _watched(site, 1)).processor])
        yield alone
        many = await _watched(site, SUBSCRIBERS)
    yield Figure(f"processor of the server, {SUBSCRIBERS} subscribers", "%", [many.processor], peer=alone)
    yield Figure("messages a second", "1/s", [many.messages_per_second])
    yield Figure("a state, seen after the first to see it", "ms", many.delays)
    yield Figure("  the same, 95th percentile", "ms", [percentile(many.delays, 95)], reach=Reach(250))
    yield Figure("the final state, seen after the task's end", "ms", many.finals)
    yield Figure("  the same, 95th percentile", "ms", [percentile(many.finals, 95)])


class _Watched:
    """What was seen of a task."""

    def __init__(self) -> None:
        self.seen: defaultdict[str, list[float]] = defaultdict(list)
        self.finals: list[float] = []
        self.processor = 0.0
        self.messages_per_second = 0.0

    @property
    def delays(self) -> list[float]:
        """How much later than the first one each subscriber saw each state but the first, in ms."""
        later = list(self.seen.values())[1:]
        return [(at - min(times)) * 1000 for times in later for at in times if len(times) > 1]


async def _watched(site: Site, subscribers: int) -> _Watched:
    name = f"watched-{subscribers}"
    url = await site.upstream(name, {f"{number}.txt": f"{name} {number}".encode() for number in range(FILES)})
    watched = _Watched()

    async def watch(subscriber: Subscriber, task_id: str) -> None:
        message, at = "", 0.0
        async for at, message in subscriber.messages(WATCH_TASK, {"id": task_id}):
            watched.seen[message].append(at)
        task = orjson.loads(message)["payload"]["data"]["task"]
        watched.finals.append((at - datetime.fromisoformat(task["finishedAt"]).timestamp()) * 1000)

    async with AsyncExitStack() as stack:
        connected = [
            await stack.enter_async_context(Subscriber.connected(site.session, site.server.url))
            for _ in range(subscribers)
        ]
        mirror = await site.mirror(name, url, rateLimit=RATE_LIMIT)
        watching = [asyncio.create_task(watch(subscriber, mirror.first_sync)) for subscriber in connected]
        await asyncio.sleep(SETTLE_SECONDS)
        before, counted, started = site.processor_seconds(), _count(watched), time.perf_counter()
        await asyncio.sleep(WINDOW_SECONDS)
        seconds = time.perf_counter() - started
        watched.processor = (site.processor_seconds() - before) / seconds * 100
        watched.messages_per_second = (_count(watched) - counted) / seconds
        await asyncio.gather(*watching)
    return watched


def _count(watched: _Watched) -> int:
    return sum(map(len, watched.seen.values()))
