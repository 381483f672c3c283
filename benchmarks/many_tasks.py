"""How many short tasks a second go all the way, from the mutation that creates them to their completion."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.bench_tasks import BenchTasks
from benchmarks.figure import Figure
from benchmarks.site import Site

ROUNDS = 3
MANY_REPOSITORIES = 500
ON_ONE = 200
WORKERS = 2
THREADS = 8


async def run() -> AsyncIterator[Figure]:
    """Run tasks that do nothing, and Dramatiq's messages that do nothing."""
    measured: defaultdict[str, list[float]] = defaultdict(list)
    async with Site.distributed(workers=WORKERS) as site:
        tasks = BenchTasks(site)
        repositories = await tasks.repositories(MANY_REPOSITORIES)
        for _ in range(ROUNDS):
            with dramatiq_workers(site.redis_url):
                measured["dramatiq"].append(await asyncio.to_thread(dramatiq_rate, site.redis_url, MANY_REPOSITORIES))
            measured["many"].append(await rate_of(tasks, repositories))
            measured["one"].append(await rate_of(tasks, repositories[:1] * ON_ONE))
            measured["group"].append(await rate_of_group(tasks, repositories))
    peer = Figure("Dramatiq as it comes, messages that do nothing", "messages/s", measured["dramatiq"])
    yield peer
    yield Figure(f"{MANY_REPOSITORIES} tasks on as many repositories", "tasks/s", measured["many"], peer=peer)
    yield Figure("  the same, created by one mutation", "tasks/s", measured["group"], peer=peer)
    yield Figure(f"{ON_ONE} tasks on one repository", "tasks/s", measured["one"], peer=peer)


async def rate_of(tasks: BenchTasks, repositories: Sequence[str]) -> float:
    """Create a task for each of the repositories, and return how many a second were created and completed."""
    started = time.perf_counter()
    await tasks.create(repositories)
    await tasks.all_ended()
    return len(repositories) / (time.perf_counter() - started)


async def rate_of_group(tasks: BenchTasks, repositories: Sequence[str]) -> float:
    """As `rate_of`, with one mutation."""
    started = time.perf_counter()
    await tasks.create_groups(repositories)
    await tasks.all_ended()
    return len(repositories) / (time.perf_counter() - started)


@contextmanager
def dramatiq_workers(redis_url: str) -> Iterator[None]:
    """Run as many workers of Dramatiq's own as headbox has, with as many threads."""
    options = ["--processes", str(WORKERS), "--threads", str(THREADS)]
    command = [sys.executable, "-m", "dramatiq", "benchmarks.dramatiq_noop", *options]
    with subprocess.Popen(
        command, env=_environment(redis_url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as workers:
        try:
            yield
        finally:
            workers.terminate()


def dramatiq_rate(redis_url: str, messages: int) -> float:
    """Return how many messages a second Dramatiq carries to its workers."""
    command = [sys.executable, "-m", "benchmarks.dramatiq_noop", str(messages)]
    done = subprocess.run(command, env=_environment(redis_url), check=True, capture_output=True, text=True)
    return float(done.stdout)


def _environment(redis_url: str) -> dict[str, str]:
    return {**os.environ, "BENCH_REDIS_URL": redis_url}
