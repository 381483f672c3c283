"""The heartbeat of a worker process: it tells the others that it lives, and itself when it cannot tell them."""

from __future__ import annotations

import asyncio
import logging
import time

from headbox.models import Worker
from headbox.models.database import execute, now
from headbox.tasking.engine import Engine
from headbox.workers.runner import TaskRunner

log = logging.getLogger(__name__)


class Heartbeat:
    """Says that a worker lives; ends what it runs when that could not be said for so long that others take it back.

    Args:
        engine: Has the database that the worker is written into.
        worker: The row of the worker.
        runner: Runs its tasks.
        is_alone: Whether there is nobody else who could take anything back.
    """

    def __init__(self, engine: Engine, worker: Worker, runner: TaskRunner, *, is_alone: bool) -> None:
        self._engine = engine
        self._worker = worker
        self._runner = runner
        self._is_alone = is_alone
        self._seconds = engine.settings.worker.lost_after_seconds
        self._last_at = time.monotonic()

    async def beat(self) -> None:
        """Say that the worker lives, and look for what others said of its tasks meanwhile."""
        began_at = time.monotonic()
        try:
            # A network that swallows everything must not hold it up for longer than it may be silent.
            async with asyncio.timeout(self._seconds / 2):
                connection = self._engine.database.connection
                statement = "UPDATE worker SET last_seen_at = ? WHERE id = ?"
                await execute(connection, statement, [await now(connection), str(self._worker.id)])
                # Counted from before it was written, so never later than the others count from.
                self._last_at = began_at
                await self._runner.compare()
        finally:
            if not self._is_alone and time.monotonic() - self._last_at >= self._seconds:
                self._runner.interrupt_all()
