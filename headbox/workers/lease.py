"""Leases: one process at a time does a job, and another one goes on with it when that process is lost."""

from __future__ import annotations

import time
from uuid import UUID

from headbox.models import Lease
from headbox.models.database import Database, fetch, now
from headbox.tasking.lifecycle import lost_before

#: Added to the time until a lease of somebody else's ends, in seconds: not to ask a moment too early.
MARGIN_SECONDS = 0.1


class LeaseKeeper:
    """One process's side of a lease. It asks the database only while the lease is its own, or may have ended.

    A lease saves work that need not be done twice, and is no lock: for a moment, two processes may believe they hold
    it.

    Args:
        database: Connected.
        name: The job.
        holder: This process.
        seconds: How long the lease lasts when it is not renewed.
    """

    def __init__(self, database: Database, name: str, holder: UUID, seconds: float) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._not_before = time.monotonic()

    async def hold(self) -> bool:
        """Take or renew the lease, and tell whether it is this process's."""
        if time.monotonic() < self._not_before:
            return False
        connection = self._database.connection
        clock = await now(connection)
        # One that ends so late was taken before the clock was set back, and would keep everybody waiting until then.
        too_late = lost_before(clock, -2 * self._seconds)
        rows = await fetch(
            connection,
            "INSERT INTO lease (name, holder, expires_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET holder = excluded.holder, expires_at = excluded.expires_at"
            " WHERE lease.holder = excluded.holder OR lease.expires_at <= ? OR lease.expires_at > ? RETURNING holder",
            [self._name, str(self._holder), lost_before(clock, -self._seconds), clock, too_late],
        )
        if rows:
            return True
        lease = await Lease.get_or_none(name=self._name)
        if lease is not None:
            left = (lease.expires_at - clock).total_seconds()
            self._not_before = time.monotonic() + left + MARGIN_SECONDS
        return False

    async def release(self) -> None:
        """Let another process take the lease, if it is this one's."""
        await Lease.filter(name=self._name, holder=self._holder).delete()
