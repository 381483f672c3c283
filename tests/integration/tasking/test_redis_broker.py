"""Dramatiq over Redis: who gets a message, and what becomes of messages when Redis goes away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dramatiq
import pytest
import redis

from headbox.settings import RedisSettings
from headbox.workers import broker as workers_broker
from headbox.workers import redis_broker
from headbox.workers.broker import RedisDispatcher, run_elsewhere
from headbox.workers.redis_broker import NudgeBroker
from tests.support.services import RedisServer, TcpProxy
from tests.support.waiting import wait_until

HIGH, NORMAL, LOW = "headbox.high", "headbox.normal", "headbox.low"
QUEUES = (HIGH, NORMAL, LOW)


def broker_of(url: str, *, threads: int = 0) -> NudgeBroker:
    return NudgeBroker(RedisSettings(url=url), middleware=[], queues=QUEUES, threads=threads)


def declare(broker: NudgeBroker, do: Callable[[str], None]) -> dict[str, dramatiq.Actor[[str], None]]:
    """Declare an actor for each queue, and return them by queue."""
    ranks = {queue: rank for rank, queue in enumerate(QUEUES)}
    return {
        queue: dramatiq.actor(broker=broker, actor_name=queue, queue_name=queue, priority=rank)(do)
        for queue, rank in ranks.items()
    }


@contextmanager
def working(url: str, do: Callable[[str], None], *, threads: int = 1) -> Iterator[NudgeBroker]:
    broker = broker_of(url, threads=threads)
    declare(broker, do)
    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=20)
    worker.start()
    try:
        yield broker
    finally:
        worker.stop()
        broker.close()


@pytest.fixture
def actors(redis_url: str) -> Iterator[dict[str, dramatiq.Actor[[str], None]]]:
    """What a process has that only sends."""
    broker = broker_of(redis_url)
    yield declare(broker, lambda _: None)
    broker.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def waiting(client: redis.Redis) -> list[int]:
    """Return how many messages are in each queue."""
    return [int(client.llen(f"headbox:{queue}")) for queue in QUEUES]


def test_higher_queues_go_first(
    actors: dict[str, dramatiq.Actor[[str], None]], client: redis.Redis, redis_url: str
) -> None:
    for number in range(3):
        for queue in reversed(QUEUES):
            actors[queue].send(f"{queue}.{number}")
    wait_until(lambda: waiting(client) == [3, 3, 3])
    done: list[str] = []

    with working(redis_url, done.append):
        wait_until(lambda: len(done) == 9)

    assert done == [f"{queue}.{number}" for queue in QUEUES for number in range(3)]
    assert client.keys() == []


def test_worker_takes_no_more_than_its_free_threads_can_do(
    actors: dict[str, dramatiq.Actor[[str], None]], client: redis.Redis, redis_url: str
) -> None:
    done: list[str] = []
    gate = threading.Event()

    def do(name: str) -> None:
        done.append(name)
        gate.wait(10)

    with working(redis_url, do, threads=2):
        for number in range(5):
            actors[NORMAL].send(str(number))
        wait_until(lambda: len(done) == 2)
        time.sleep(0.1)
        assert waiting(client) == [0, 3, 0]
        actors[HIGH].send("high")
        wait_until(lambda: waiting(client) == [1, 3, 0])
        gate.set()
        wait_until(lambda: len(done) == 6)

    assert "high" in done[2:4]


def test_idle_worker_begins_at_once(actors: dict[str, dramatiq.Actor[[str], None]], redis_url: str) -> None:
    done: list[float] = []
    with working(redis_url, lambda sent: done.append(time.monotonic() - float(sent))):
        for number in range(1, 21):
            actors[NORMAL].send(str(time.monotonic()))
            while len(done) < number:
                time.sleep(0.001)

    assert sorted(done)[10] < 0.1


def test_sender_waits_for_no_redis(redis_server: RedisServer, redis_url: str) -> None:
    broker = broker_of(redis_url)
    actors = declare(broker, lambda _: None)
    redis_server.stop()
    try:
        start = time.monotonic()
        for number in range(100):
            actors[HIGH].send(str(number))
        assert time.monotonic() - start < 4
        assert broker.problem() is not None
    finally:
        redis_server.start()

    with redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: waiting(client) == [100, 0, 0])
    assert broker.problem() is None
    broker.close()


def test_redis_that_takes_nothing_is_told(redis_url: str, client: redis.Redis) -> None:
    broker = broker_of(redis_url)
    client.config_set("maxmemory", "1")
    try:
        assert client.ping()
        assert "maxmemory" in str(broker.problem())
    finally:
        client.config_set("maxmemory", "0")
    assert broker.problem() is None
    broker.close()


async def test_silent_redis_is_told_soon(
    redis_server: RedisServer, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(workers_broker, "CHECK_SECONDS", 0.2)
    with TcpProxy(redis_server.port) as link:
        broker = broker_of(f"redis://127.0.0.1:{link.port}/0")
        dispatcher = RedisDispatcher(broker, run_elsewhere)
        assert await dispatcher.check() is None
        assert len(await dispatcher.drained()) == len(QUEUES)

        link.silence()

        assert await dispatcher.check() == "Redis does not answer within 0.2 seconds"
        assert list(await dispatcher.drained()) == []
        broker.close()


def test_queues_without_messages_are_known_while_redis_answers(
    actors: dict[str, dramatiq.Actor[[str], None]],
    client: redis.Redis,
    redis_server: RedisServer,
    redis_url: str,
) -> None:
    broker = broker_of(redis_url)
    actors[NORMAL].send("a")
    wait_until(lambda: waiting(client) == [0, 1, 0])
    assert broker.drained(QUEUES) == {HIGH, LOW}

    redis_server.stop()
    try:
        assert broker.drained(QUEUES) == set()
    finally:
        redis_server.start()
    broker.close()


def test_messages_are_lost_when_redis_stays_away(
    redis_server: RedisServer, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "GIVE_UP_SECONDS", 0.1)
    broker = broker_of(redis_url)
    actors = declare(broker, lambda _: None)
    redis_server.stop()
    try:
        actors[HIGH].send("lost")
        time.sleep(1)
    finally:
        redis_server.start()
    actors[HIGH].send("sent")

    with redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: waiting(client) == [1, 0, 0])
    broker.close()


def test_worker_goes_on_when_redis_is_back(
    actors: dict[str, dramatiq.Actor[[str], None]], redis_server: RedisServer, redis_url: str
) -> None:
    done: list[str] = []
    with working(redis_url, done.append):
        redis_server.restart()
        actors[LOW].send("after")
        wait_until(lambda: done == ["after"])


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"queue_name": "headbox.high"}'])
def test_message_that_nobody_can_read_is_passed_over(
    actors: dict[str, dramatiq.Actor[[str], None]], client: redis.Redis, redis_url: str, text: str
) -> None:
    client.rpush(f"headbox:{HIGH}", text)
    actors[HIGH].send("next")
    done: list[str] = []

    with working(redis_url, done.append):
        wait_until(lambda: done == ["next"])


def test_message_that_no_thread_has_begun_with_goes_back(client: redis.Redis, redis_url: str) -> None:
    broker = broker_of(redis_url, threads=1)
    actors = declare(broker, lambda _: None)
    actors[HIGH].send("a")
    consumer = broker.consume(HIGH, timeout=10)
    while (message := next(consumer)) is None:
        pass
    assert client.keys() == []

    consumer.requeue([message])

    assert waiting(client) == [1, 0, 0]
    broker.close()


def test_worker_that_ends_leaves_messages_to_others(
    actors: dict[str, dramatiq.Actor[[str], None]], client: redis.Redis, redis_url: str
) -> None:
    done: list[str] = []
    with working(redis_url, done.append) as broker:
        broker.stop_taking()
        time.sleep(2 * redis_broker.BLOCK_SECONDS)
        actors[HIGH].send("for another")
        wait_until(lambda: waiting(client) == [1, 0, 0])
        time.sleep(0.1)

    assert done == []
    assert waiting(client) == [1, 0, 0]
