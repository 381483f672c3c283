"""Messages are nudges: a task whose message is lost runs all the same, and one whose message is doubled runs once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.chaos.holding import began, hold
from tests.chaos.journal import Journal
from tests.support.client import completed, create_mirror
from tests.support.cluster import Cluster
from tests.support.services import RedisServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

#: How long a task whose message was lost may wait, in seconds.
FOUND_SECONDS = 15.0
#: How many more there are of each message that is doubled.
COPIES = 5
QUEUE = "headbox:headbox.normal"


@contextmanager
def unheard(cluster: Cluster, server: RedisServer) -> Iterator[tuple[str, redis.Redis]]:
    """Create a task while no worker hears of it; yields its id, and Redis with its message, until they hear again."""
    api = cluster.apis[0].process
    repository = create_mirror(api, "http://127.0.0.1:9/PULP_MANIFEST", "r")["repository"]["id"]
    for worker in cluster.workers:
        worker.redis.cut()
    with redis.Redis.from_url(server.url) as client:
        task_id = hold(api, repository, milliseconds=1)
        wait_until(lambda: client.llen(QUEUE) == 1)
        yield task_id, client
    for worker in cluster.workers:
        worker.redis.heal()


def test_task_whose_message_is_lost_is_found(
    data_dir: Path, environment: dict[str, str], record: Journal, redis_server: RedisServer
) -> None:
    with Cluster(data_dir, environment, contents=0, workers=2) as cluster:
        with unheard(cluster, redis_server) as (task_id, client):
            client.flushall()
        healed = time.monotonic()

        completed(cluster.apis[0].process, task_id)

        (attempt,) = began(record, task_id)
        assert attempt["at"] - healed < FOUND_SECONDS


def test_task_whose_message_is_doubled_runs_once(
    data_dir: Path, environment: dict[str, str], record: Journal, redis_server: RedisServer
) -> None:
    with Cluster(data_dir, environment, contents=0, workers=2) as cluster:
        with unheard(cluster, redis_server) as (task_id, client):
            (message,) = client.lrange(QUEUE, 0, -1)
            client.rpush(QUEUE, *[message] * COPIES)

        completed(cluster.apis[0].process, task_id)

        with redis.Redis.from_url(redis_server.url) as client:
            wait_until(lambda: client.llen(QUEUE) == 0)
        assert len(began(record, task_id)) == 1


@pytest.mark.parametrize("end", [RedisServer.stop, RedisServer.kill])
def test_redis_that_is_away_delays_tasks_and_loses_none(
    data_dir: Path,
    environment: dict[str, str],
    record: Journal,
    redis_server: RedisServer,
    end: Callable[[RedisServer], None],
) -> None:
    with Cluster(data_dir, environment, contents=0, workers=1) as cluster:
        api = cluster.apis[0].process
        repository = create_mirror(api, "http://127.0.0.1:9/PULP_MANIFEST", "r")["repository"]["id"]
        end(redis_server)
        try:
            tasks = [hold(api, repository, milliseconds=1) for _ in range(5)]
        finally:
            redis_server.start()
        for task_id in tasks:
            completed(api, task_id)
        assert [len(began(record, task_id)) for task_id in tasks] == [1] * len(tasks)
