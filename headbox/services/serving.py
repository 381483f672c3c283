"""What clients of a distribution read: from a request's path to the bytes, one question a query.

Only what a distribution serves (its pointer) ever changes. What lies below a publication is immutable, but for one
thing: bytes that were not stored may be stored later, and what the remote did not tell about them is known then.

CROSS JOIN, here, is a join whose order SQLite keeps: without statistics it would rather look at all units of a version.
Source: https://www.sqlite.org/optoverview.html, "Manual Control Of Query Plans Using CROSS JOIN".
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from headbox.models.database import Connection, execute, fetch
from headbox.pipeline.keeping import add_artifacts
from headbox.storage.interface import ArtifactStorage
from headbox.types import MAX_SEGMENT_BYTES

#: Up to this many units of a version are read whole to list a folder; above it the index on paths is walked instead,
#: whose cost does not depend on the size of the version, but on what other repositories hold in the same folder.
SMALL_VERSION_UNITS = 20_000
#: Longest base path, in characters.
MAX_BASE_PATH = 1024
#: Rows of the first batch of an index walk through a folder of folders; doubled while batches are worth their rows.
_SMALLEST_BATCH = 16
#: The highest character, more often than the first segment of a path can hold it.
_BEHIND_ALL = chr(sys.maxunicode) * (MAX_SEGMENT_BYTES // 4 + 1)


@dataclass(frozen=True, slots=True)
class Served:
    """A publication, with what it takes to find a file in it.

    Attributes:
        publication_id: The publication.
        repository_id: Repository of its version.
        number: Number of its version.
        units: How many content units the version holds.
    """

    publication_id: UUID
    repository_id: UUID
    number: int
    units: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """A distribution, as it stands now.

    Attributes:
        distribution_id: The distribution.
        base_path: Where it serves.
        served: What it serves, or None while there is nothing.
    """

    distribution_id: UUID
    base_path: str
    served: Served | None


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a publication.

    Attributes:
        relative_path: Its path below the base path.
        content_id: The content unit that it belongs to; None for a file of the publication itself.
        sha256: Its digest, or None while nobody knows it.
        size: Its size in bytes, or None while nobody knows it.
        modified: When headbox first had it.
        is_stored: Whether its bytes are stored, as far as anybody knows.
        is_damaged: Whether they were stored, and are known to be gone or to be others.
    """

    relative_path: str
    content_id: UUID | None
    sha256: str | None
    size: int | None
    modified: datetime
    is_stored: bool
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder's listing.

    Attributes:
        name: Last segment of its path; ends in "/" for a folder.
        size: Size in bytes; None for a folder, and where nobody knows it yet.
    """

    name: str
    size: int | None = None

    @property
    def is_folder(self) -> bool:
        """Tell whether more lies below it."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a folder.

    Attributes:
        entries: In the order of the bytes of their names.
        next: The `after` of the next page, or None on the last one.
    """

    entries: list[Entry]
    next: str | None


#: A path, and the size of the file there, where it is known.
_Row = tuple[str, int | None]
#: Gives the first rows, by path, with `start <= path < stop`; at most `limit` of them.
_Walk = Callable[[str, str, int], Awaitable[Sequence[_Row]]]


def prefixes(path: str) -> list[str]:
    """Return what may be a base path of a path: every folder above it and itself, shortest first."""
    ends = [match.start() for match in re.finditer("/", path)]
    return [path[:end] for end in (*ends, len(path)) if end <= MAX_BASE_PATH]


async def pointer_for(connection: Connection, path: str) -> Pointer | None:
    """Return the distribution whose base path is this path or a folder above it, or None.

    Args:
        connection: Where to look.
        path: A relative path without a trailing slash.
    """
    candidates = prefixes(path)
    marks = ", ".join("?" * len(candidates))
    statement = (
        "SELECT d.id, d.base_path, p.id AS publication_id, v.repository_id, v.number, v.present"  # noqa: S608 - only marks
        " FROM distribution d LEFT JOIN publication p ON p.id = d.serving_id"
        " LEFT JOIN repository_version v ON v.id = p.repository_version_id"
        f" WHERE d.base_path IN ({marks})"
    )
    rows = await fetch(connection, statement, candidates)
    if not rows:
        return None
    row = rows[0]  # The only one: base paths do not overlap.
    served = None
    if row["publication_id"] is not None:
        served = Served(_uuid(row["publication_id"]), _uuid(row["repository_id"]), row["number"], row["present"])
    return Pointer(_uuid(row["id"]), row["base_path"], served)


async def find(connection: Connection, served: Served, relative_path: str) -> Found | None:
    """Return the file at a path, or None: the publication's own first, then that of the version's content."""
    rows = await fetch(
        connection,
        "SELECT 0 AS origin, f.sha256, COALESCE(s.size, f.size) AS size, NULL AS content_id, p.created_at,"
        " s.sha256 AS stored, s.damaged_at, 0 AS added_in"
        " FROM published_file f JOIN publication p ON p.id = f.publication_id"
        " LEFT JOIN artifact s ON s.sha256 = f.sha256"
        " WHERE f.publication_id = ? AND f.relative_path = ?"
        " UNION ALL "
        "SELECT 1, a.sha256, COALESCE(s.size, a.size), c.id, c.created_at, s.sha256, s.damaged_at, m.added_in"
        " FROM content_artifact a CROSS JOIN membership m CROSS JOIN content c"
        " LEFT JOIN artifact s ON s.sha256 = a.sha256"
        " WHERE a.relative_path = ? AND m.content_id = a.content_id AND c.id = a.content_id AND m.repository_id = ?"
        " AND m.added_in <= ? AND (m.removed_in IS NULL OR m.removed_in > ?)"
        " ORDER BY 1, 8 DESC LIMIT 1",
        [
            str(served.publication_id),
            relative_path,
            relative_path,
            str(served.repository_id),
            served.number,
            served.number,
        ],
    )
    if not rows:
        return None
    row = rows[0]
    return Found(
        relative_path,
        None if row["content_id"] is None else _uuid(row["content_id"]),
        row["sha256"],
        row["size"],
        _instant(row["created_at"]),
        is_stored=row["stored"] is not None and row["damaged_at"] is None,
        is_damaged=row["damaged_at"] is not None,
    )


async def list_folder(
    connection: Connection, served: Served, folder: str, *, after: str | None = None, limit: int
) -> Listing:
    """Return one page of what lies in a folder of a publication.

    Args:
        connection: Where to look.
        served: The publication.
        folder: Path of the folder, with a trailing slash; empty for the topmost one.
        after: Name of the entry that the page begins behind; None for the first page.
        limit: Most entries on the page.
    """
    start, stop = _bounds(folder, after)
    if served.units <= SMALL_VERSION_UNITS:
        entries = _entries(folder, await _all_content(connection, served, start, stop))
    else:
        entries = await _scan(partial(_walk_content, connection, served), folder, after, limit + 1)
    entries |= await _scan(partial(_walk_published_files, connection, served), folder, after, limit + 1)
    return _page(entries, limit)


async def is_folder(connection: Connection, served: Served, folder: str) -> bool:
    """Tell whether anything of a publication lies below a path, which has a trailing slash."""
    start, stop = _bounds(folder, None)
    walks = (_walk_published_files, _walk_content)
    return any([await walk(connection, served, start, stop, 1) for walk in walks])


async def list_base_paths(connection: Connection, folder: str, *, after: str | None = None, limit: int) -> Listing:
    """Return one page of the base paths, and the folders above them, that lie in a folder; all of them as folders.

    Args:
        connection: Where to look.
        folder: Path of the folder, with a trailing slash; empty for the topmost one.
        after: Name of the entry that the page begins behind; None for the first page.
        limit: Most entries on the page.
    """
    page = _page(await _scan(partial(_walk_base_paths, connection), folder, after, limit + 1), limit)
    return Listing([Entry(entry.name.rstrip("/") + "/") for entry in page.entries], page.next)


async def stored(connection: Connection, content_id: UUID, relative_path: str) -> tuple[str, int] | None:
    """Return digest and size of a content unit's artifact when its bytes are stored, or else None."""
    rows = await fetch(
        connection,
        "SELECT s.sha256, s.size FROM content_artifact a JOIN artifact s ON s.sha256 = a.sha256"
        " WHERE a.content_id = ? AND a.relative_path = ? AND s.damaged_at IS NULL",
        [str(content_id), relative_path],
    )
    return (rows[0]["sha256"], rows[0]["size"]) if rows else None


