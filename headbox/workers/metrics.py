"""What a worker process counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

#: Upper bounds of the classes of how long attempts take, in seconds: from trivial tasks to syncs of hours.
_BUCKETS = (0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600)

_running = Gauge("headbox_worker_running_tasks", "Tasks that this process runs now.")
_seconds = Histogram("headbox_worker_attempt_seconds", "How long attempts at tasks took.", ["kind"], buckets=_BUCKETS)
_attempts = Counter("headbox_worker_attempts", "Attempts at tasks, by how they ended.", ["kind", "outcome"])


@contextmanager
def attempted(kind: str) -> Iterator[None]:
    """Count a block as an attempt at a task of this kind."""
    began = time.monotonic()
    _running.inc()
    try:
        yield
    finally:
        _running.dec()
        _seconds.labels(kind).observe(time.monotonic() - began)


def ended(kind: str, outcome: str) -> None:
    """Count how an attempt ended: with a state of its task, which waits when it was given back; or "over", too late."""
    _attempts.labels(kind, outcome).inc()
