"""What is done from time to time whether anybody asks for it or not: schedules, purges, and rows that nobody needs."""

from __future__ import annotations

import time
from datetime import timedelta

from headbox.models.database import Connection, execute, fetch, is_sqlite, now, transaction
from headbox.services import (
    distribution_history,
    garbage,
    leftovers,
    purge,
    schedule,
    sync_plan,
    sync_retry,
    upload,
    webhook_delivery,
)
from headbox.tasking.engine import Engine

#: How often rows are looked for that nobody needs, in seconds.
SWEEP_SECONDS = 3600.0
#: How long a worker that ran no task that is still there is remembered, in days.
WORKER_DAYS = 7
#: Rows that are deleted in one transaction.
BATCH = 500

_IDLE = "NOT EXISTS (SELECT 1 FROM task_claim WHERE task_claim.resource = resource_queue.resource)"


class Upkeep:
    """Does what is due, for as long as a process is the one to do it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._next_sweep = time.monotonic()
        self._has_leftovers = False

    async def run(self) -> None:
        """Do what is due; to be called every few seconds."""
        await schedule.fire_due(self._engine)
        await sync_retry.create_due(self._engine)
        await upload.remove_expired(self._engine)
        if self._has_leftovers:
            # A few at a time: whatever else is due must not wait for a million of them.
            self._has_leftovers = bool(await leftovers.delete_some(self._engine.database.connection))
        clock = time.monotonic()
        if clock >= self._next_sweep:
            self._next_sweep = clock + SWEEP_SECONDS
            await purge.purge_old(self._engine)
            await webhook_delivery.purge(self._engine)
            days = self._engine.settings.distribution.history_days
            await distribution_history.forget(self._engine.database.connection, days)
            await garbage.create_due(self._engine)
            self._has_leftovers = True
            await sweep(self._engine.database.connection)
            await sync_plan.remove_expired(self._engine.database.connection)


async def sweep(connection: Connection) -> None:
    """Delete the rows that nobody needs any more."""
    while await _delete_idle_queues():
        pass
    await execute(
        connection,
        "DELETE FROM worker WHERE last_seen_at < ? AND NOT EXISTS (SELECT 1 FROM task WHERE worker_id = worker.id)",
        [await now(connection) - timedelta(days=WORKER_DAYS)],
    )
    # A group is committed with its tasks: one without any had them all purged.
    await execute(
        connection, "DELETE FROM task_group WHERE NOT EXISTS (SELECT 1 FROM task WHERE group_id = task_group.id)"
    )


async def _delete_idle_queues() -> bool:
    """Delete the numbering of resources that nobody claims, and tell whether there may be more.

    Whoever claims such a resource next begins at 1 again. That keeps the order only when no claim is left, also none
    that was made while this looked: so the rows are locked first, and looked at again by a second statement, which
    sees whatever was committed until they were locked. Whoever comes later waits for the lock.
    """
    async with transaction() as connection:
        lock = "" if is_sqlite(connection) else " FOR UPDATE OF resource_queue SKIP LOCKED"
        rows = await fetch(connection, f"SELECT resource FROM resource_queue WHERE {_IDLE} LIMIT {BATCH}{lock}")  # noqa: S608
        if rows:
            marks = ", ".join("?" * len(rows))
            await execute(
                connection,
                f"DELETE FROM resource_queue WHERE resource IN ({marks}) AND {_IDLE}",  # noqa: S608
                [row["resource"] for row in rows],
            )
    return len(rows) == BATCH