async def record(
    connection: Connection, storage: ArtifactStorage, content_id: UUID, relative_path: str, *, sha256: str, size: int
) -> None:
    """Note that the bytes of a content unit's artifact are stored, and what they turned out to be.

    Args:
        connection: A connection inside of a transaction; the storage was flushed before.
        storage: Where they are.
        content_id: The content unit.
        relative_path: Path of the artifact in it.
        sha256: Digest of the bytes.
        size: Their number.

    Raises:
        Collected: They are not there any more; nothing may be written.
    """
    await add_artifacts(connection, storage, {sha256: size})
    await execute(
        connection,
        "UPDATE content_artifact SET sha256 = ?, size = ?"
        " WHERE content_id = ? AND relative_path = ? AND (sha256 IS NULL OR size IS NULL)",
        [sha256, size, str(content_id), relative_path],
    )


async def _all_content(connection: Connection, served: Served, start: str, stop: str) -> Sequence[_Row]:
    """Read from the version's units to their paths."""
    rows = await fetch(
        connection,
        "SELECT a.relative_path AS path, a.size"
        " FROM membership m CROSS JOIN content_artifact a"
        " WHERE m.repository_id = ? AND m.added_in <= ? AND (m.removed_in IS NULL OR m.removed_in > ?)"
        " AND a.content_id = m.content_id AND a.relative_path >= ? AND a.relative_path < ? ORDER BY 1",
        [str(served.repository_id), served.number, served.number, start, stop],
    )
    return [(row["path"], row["size"]) for row in rows]


