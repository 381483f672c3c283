"""Workers, and whether they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headbox.models import Worker
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.tasking import queries


async def page(context: Context, arguments: PageArguments) -> Page[Edge[Worker]]:
    """Return a page of all workers, the newest first."""
    listing = Listing("worker.*", "worker", "worker.id", "id", is_descending=True)
    return await context.loaders.page(request(listing, arguments, edges_of(Worker)))


async def online(context: Context) -> list[Worker]:
    """Return the workers that live, the oldest first."""
    lost_after = context.engine.settings.worker.lost_after_seconds
    return await queries.workers_online(context.connection, lost_after)


def is_online(context: Context, worker: Worker) -> bool:
    """Tell whether a worker was seen lately."""
    lost_after = timedelta(seconds=context.engine.settings.worker.lost_after_seconds)
    return worker.stopped_at is None and datetime.now(UTC) - worker.last_seen_at < lost_after
