"""How soon a subscriber sees how a busy task is doing, and how old what it sees is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson

from benchmarks.figure import Figure, Reach, percentile
from benchmarks.site import Site
from benchmarks.subscriber import Subscriber
from headbox.client.tasks import WATCH_TASK

UNITS = 50_000
#: Syncs of the same files after the first one.
AGAIN = 1
PAUSE_SECONDS = 0.1


class _Watched:
    """What a subscriber saw of a task."""

    def __init__(self) -> None:
        #: When each state came, as Unix times.
        self.arrivals: list[float] = []
        #: How long after it had happened each beginning and each end was seen, in ms.
        self.ages: list[float] = []
        self._seen: set[str] = set()

    def take(self, at: float, message: str) -> None:
        """Note a state that came."""
        times = set(_times(orjson.loads(message)["payload"]["data"]["task"]))
        # What the first state tells happened before the subscriber was there.
        if self.arrivals:
            new = times - self._seen
            self.ages.extend((at - datetime.fromisoformat(moment).timestamp()) * 1000 for moment in new)
        self._seen |= times
        self.arrivals.append(at)


def _times(task: dict[str, Any]) -> Iterator[str]:
    """Yield when the task and its actions began and ended."""
    for timed in (task, *task["actions"]):
        yield from filter(None, (timed["startedAt"], timed["finishedAt"]))


async def run() -> AsyncIterator[Figure]:
    """Watch large syncs, and subscribe to them again and again."""
    firsts: list[float] = []
    gaps: list[float] = []
    ages: list[float] = []
    async with Site.opened() as site:
        mirror = await site.mirror("busy", await site.listing_upstream("busy", UNITS), policy="ON_DEMAND")
        task_id = mirror.first_sync
        for _ in range(1 + AGAIN):
            watched = _Watched()
            watching = asyncio.create_task(_watch(site, task_id, watched))
            while not watching.done():
                seconds = await _first_state(site, task_id)
                if not watching.done():
                    firsts.append(seconds * 1000)
                await asyncio.sleep(PAUSE_SECONDS)
            await watching
            gaps += [(later - earlier) * 1000 for earlier, later in pairwise(watched.arrivals)]
            ages += watched.ages
            task_id = await site.sync(mirror, force=True)
        await site.completed(task_id)
    yield Figure(f"first state, while {UNITS:,} files are synced", "ms", firsts, reach=Reach(50))
    yield Figure("a beginning or an end, seen after it happened", "ms", ages)
    yield Figure("  the same, 95th percentile", "ms", [percentile(ages, 95)], reach=Reach(250))
    yield Figure("from one state to the next", "ms", gaps)


async def _watch(site: Site, task_id: str, watched: _Watched) -> None:
    async with Subscriber.connected(site.session, site.server.url) as subscriber:
        async for at, message in subscriber.messages(WATCH_TASK, {"id": task_id}):
            watched.take(at, message)


async def _first_state(site: Site, task_id: str) -> float:
    """Subscribe anew, and return after how many seconds the first state came."""
    async with Subscriber.connected(site.session, site.server.url) as subscriber:
        started = time.time()
        at, _ = await anext(subscriber.messages(WATCH_TASK, {"id": task_id}))
    return at - started