async def _walk_content(connection: Connection, served: Served, start: str, stop: str, limit: int) -> Sequence[_Row]:
    rows = await fetch(
        connection,
        "SELECT a.relative_path AS path, a.size FROM content_artifact a CROSS JOIN membership m"
        " WHERE a.relative_path >= ? AND a.relative_path < ? AND m.content_id = a.content_id AND m.repository_id = ?"
        " AND m.added_in <= ? AND (m.removed_in IS NULL OR m.removed_in > ?)"
        " ORDER BY a.relative_path LIMIT ?",
        [start, stop, str(served.repository_id), served.number, served.number, limit],
    )
    return [(row["path"], row["size"]) for row in rows]


async def _walk_published_files(
    connection: Connection, served: Served, start: str, stop: str, limit: int
) -> Sequence[_Row]:
    rows = await fetch(
        connection,
        "SELECT relative_path AS path, size FROM published_file"
        " WHERE publication_id = ? AND relative_path >= ? AND relative_path < ? ORDER BY relative_path LIMIT ?",
        [str(served.publication_id), start, stop, limit],
    )
    return [(row["path"], row["size"]) for row in rows]


async def _walk_base_paths(connection: Connection, start: str, stop: str, limit: int) -> Sequence[_Row]:
    rows = await fetch(
        connection,
        "SELECT base_path AS path FROM distribution WHERE base_path >= ? AND base_path < ? ORDER BY base_path LIMIT ?",
        [start, stop, limit],
    )
    return [(row["path"], None) for row in rows]


async def _scan(walk: _Walk, folder: str, after: str | None, limit: int) -> dict[str, Entry]:
    """Return the first entries of a folder by name, jumping over each sub folder once it was seen.

    Batches are as large as the page while every row is an entry of its own, and small in a folder of folders, where
    most of a batch would lie in the folder that is jumped over.
    """
    start, stop = _bounds(folder, after)
    entries: dict[str, Entry] = {}
    batch = limit
    while len(entries) < limit:
        rows = await walk(start, stop, batch)
        new = _entries(folder, rows)
        entries |= new
        if len(rows) < batch:
            break
        start = _behind(folder + next(reversed(new)))
        batch = min(batch * 2, limit) if len(new) > batch // 2 else _SMALLEST_BATCH
    return entries


def _entries(folder: str, rows: Iterable[_Row]) -> dict[str, Entry]:
    """Return the entries of a folder that these paths below it make, by name and in their order."""
    entries: dict[str, Entry] = {}
    for path, size in rows:
        name, slash, _ = path[len(folder) :].partition("/")
        entries[name + slash] = Entry(name + slash, None if slash else size)
    return entries


def _bounds(folder: str, after: str | None) -> tuple[str, str]:
    """Return the first path that a page of a folder can show, and the first one behind the folder."""
    return folder if after is None else _behind(folder + after), _behind(folder) if folder else _BEHIND_ALL


def _behind(path: str) -> str:
    """Return the least string behind a path and, when it is a folder's, behind all that lies in it.

    No path holds a control character, so nothing lies between a file's path and the path with the first one that text
    of every database can hold.
    """
    return path[:-1] + chr(ord("/") + 1) if path.endswith("/") else path + "\x01"


def _page(entries: dict[str, Entry], limit: int) -> Listing:
    ordered = sorted(entries.values(), key=lambda entry: entry.name)
    page = ordered[:limit]
    return Listing(page, page[-1].name if len(ordered) > limit else None)


def _uuid(value: UUID | str) -> UUID:
    """Return an id of a row; SQLite keeps them as text."""
    return value if isinstance(value, UUID) else UUID(value)


def _instant(value: datetime | str) -> datetime:
    """Return a time of a row; SQLite keeps them as text, in UTC."""
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
