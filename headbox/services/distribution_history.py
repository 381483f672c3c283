"""What distributions served, and from when until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from headbox.models import DistributionHistory
from headbox.models.database import Connection, delete_in_batches, execute, fetch, now


async def record(connection: Connection, distribution_id: UUID) -> bool:
    """Write down what a distribution serves now, and where; tell whether that is something else than before.

    Args:
        connection: Inside of a transaction that has the distribution's row locked.
        distribution_id: Which; for one that is gone, nothing is written.
    """
    rows = await fetch(
        connection,
        "SELECT distribution.base_path, distribution.serving_id, open.base_path AS old_path, open.publication_id AS old"
        " FROM distribution LEFT JOIN distribution_history open"
        " ON open.distribution_id = distribution.id AND open.until IS NULL WHERE distribution.id = ?",
        [str(distribution_id)],
    )
    if not rows or _is_same(rows[0]):
        return False
    time = await close(connection, distribution_id)
    await execute(
        connection,
        "INSERT INTO distribution_history (distribution_id, distribution_name, base_path, repository_id,"
        " repository_name, version_id, version_number, publication_id, since)"
        " SELECT distribution.id, distribution.name, distribution.base_path, repository.id, repository.name,"
        "        version.id, version.number, publication.id, ?"
        " FROM distribution JOIN publication ON publication.id = distribution.serving_id"
        " JOIN repository_version version ON version.id = publication.repository_version_id"
        " JOIN repository ON repository.id = version.repository_id WHERE distribution.id = ?",
        [time, str(distribution_id)],
    )
    return True


def _is_same(row: dict[str, UUID | str | None]) -> bool:
    if row["serving_id"] is None:
        return row["old"] is None
    return (row["base_path"], row["serving_id"]) == (row["old_path"], row["old"])


async def close(connection: Connection, distribution_id: UUID) -> datetime:
    """Write down that a distribution does no longer serve what it did; return since when.

    Args:
        connection: As for `record`.
        distribution_id: Which.
    """
    time = await now(connection)
    await execute(
        connection,
        "UPDATE distribution_history SET until = ? WHERE distribution_id = ? AND until IS NULL",
        [time, str(distribution_id)],
    )
    return time


async def forget(connection: Connection, days: float | None) -> None:
    """Delete what was served until so many days ago; nothing, when that is None."""
    if days is not None:
        before = await now(connection) - timedelta(days=days)
        await delete_in_batches(connection, "distribution_history", "until < ?", [before])


async def served_at(base_path: str, time: datetime) -> DistributionHistory | None:
    """Return what was served at a base path at a time, or None for nothing."""
    # The last one that began before: a search for one that had not ended would go through all of the others.
    begun = DistributionHistory.filter(base_path=base_path, since__lte=time)
    last = await begun.order_by("-since", "-id").first()
    return last if last is not None and (last.until is None or last.until > time) else None
