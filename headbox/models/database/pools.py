"""The pools of this process, as Prometheus sees them: looked at when it asks, and costing nothing in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from headbox.models.database.postgres_backend import PooledClient


class _Pools(Collector):
    def __init__(self) -> None:
        self._open: list[tuple[str, PooledClient]] = []

    @contextmanager
    def shown(self, part: str, client: PooledClient) -> Iterator[None]:
        """Show a pool for as long as the block lasts.

        Args:
            part: What of this process uses it, such as "api".
            client: The pool.
        """
        entry = (part, client)
        self._open.append(entry)
        try:
            yield
        finally:
            self._open.remove(entry)

    def describe(self) -> Iterator[Metric]:
        """Name the metrics without looking."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """Look at the pools."""
        connections, limit, waiting = _families()
        for part, client in list(self._open):
            pool = client.pool
            idle = pool.get_idle_size() if pool else 0
            connections.add_metric([part, "idle"], idle)
            connections.add_metric([part, "used"], pool.get_size() - idle if pool else 0)
            limit.add_metric([part], client.pool_maxsize)
            waiting.add_metric([part], client.waiting)
        return iter((connections, limit, waiting))


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "headbox_database_connections",
            "Connections to the database, by part of the process and by what they do.",
            labels=["part", "state"],
        ),
        GaugeMetricFamily(
            "headbox_database_connections_limit", "Most connections that a part of the process has.", labels=["part"]
        ),
        GaugeMetricFamily(
            "headbox_database_waiting", "Statements and transactions that wait for a connection.", labels=["part"]
        ),
    )


#: The pools of this process; one for each event loop and part.
POOLS = _Pools()
REGISTRY.register(POOLS)
