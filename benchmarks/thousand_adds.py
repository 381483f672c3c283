"""A thousand files, added one by one to one repository by many clients at once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

from benchmarks.adds import add, make_files, make_repository
from benchmarks.bench_tasks import BenchTasks
from benchmarks.figure import Figure, Reach
from benchmarks.site import Site
from headbox.client import Client

ROUNDS = 3
ADDS = 1_000
CLIENTS = 20

LATEST = "query Latest($id: ID!) { node(id: $id) { ... on Repository { latestVersion { number } } } }"


async def run() -> AsyncIterator[Figure]:
    """Add the files one by one, and then all of them with one task."""
    measured: defaultdict[str, list[float]] = defaultdict(list)
    async with Site.opened() as site, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(site.server.url)) for _ in range(CLIENTS)]
        units = await make_files(site, [f"pool/{number}" for number in range(ADDS)])
        tasks = BenchTasks(site)
        for number in range(ROUNDS):
            repository = await make_repository(site, f"one-by-one-{number}")
            started = time.perf_counter()
            await asyncio.gather(
                *(_add_each(client, repository, units[first::CLIENTS]) for first, client in enumerate(clients))
            )
            measured["created"].append(time.perf_counter() - started)
            await tasks.all_ended()
            measured["ended"].append(time.perf_counter() - started)
            latest = (await site.client.execute(LATEST, {"id": repository}))["node"]["latestVersion"]
            measured["versions"].append(latest["number"])
            together = await make_repository(site, f"together-{number}")
            started = time.perf_counter()
            await site.completed(await add(site.client, together, units))
            measured["one"].append(time.perf_counter() - started)
    one = Figure(f"one add of {ADDS:,} files", "s", measured["one"])
    yield one
    yield Figure(
        f"{ADDS:,} adds of one file by {CLIENTS} clients, to the end of the last",
        "s",
        measured["ended"],
        peer=one,
        reach=Reach(30),
    )
    yield Figure("  to the answer to the last mutation", "s", measured["created"])
    yield Figure("  versions that came of them", "versions", measured["versions"])


async def _add_each(client: Client, repository: str, units: Sequence[str]) -> None:
    for unit in units:
        await add(client, repository, [unit])
