"""What many waiting tasks cost: those that have nothing to do with them, and those who ask for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from benchmarks.bench_tasks import BenchTasks
from benchmarks.figure import Figure, Reach, percentile
from benchmarks.site import Site

WORKERS = 2
#: Tasks that wait on one repository while a task on another one is timed.
WAITING = 10_000
#: Tasks that wait while is asked for them.
ASKED = 20_000
ROUNDS = 50
PAUSE_SECONDS = 0.02
#: Repositories that they are spread over, where queues are many and short.
REPOSITORIES = 2_000
#: Longer than the benchmark takes, in milliseconds: what holds up all the others.
HELD_MILLISECONDS = 3_600_000

PAGE = """
query Page($after: String, $filter: TaskFilter = {state: [WAITING]}) {
  tasks(first: 50, after: $after, filter: $filter) {
    edges { node { id kind state createdAt } }
    pageInfo { endCursor hasNextPage }
  }
}
"""
STATS = """
{ queueStats { asOf runnable blocked running oldest waitP50Seconds waitP95Seconds byKind { kind runnable blocked } } }
"""
BLOCKED_BY = "query BlockedBy($id: ID!) { task(id: $id) { blockedBy { id state } } }"
ALL_BLOCKED_BY = """
{ tasks(first: 50, filter: {state: [WAITING]}) { edges { node { id blockedBy { id state } } } } }
"""
#: The list begins with the latest.
LAST = "{ tasks(first: 1, filter: {state: [WAITING]}) { edges { node { id } } } }"


async def run() -> AsyncIterator[Figure]:
    """Let ever more tasks wait: for one that does not end, and then each for a few others."""
    async for figure in _one_long_queue():
        yield figure
    async for figure in _many_short_queues():
        yield figure


async def _one_long_queue() -> AsyncIterator[Figure]:
    async with Site.distributed(workers=WORKERS) as site:
        tasks = BenchTasks(site)
        busy, free = await tasks.repositories(2)
        idle = Figure("a task, to its end, with none that waits", "ms", await times_of_a_task(site, tasks, free))
        yield idle
        await tasks.create([busy], milliseconds=HELD_MILLISECONDS)
        await tasks.create_groups([busy] * WAITING)
        beside = await times_of_a_task(site, tasks, free)
        yield Figure(
            f"the same, with {WAITING:,} that wait on another repository",
            "ms",
            beside,
            peer=idle,
            ratio_reach=Reach(1.5),
        )
        await tasks.create_groups([busy] * (ASKED - WAITING))
        questions: dict[str, tuple[str, dict[str, Any]]] = {
            "the first 50 of `tasks`": (PAGE, {}),
            "50 of `tasks` from the middle": (PAGE, {"after": await cursor_in_the_middle(site)}),
            "`queueStats`": (STATS, {}),
            "`blockedBy` of the last one": (BLOCKED_BY, {"id": await last_task(site)}),
        }
        async for figure in _asked(site, f"with {ASKED:,} that wait", questions):
            yield figure


async def _many_short_queues() -> AsyncIterator[Figure]:
    # Without a worker, so that all of them wait.
    async with Site.distributed(workers=0) as site:
        tasks = BenchTasks(site)
        repositories = await tasks.repositories(REPOSITORIES)
        await tasks.create_groups(repositories * (ASKED // REPOSITORIES))
        questions: dict[str, tuple[str, dict[str, Any]]] = {
            "`tasks` by state": (PAGE, {}),
            "`tasks` by kind": (PAGE, {"filter": {"kind": ["bench.task"]}}),
            "`tasks` by repository": (PAGE, {"filter": {"repository": repositories[0]}}),
            "`tasks` by a label that none has": (PAGE, {"filter": {"label": {"key": "team", "value": "none"}}}),
            "`queueStats`": (STATS, {}),
            "`blockedBy` of one": (BLOCKED_BY, {"id": await last_task(site)}),
        }
        when = f"with {ASKED:,} that wait in {REPOSITORIES:,} queues"
        async for figure in _asked(site, when, questions):
            yield figure
        # An answer of some 500 tasks: what it takes is the size of the answer.
        page = await times_of_a_query(site, ALL_BLOCKED_BY, {})
        yield Figure(f"`blockedBy` of each of the first 50 of `tasks`, {when}", "ms", page)


async def _asked(site: Site, when: str, questions: dict[str, tuple[str, dict[str, Any]]]) -> AsyncIterator[Figure]:
    for what, (document, variables) in questions.items():
        samples = await times_of_a_query(site, document, variables)
        yield Figure(f"{what}, {when}", "ms", samples, reach=Reach(50))
        yield Figure("  the same, 95th percentile", "ms", [percentile(samples, 95)])


async def times_of_a_task(site: Site, tasks: BenchTasks, repository: str) -> list[float]:
    """Return how long a task takes from its mutation until a subscription says that it has completed, in ms."""
    samples = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        (task_id,) = await tasks.create([repository])
        await site.completed(task_id)
        samples.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    return samples


async def times_of_a_query(site: Site, document: str, variables: dict[str, Any]) -> list[float]:
    """Return how long a query takes, in ms."""
    samples = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await site.client.execute(document, variables)
        samples.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    return samples


async def last_task(site: Site) -> str:
    """Return the id of the task that was created last."""
    identifier = (await site.client.execute(LAST))["tasks"]["edges"][0]["node"]["id"]
    assert isinstance(identifier, str), "there are tasks"
    return identifier


async def cursor_in_the_middle(site: Site) -> str:
    """Return the cursor of a task that half of the others come before."""
    document = """
        query Skip($after: String) {
          tasks(first: 500, after: $after, filter: {state: [WAITING]}) { pageInfo { endCursor } }
        }
    """
    cursor = None
    for _ in range(ASKED // 2 // 500):
        cursor = (await site.client.execute(document, {"after": cursor}))["tasks"]["pageInfo"]["endCursor"]
    assert isinstance(cursor, str), "there are tasks"
    return cursor
