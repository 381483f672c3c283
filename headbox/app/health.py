"""What orchestrators and monitors ask: whether a process lives, whether it is ready, and how much it does."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from tortoise.exceptions import BaseORMException

from headbox.models.database import now
from headbox.services.health import Health
from headbox.services.queue_stats import QueueStats, look
from headbox.services.webhook_delivery import backlog, webhook_counts
from headbox.tasking.engine import Engine
from headbox.tasking.queries import task_counts, workers_online
from headbox.types import TaskPriority, WebhookState


async def nothing() -> None:
    """Do nothing."""


class HealthRoutes:
    """The routes of one process.

    Args:
        look: Says how the process is doing.
        metrics: What it counts.
        live: Raises TimeoutError when the process is stuck.
        refresh: Brings metrics up to date that are looked up when they are asked for.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Health]],
        metrics: CollectorRegistry,
        *,
        live: Callable[[], Awaitable[None]] = nothing,
        refresh: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        self._look = look
        self._metrics = metrics
        self._live = live
        self._refresh = refresh

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/livez", self.live, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def live(self, _: Request) -> Response:
        """Answer 200 as long as the event loops turn."""
        try:
            await self._live()
        except TimeoutError:
            return PlainTextResponse("stuck\n", status_code=503)
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """Answer 200 when the process can do its work, else 503, with what is wrong."""
        try:
            health = await self._look()
        except TimeoutError:
            health = Health(("it does not answer in time",))
        document = {"ready": not health.problems, "problems": health.problems, "degraded": health.degraded}
        return JSONResponse(document, status_code=503 if health.problems else 200)

    async def metrics(self, _: Request) -> Response:
        """Answer in the Prometheus text format."""
        await self._refresh()
        return Response(generate_latest(self._metrics), media_type=CONTENT_TYPE_LATEST)


class TaskGauges:
    """What the database knows of tasks and workers, looked up when it is asked for."""

    def __init__(self, engine: Engine, metrics: CollectorRegistry) -> None:
        self._engine = engine
        self._tasks = Gauge("headbox_tasks", "Tasks by state.", ["state"], registry=metrics)
        self._queues = Gauge(
            "headbox_queue_tasks",
            "Unfinished tasks by priority: runnable, blocked or running.",
            ["priority", "state"],
            registry=metrics,
        )
        self._oldest = Gauge(
            "headbox_queue_oldest_seconds", "Age of the oldest task that waits; 0 when none does.", registry=metrics
        )
        self._workers = Gauge("headbox_workers_online", "Workers that were seen lately.", registry=metrics)

    async def refresh(self) -> None:
        """Look it up; where the database does not answer, there is nothing to show of it."""
        connection = self._engine.database.connection
        lost_after = self._engine.settings.worker.lost_after_seconds
        try:
            counts, workers = await task_counts(connection), len(await workers_online(connection, lost_after))
            queues = await look(connection)
        except (BaseORMException, OSError):
            self._tasks.clear()
            self._queues.clear()
            self._oldest.set(math.nan)
            self._workers.set(math.nan)
            return
        for state, number in counts.items():
            self._tasks.labels(state=state.value).set(number)
        self._workers.set(workers)
        self._show(queues.stats, queues.as_of)

    def _show(self, queues: QueueStats, time: datetime) -> None:
        for priority in TaskPriority:
            parts = [figures for queue, figures in queues.items() if queue.priority is priority]
            for state in ("runnable", "blocked", "running"):
                number = sum(getattr(figures, state) for figures in parts)
                self._queues.labels(priority=priority.value, state=state).set(number)
        oldest = min((figures.oldest for figures in queues.values() if figures.oldest), default=None)
        self._oldest.set(max(0.0, (time - oldest).total_seconds()) if oldest else 0.0)


class WebhookGauges:
    """What the database knows of webhooks, looked up when it is asked for."""

    def __init__(self, engine: Engine, metrics: CollectorRegistry) -> None:
        self._engine = engine
        self._webhooks = Gauge("headbox_webhooks", "Webhooks by state.", ["state"], registry=metrics)
        self._waiting = Gauge(
            "headbox_webhook_waiting",
            "Messages of active webhooks that wait to be delivered.",
            registry=metrics,
        )
        self._oldest = Gauge(
            "headbox_webhook_oldest_seconds",
            "Age of the oldest of those messages; 0 without any.",
            registry=metrics,
        )

    async def refresh(self) -> None:
        """Look it up; where the database does not answer, there is nothing to show of it."""
        connection = self._engine.database.connection
        try:
            counts, waits, time = await webhook_counts(connection), await backlog(connection), await now(connection)
        except (BaseORMException, OSError):
            self._webhooks.clear()
            self._waiting.set(math.nan)
            self._oldest.set(math.nan)
            return
        for state in WebhookState:
            self._webhooks.labels(state=state.value).set(counts[state])
        self._waiting.set(waits.waiting)
        self._oldest.set(max(0.0, (time - waits.oldest).total_seconds()) if waits.oldest else 0.0)
