"""Workers, and whether they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headbox.models import Worker
from headbox.resolvers.context import Context
from headbox.tasking import queries


async def online(context: Context) -> list[Worker]:
    """Return the workers that live, the oldest first."""
    lost_after = context.engine.settings.worker.lost_after_seconds
    return await queries.workers_online(context.connection, lost_after)


def is_online(context: Context, worker: Worker) -> bool:
    """Tell whether a worker was seen lately."""
    lost_after = timedelta(seconds=context.engine.settings.worker.lost_after_seconds)
    return worker.stopped_at is None and datetime.now(UTC) - worker.last_seen_at < lost_after
