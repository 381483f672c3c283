"""The reconciler: mends what messages and processes lost, and does what is due, in one worker process at a time."""

from __future__ import annotations

import time
from uuid import UUID

from headbox.models import IdempotencyKey, Worker
from headbox.models.database import execute, now
from headbox.services.upkeep import Upkeep
from headbox.tasking import claims, lifecycle
from headbox.tasking.engine import Engine
from headbox.workers.lease import LeaseKeeper
from headbox.workers.webhooks import WebhookSender

#: A task that can run and has had no taker is sent again after this time, in seconds; then, where its message may still
#: wait, after twice as long, and so on.
RESEND_SECONDS = 5.0
#: The longest time between two nudges for one task, in seconds.
MAX_RESEND_SECONDS = 300.0
#: Name of the lease.
LEASE = "reconciler"


class Reconciler:
    """One worker process's part in reconciling: all of it while it holds the lease, and none of it otherwise."""

    def __init__(self, engine: Engine, worker: Worker) -> None:
        self._engine = engine
        self._worker = worker
        # Ends when the worker counts as lost: whoever takes the lease finds what the worker left.
        seconds = engine.settings.worker.lost_after_seconds
        self._lease = LeaseKeeper(engine.database, LEASE, worker.id, seconds)
        self._upkeep = Upkeep(engine)
        self._sender = WebhookSender(engine)
        self._seen: dict[UUID, Sighting] = {}

    async def run(self) -> None:
        """Mend and do what is due, if that is this process's job now."""
        if not await self._lease.hold():
            self._seen.clear()
            self._sender.rest()
            return
        await self.take_back()
        await self._send_again()
        await IdempotencyKey.filter(expires_at__lte=await now(self._engine.database.connection)).delete()
        await self._sender.run()
        await self._upkeep.run()

    async def stop(self) -> None:
        """Leave the job to another process."""
        await self._sender.stop()
        await self._lease.release()

    async def take_back(self) -> None:
        """Take the tasks of lost workers back."""
        connection = self._engine.database.connection
        seconds = self._engine.settings.worker
        silent_since = lifecycle.lost_before(await now(connection), seconds.lost_after_seconds)
        if await lifecycle.has_lost(connection, silent_since, looker=self._worker.id):
            async with self._engine.unit_of_work() as work:
                await lifecycle.take_back(work, silent_since, seconds.max_attempts, looker=self._worker.id)
            await self.sweep_staging()

    async def sweep_staging(self) -> None:
        """Remove what tasks that have ended had staged: the ones whose worker was lost could not."""
        await execute(
            self._engine.database.connection,
            "DELETE FROM staged_content WHERE task_id NOT IN"
            " (SELECT id FROM task WHERE state IN ('waiting', 'running', 'canceling'))",
        )

    async def _send_again(self) -> None:
        """Nudge for tasks that could have been taken long ago: their message may have been lost."""
        runnable = await claims.all_runnable(self._engine.database.connection)
        drained = await self._engine.dispatcher.drained() if runnable else ()
        clock = time.monotonic()
        self._seen = {task.id: self._seen.get(task.id, Sighting(clock)) for task in runnable}
        self._engine.send(
            [task for task in runnable if self._seen[task.id].is_due(clock, is_drained=task.priority in drained)]
        )


class Sighting:
    """A task that could run, and when to nudge for it again: ever more rarely, for it may just wait for a thread."""

    def __init__(self, clock: float) -> None:
        self._last = clock
        self._wait = RESEND_SECONDS

    def is_due(self, clock: float, *, is_drained: bool) -> bool:
        """Tell whether it is time to nudge, and set the next one.

        Args:
            clock: The time now.
            is_drained: Whether its message waits no more: then it was lost, or is being taken this moment.
        """
        if is_drained:
            self._wait = RESEND_SECONDS
        if clock < self._last + self._wait:
            return False
        self._last = clock
        self._wait = min(self._wait * 2, MAX_RESEND_SECONDS)
        return True
