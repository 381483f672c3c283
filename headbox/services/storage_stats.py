"""How much is stored, and how much of it nothing needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headbox.models.database import Connection, fetch, now

_STORED = """
    SELECT COUNT(*) AS artifacts, COALESCE(SUM(size), 0) AS bytes,
           COUNT(unused_since) AS unused_artifacts,
           COALESCE(SUM(CASE WHEN unused_since IS NOT NULL THEN size END), 0) AS unused_bytes,
           COUNT(damaged_at) AS damaged_artifacts
    FROM artifact
"""
_UPLOADS = """
    SELECT COUNT(*) AS uploads, COALESCE(SUM(received), 0) AS upload_bytes FROM upload WHERE completed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class StorageStats:
    """What was stored at a time.

    Attributes:
        as_of: The time, on the database's clock.
        artifacts: Artifacts that are stored.
        bytes: Their sizes together.
        unused_artifacts: Those that nothing needed when a garbage collection looked last.
        unused_bytes: Their sizes together.
        damaged_artifacts: Those that are known to be missing or damaged.
        uploads: Uploads that are not finished.
        upload_bytes: What came of them so far.
    """

    as_of: datetime
    artifacts: int
    bytes: int
    unused_artifacts: int
    unused_bytes: int
    damaged_artifacts: int
    uploads: int
    upload_bytes: int


async def look(connection: Connection) -> StorageStats:
    """Look up how much is stored.

    Args:
        connection: Outside of a transaction.
    """
    [stored] = await fetch(connection, _STORED)
    [uploads] = await fetch(connection, _UPLOADS)
    # A sum of PostgreSQL is a decimal number.
    return StorageStats(await now(connection), **{name: int(value) for name, value in {**stored, **uploads}.items()})
