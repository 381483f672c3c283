"""What nothing refers to: content units, artifacts, and files in the storage that nobody knows of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from headbox.models.database import Connection, fetch
from headbox.storage.interface import ArtifactStorage, StoredArtifact

#: Rows that one statement looks at.
WINDOW = 2000
#: Least age of a file that is collected without a row of its own, in seconds: who stored it may be about to write one.
STRAY_SECONDS = 3600.0
#: Files of the storage that are looked up together.
FILES = 200


@dataclass(frozen=True, slots=True)
class Collectable:
    """A table of things that are collected.

    Attributes:
        key: Its primary key.
        first: A value below all of the key's.
        unreferenced: The condition that nothing refers to a row.
    """

    table: str
    key: str
    first: str
    unreferenced: str


# Not NOT EXISTS: PostgreSQL would go through the whole of the other table for each few rows, to join it at once.
CONTENT = Collectable(
    "content",
    "id",
    str(UUID(int=0)),
    # What is staged is looked for apart: there is no index for it.
    "(SELECT 1 FROM membership WHERE membership.content_id = content.id LIMIT 1) IS NULL",
)
ARTIFACT = Collectable(
    "artifact",
    "sha256",
    "",
    "(SELECT 1 FROM content_artifact WHERE content_artifact.sha256 = artifact.sha256 LIMIT 1) IS NULL"
    " AND (SELECT 1 FROM published_file WHERE published_file.sha256 = artifact.sha256 LIMIT 1) IS NULL"
    " AND artifact.sha256 NOT IN (SELECT sha256 FROM upload WHERE sha256 IS NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows that lie side by side.

    Attributes:
        condition: Which, with a mark for each parameter.
        size: How many there are, about.
    """

    condition: str
    parameters: Sequence[str]
    size: int


async def windows(connection: Connection, what: Collectable) -> AsyncIterator[Window]:
    """Yield windows that together are a whole table."""
    last, key = what.first, f"{what.table}.{what.key}"
    statement = f"SELECT {key} AS name FROM {what.table} WHERE {key} > ? ORDER BY {key} LIMIT 1 OFFSET {WINDOW - 1}"  # noqa: S608
    while rows := await fetch(connection, statement, [last]):
        bound = str(rows[0]["name"])
        yield Window(f"{key} > ? AND {key} <= ?", (last, bound), WINDOW)
        last = bound
    [row] = await fetch(connection, f"SELECT COUNT(*) AS number FROM {what.table} WHERE {key} > ?", [last])  # noqa: S608
    yield Window(f"{key} > ?", (last,), row["number"])


async def strays(
    connection: Connection, storage: ArtifactStorage, grace: timedelta
) -> AsyncIterator[list[StoredArtifact]]:
    """Yield the files of the storage that have had no row for the grace, at least an hour, some at a time.

    Raises:
        StorageUnavailable: The storage cannot be asked.
    """
    before = datetime.now(UTC) - max(grace, timedelta(seconds=STRAY_SECONDS))
    old: list[StoredArtifact] = []
    async for stored in storage.listing():
        if stored.stored_at <= before:
            old.append(stored)
        if len(old) >= FILES:
            if found := await _unknown(connection, old):
                yield found
            old = []
    if found := await _unknown(connection, old):
        yield found


async def _unknown(connection: Connection, stored: Sequence[StoredArtifact]) -> list[StoredArtifact]:
    if not stored:
        return []
    digests = [artifact.sha256 for artifact in stored]
    named = f"sha256 IN ({', '.join('?' * len(digests))})"
    rows = await fetch(
        connection,
        f"SELECT sha256 FROM artifact WHERE {named} UNION SELECT sha256 FROM upload WHERE {named}",  # noqa: S608
        [*digests, *digests],
    )
    known = {row["sha256"] for row in rows}
    return [artifact for artifact in stored if artifact.sha256 not in known]
