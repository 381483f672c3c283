"""Dramatiq as it comes, on the Redis that BENCH_REDIS_URL names: how many messages a second it carries to an actor.

Run as a script, it sends messages to whoever runs `dramatiq benchmarks.dramatiq_noop`, and prints their rate.
"""

from __future__ import annotations

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

# Dramatiq's own has no annotations.
broker = RedisBroker(url=os.environ["BENCH_REDIS_URL"], namespace="peer")  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)


@dramatiq.actor
def do_nothing() -> None:
    """Do nothing."""


def messages_per_second(count: int) -> float:
    """Send messages, wait until all are done, and return how many a second were."""
    started = time.perf_counter()
    for _ in range(count):
        do_nothing.send()
    broker.join(do_nothing.queue_name, interval=5, timeout=60_000)
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    # Once the first is done, the workers are there.
    messages_per_second(100)
    print(messages_per_second(int(sys.argv[1])))
