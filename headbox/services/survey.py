"""What a garbage collection would delete, counted without changing anything."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from headbox.models.database import Connection, fetch, now
from headbox.services.unused import ARTIFACT, CONTENT, strays, windows
from headbox.storage.interface import ArtifactStorage

# What a collection has deleted before it looks, such as memberships of deleted repositories, does not count here.
_IS_MEMBER = (
    "EXISTS (SELECT 1 FROM membership JOIN repository ON repository.id = membership.repository_id"
    " WHERE membership.content_id = content.id)"
)
_IS_STAGED = "content.id IN (SELECT content_id FROM staged_content)"
_IS_PUBLISHED = (
    "EXISTS (SELECT 1 FROM published_file JOIN publication ON publication.id = published_file.publication_id"
    " WHERE published_file.sha256 = artifact.sha256)"
)
_IS_UPLOADED = "artifact.sha256 IN (SELECT sha256 FROM upload WHERE sha256 IS NOT NULL)"
#: That a row is due, with a grace and without: then a collection deletes what it has marked itself.
_IS_MARKED, _IS_THERE = "{table}.unused_since <= ?", "{table}.created_at <= ?"


@dataclass(slots=True)
class Found:
    """What was found to delete, or was deleted.

    Attributes:
        units: Content units.
        artifacts: Artifacts.
        files: Files of the storage that had no row.
        size: Bytes of the artifacts and the files.
        waiting: Content units that nothing refers to, but not yet for as long as the grace.
        is_complete: False when there was no time to look at everything.
    """

    units: int = 0
    artifacts: int = 0
    files: int = 0
    size: int = 0
    waiting: int = 0
    is_complete: bool = True

    def as_result(self) -> dict[str, int]:
        """Return it as the result of a task."""
        return {
            "deleted_units": self.units,
            "deleted_artifacts": self.artifacts,
            "deleted_files": self.files,
            "freed_bytes": self.size,
        }


async def survey(
    connection: Connection,
    storage: ArtifactStorage,
    grace: timedelta,
    *,
    seconds: float = float("inf"),
    on_looked_at: Callable[[int], None] = lambda _: None,
) -> Found:
    """Count what a collection with this grace would delete now.

    Args:
        connection: Outside of a transaction.
        storage: Where the artifacts are.
        grace: The grace.
        seconds: How long to look; what is found until then is the least that there is.
        on_looked_at: Told of how many rows and files were looked at since the last time.

    Raises:
        StorageUnavailable: The storage cannot be asked.
    """
    found = Found()
    deadline = time.monotonic() + seconds
    async with aclosing(_looks(connection, storage, grace, found)) as looks:
        async for looked_at in looks:
            on_looked_at(looked_at)
            if time.monotonic() > deadline:
                found.is_complete = False
                break
    return found


async def _looks(
    connection: Connection, storage: ArtifactStorage, grace: timedelta, found: Found
) -> AsyncGenerator[int, None]:
    """Count into `found` what some rows or files come to, and yield their number, until all were looked at."""
    cutoff = await now(connection) - grace
    is_due = _IS_MARKED if grace else _IS_THERE
    is_collected = f"NOT {_IS_MEMBER} AND {is_due.format(table='content')} AND NOT {_IS_STAGED}"
    async for window in windows(connection, CONTENT):
        [row] = await fetch(
            connection,
            f"SELECT COUNT(*) AS unused, COUNT(CASE WHEN {is_collected} THEN 1 END) AS units"  # noqa: S608
            f" FROM content WHERE {window.condition} AND NOT {_IS_MEMBER} AND NOT {_IS_STAGED}",
            [cutoff, *window.parameters],
        )
        found.units += row["units"]
        found.waiting += row["unused"] - row["units"]
        yield window.size
    # An artifact goes with the last unit that has it, or with its own mark.
    is_held = (
        "EXISTS (SELECT 1 FROM content_artifact JOIN content ON content.id = content_artifact.content_id"  # noqa: S608
        f" WHERE content_artifact.sha256 = artifact.sha256 AND NOT COALESCE({is_collected}, 1 = 0))"
    )
    is_unit = "EXISTS (SELECT 1 FROM content_artifact WHERE content_artifact.sha256 = artifact.sha256)"
    async for window in windows(connection, ARTIFACT):
        [row] = await fetch(
            connection,
            f"SELECT COUNT(*) AS artifacts, COALESCE(SUM(size), 0) AS size FROM artifact WHERE {window.condition}"  # noqa: S608
            f" AND NOT {_IS_PUBLISHED} AND NOT {_IS_UPLOADED} AND NOT {is_held}"
            f" AND ({is_due.format(table='artifact')} OR {is_unit})",
            [*window.parameters, cutoff, cutoff],
        )
        found.artifacts += row["artifacts"]
        found.size += int(row["size"])
        yield window.size
    async for files in strays(connection, storage, grace):
        found.files += len(files)
        found.size += sum(file.size for file in files)
        yield len(files)
