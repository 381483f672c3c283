"""Workers that are suspended at any moment of a sync: another one does it, and what comes back shows nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.chaos.upstream import Generations
from tests.support.client import completed, create_mirror, sync
from tests.support.cluster import Cluster, Node
from tests.support.server import HeadboxProcess, HeadboxServer
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

#: Times that a worker is suspended at in the middle of a sync, each at another moment of it.
ROUNDS = 3
#: How long a sync takes at the least, in seconds: the upstream takes that time for one of its files.
SYNC_SECONDS = 0.4
#: How long a worker that comes back has to do harm, in seconds.
BACK_SECONDS = 1.0
#: A worker that is lost soon, for tests that lose many.
NERVOUS = {
    "HEADBOX_WORKER_HEARTBEAT_SECONDS": "0.3",
    "HEADBOX_WORKER_LOST_AFTER_SECONDS": "1.5",
    "HEADBOX_WORKER_RECONCILE_SECONDS": "0.5",
    "HEADBOX_WORKER_MAX_ATTEMPTS": "100",
}

WORKER = "query Worker($id: ID!) { task(id: $id) { worker { name } } }"
VERSIONS = """
    query Versions($id: ID!) {
      node(id: $id) { ... on FileRepository { versions(first: 500) { edges { node { number } } } } }
    }
"""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.files = Generations()
        upstream.fault("r/PULP_MANIFEST", Slow(SYNC_SECONDS / 2))
        yield upstream


def taken_by(api: HeadboxServer, task_id: str) -> int:
    """Return the process that takes a task, once one has."""
    while not (worker := api.query(WORKER, {"id": task_id})["task"]["worker"]):
        time.sleep(0.01)
    return int(worker["name"].rpartition(":")[2])


def versions(api: HeadboxServer, repository: str) -> list[int]:
    """Return the numbers of a repository's versions."""
    edges = api.query(VERSIONS, {"id": repository})["node"]["versions"]["edges"]
    return sorted(edge["node"]["number"] for edge in edges)


def manifest(content: HeadboxProcess) -> bytes:
    """Return the manifest that is served."""
    return httpx2.get(f"{content.url}/content/r/PULP_MANIFEST").raise_for_status().content


def worker_of(cluster: Cluster, pid: int) -> Node[HeadboxProcess]:
    """Return the worker that is a process."""
    return next(worker for worker in cluster.workers if worker.process.pid == pid)


def test_worker_that_comes_back_makes_nothing_visible(
    data_dir: Path, upstream: Upstream, environment: dict[str, str]
) -> None:
    rng = random.Random(7)
    with Cluster(data_dir, {**environment, **NERVOUS}, contents=1, workers=2) as cluster:
        api = cluster.apis[0].process
        mirror = create_mirror(api, upstream.url_of("r/PULP_MANIFEST"), "r", sync=True)
        repository = mirror["repository"]["id"]
        completed(api, mirror["task"]["id"])
        for number in range(2, ROUNDS + 2):
            lose_in_the_middle(cluster, repository, rng.uniform(0, SYNC_SECONDS))
            assert versions(api, repository) == list(range(number + 1))


def lose_in_the_middle(cluster: Cluster, repository: str, seconds: float) -> None:
    """Suspend a worker so long after it took a sync that another one does the sync; then resume it."""
    api, content = cluster.apis[0].process, cluster.contents[0].process
    before = manifest(content)
    task_id = sync(api, repository)["id"]
    zombie = worker_of(cluster, taken_by(api, task_id)).process
    time.sleep(seconds)
    zombie.suspend()
    completed(api, task_id)
    # As soon as the content process has heard of it.
    wait_until(lambda: manifest(content) != before)
    after = manifest(content)
    zombie.resume()
    time.sleep(BACK_SECONDS)
    assert manifest(content) == after
