"""What a process counts that sends messages of webhooks."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

#: Upper bounds of the classes of how long receivers take, in seconds.
_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15)

_attempts = Counter("headbox_webhook_attempts", "Tries to deliver to webhooks, by how they ended.", ["outcome"])
_seconds = Histogram("headbox_webhook_attempt_seconds", "How long tries to deliver took.", buckets=_BUCKETS)


def tried(outcome: str, milliseconds: int) -> None:
    """Count a try.

    Args:
        outcome: "delivered"; or "refused" by an answer, or "unreachable" where there was none.
        milliseconds: How long it took.
    """
    _attempts.labels(outcome).inc()
    _seconds.observe(milliseconds / 1000)
