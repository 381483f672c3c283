"""What the content app counts."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter


class ContentMetrics:
    """Counters of one content app.

    Attributes:
        sent_bytes: Bytes of bodies.
        handed_off: Files whose bytes another server was told to send.
        damaged: Stored artifacts that were found to be wrong when somebody asked for them.
        upstream_fetched: Artifacts that were fetched on demand.
        upstream_failed: Artifacts that no source gave.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        requests = Counter(
            "headbox_content_requests", "Requests for content, by class of status.", ["status"], registry=registry
        )
        self._requests = {number: requests.labels(f"{number}xx") for number in range(2, 6)}
        cache = Counter(
            "headbox_content_lookups", "Paths looked up, by where the answer was.", ["cache"], registry=registry
        )
        self._hits = cache.labels("hit")
        self._misses = cache.labels("miss")
        fetches = Counter(
            "headbox_content_upstream_fetches",
            "Artifacts fetched on demand, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self.upstream_fetched = fetches.labels("fetched")
        self.upstream_failed = fetches.labels("failed")
        self.damaged = Counter(
            "headbox_content_damaged", "Stored files that were found to be lost or damaged.", registry=registry
        )
        self.handed_off = Counter(
            "headbox_content_handed_off", "Files that another server was told to send.", registry=registry
        )
        self.sent_bytes = Counter("headbox_content_sent_bytes", "Bytes of bodies that were sent.", registry=registry)

    def answered(self, status: int) -> None:
        """Count an answer."""
        self._requests[status // 100].inc()

    def looked_up(self, *, cached: bool) -> None:
        """Count a path that was looked up."""
        (self._hits if cached else self._misses).inc()
