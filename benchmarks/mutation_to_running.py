"""How long it takes from sending a mutation to seeing its task run, on a server with nothing else to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import orjson

from benchmarks.figure import Figure, Reach, percentile
from benchmarks.site import Site
from benchmarks.subscriber import Subscriber

ROUNDS = 200
#: So that the server is idle again.
PAUSE_SECONDS = 0.02
#: Of the distributed way.
WORKERS = 2
WATCH_ALL = "subscription WatchAll { tasks { id state } }"


async def run() -> AsyncIterator[Figure]:
    """Sync an unchanged upstream again and again, on SQLite in one process."""
    async with Site.opened() as site:
        async for figure in _measured(site):
            yield figure


async def run_distributed() -> AsyncIterator[Figure]:
    """Do the same with an API process and workers, on PostgreSQL and Redis."""
    async with Site.distributed(workers=WORKERS) as site:
        async for figure in _measured(site):
            yield figure


async def _measured(site: Site) -> AsyncIterator[Figure]:
    mirror = await site.mirror("idle", await site.upstream("idle", {"a.txt": b"a"}))
    await site.completed(mirror.first_sync)

    empty = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await site.client.execute("{ __typename }")
        empty.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(PAUSE_SECONDS / 4)
    answer = Figure("an empty query, answered", "ms", empty)
    yield answer

    answered: list[float] = []
    running: list[float] = []
    async with Subscriber.connected(site.session, site.server.url) as subscriber:
        # When a task first was seen not to wait any more, and when it was seen to be over.
        began: dict[str, float] = {}
        over: dict[str, asyncio.Event] = {}

        async def watch() -> None:
            async for at, message in subscriber.messages(WATCH_ALL):
                task = orjson.loads(message)["payload"]["data"]["tasks"]
                if task["state"] != "WAITING":
                    began.setdefault(task["id"], at)
                if task["state"] == "COMPLETED":
                    over.setdefault(task["id"], asyncio.Event()).set()

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.5)
        for _ in range(ROUNDS):
            sent = time.time()
            task_id = await site.sync(mirror)
            answered.append((time.time() - sent) * 1000)
            await asyncio.wait_for(over.setdefault(task_id, asyncio.Event()).wait(), 10)
            running.append((began[task_id] - sent) * 1000)
            await asyncio.sleep(PAUSE_SECONDS)
        watching.cancel()
    yield Figure("mutation, answered", "ms", answered, peer=answer)
    yield Figure("mutation, its task seen running", "ms", running, peer=answer, reach=Reach(20))
    yield Figure("  the same, 99th percentile", "ms", [percentile(running, 99)])
