"""A cluster that is disturbed in every way loses nothing, does nothing twice and shows nothing half.

The short form takes less than a minute; `make chaos` runs the long one, of five minutes.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos import checks
from tests.chaos.faults import Faults
from tests.chaos.journal import Journal
from tests.chaos.scenario import Clients, Plan
from tests.chaos.upstream import Generations
from tests.support.cluster import Cluster
from tests.support.length import IS_LONG
from tests.support.services import PostgresServer, RedisServer
from tests.support.upstream import Upstream

pytestmark = pytest.mark.distributed

SHORT = Plan(seconds=20, tasks=140, repositories=10, apis=2, contents=1, workers=3, seed=1)
LONG = Plan(seconds=300, tasks=2000, repositories=50, apis=3, contents=2, workers=4, seed=2)
PLAN = LONG if IS_LONG else SHORT

#: No task of this test may fail because its workers were killed too often.
MAX_ATTEMPTS = "100"


@pytest.mark.slow
@pytest.mark.timeout(PLAN.seconds * 2 + 300)
async def test_nothing_is_lost_doubled_or_half_visible(
    data_dir: Path,
    tmp_path: Path,
    environment: dict[str, str],
    record: Journal,
    postgres_server: PostgresServer,
    redis_server: RedisServer,
) -> None:
    journal = Journal(tmp_path / "journal")
    environment["HEADBOX_WORKER_MAX_ATTEMPTS"] = MAX_ATTEMPTS
    generations = Generations()
    with (
        Upstream() as upstream,
        Cluster(data_dir, environment, apis=PLAN.apis, contents=PLAN.contents, workers=PLAN.workers) as cluster,
    ):
        upstream.files = generations
        async with Clients.of(cluster, PLAN, journal) as clients:
            await clients.create_mirrors(upstream.url)
            faults = Faults(cluster, postgres_server, redis_server, journal, random.Random(PLAN.seed))
            disturbing = asyncio.create_task(faults.run())
            await clients.work()
            faults.stop()
            await disturbing
            await clients.settle()
            await clients.sync_all()
            await clients.serves(generations.fetched)
            versions = await clients.versions()
            keys = await clients.keys()

    entries, held = list(journal.entries()), list(record.entries())
    ends = checks.ends_of(entries)
    ordered = {entry["task"]: entry for entry in entries if entry["event"] == "ordered"}
    # Every task that was asked for is there once, and came to an end that was asked for.
    assert Counter(keys) == Counter(entry["key"] for entry in ordered.values())
    assert len(ordered) == PLAN.tasks
    assert ordered.keys() <= ends.keys()
    assert checks.unexpected_ends(entries) == []
    assert checks.states_after_the_end(entries) == []
    # Whoever completed did the work, and had what it claimed.
    assert checks.unfinished_holds(held, entries) == []
    assert checks.claims_held_by_two(checks.holds_of(held, entries), entries) == []
    # Each sync that completed made one version; there is no other one, and no gap.
    made = checks.versions_made(entries)
    assert {name: sorted(numbers) for name, numbers in versions.items()} == {
        name: list(range(len(numbers) + 1)) for name, numbers in made.items()
    }
    assert made == {name: list(range(1, len(numbers) + 1)) for name, numbers in made.items()}
    # What was served was whole and never went back.
    assert checks.flaws(entries) == []
    assert checks.backward_reads(entries) == []
