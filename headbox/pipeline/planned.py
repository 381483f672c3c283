"""What a plan has seen, in a file of its own: nothing of it is in the database, and memory does not grow with it.

Sets are compared here as a sync compares them there; see `services.version`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from headbox.pipeline.batch import Batch

#: Values of one `IN`: well below what any SQLite takes.
IN_VALUES = 10_000

_TABLES = """
    CREATE TABLE unit (id TEXT PRIMARY KEY, kind TEXT, slot TEXT, ordinal INTEGER) WITHOUT ROWID;
    CREATE TABLE artifact (unit_id TEXT, path TEXT, sha256 TEXT, size INTEGER, is_stored INTEGER,
                           PRIMARY KEY (unit_id, path)) WITHOUT ROWID;
    CREATE TABLE standing (id TEXT PRIMARY KEY, kind TEXT, slot TEXT, goes INTEGER) WITHOUT ROWID;
"""
#: Once everything is in: to look for what has a place.
_INDEXES = "CREATE INDEX unit_slot ON unit (slot, ordinal)"
_IS_NEW = "NOT EXISTS (SELECT 1 FROM standing WHERE standing.id = unit.id)"
_IS_REMOVED = (
    "NOT EXISTS (SELECT 1 FROM unit WHERE unit.id = standing.id)"
    " AND (standing.goes OR EXISTS (SELECT 1 FROM unit WHERE unit.slot = standing.slot))"
)


class Standing(NamedTuple):
    """A unit of the repository's latest version.

    Attributes:
        goes: Whether it is removed unless it is declared.
    """

    id: str
    kind: str
    slot: str
    goes: bool


@dataclass(slots=True)
class Amount:
    """How many things there are, and their bytes.

    Attributes:
        bytes: Of those whose size is known.
        unknown_sizes: Artifacts whose size is not known.
    """

    count: int = 0
    bytes: int = 0
    unknown_sizes: int = 0


@dataclass(frozen=True, slots=True)
class PlannedArtifact:
    """One file of a unit, as far as is known."""

    relative_path: str
    sha256: str | None
    size: int | None


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """A unit that would be added or removed."""

    id: str
    kind: str
    artifacts: list[PlannedArtifact] = field(default_factory=list)


class Planned:
    """Everything that the remote declares, and what stands in its way.

    Its methods block, each for as long as a batch takes: they are called in threads.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path) -> AsyncIterator[Planned]:
        """Open it in a new file, which whoever made its folder removes."""
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Nobody reads it after a crash.
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
        planned = cls(connection)
        try:
            yield planned
        finally:
            # Who was canceled has left a thread behind, which is not done yet.
            connection.interrupt()
            await asyncio.shield(asyncio.to_thread(planned._close))

    def _close(self) -> None:
        with self._lock:
            self._connection.close()

    def known(self, unit_ids: Sequence[str]) -> dict[str, dict[str, str | None]]:
        """Return the units that were declared before: id -> relative path -> SHA-256, or None where not known."""
        known: dict[str, dict[str, str | None]] = {}
        for some in _pieces(unit_ids):
            rows = self._rows(
                "SELECT unit.id, artifact.path, artifact.sha256 FROM unit"  # noqa: S608
                f" LEFT JOIN artifact ON artifact.unit_id = unit.id WHERE unit.id IN ({_marks(some)})",
                some,
            )
            for unit_id, path, sha256 in rows:
                artifacts = known.setdefault(unit_id, {})
                if path is not None:
                    artifacts[path] = sha256
        return known

    def add(self, batch: Batch, stored: Mapping[str, int], standing: Iterable[Standing]) -> None:
        """Take in a batch.

        Args:
            batch: What is declared; a unit that was declared before stays as it was.
            stored: SHA-256 -> size of artifacts whose bytes are stored.
            standing: The units that have the same slots.
        """
        with self._transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO unit VALUES (?, ?, ?, ?)",
                [
                    (unit.id, unit.content.kind, unit.slot, ordinal)
                    for ordinal, unit in enumerate(batch.units, batch.first_ordinal)
                ],
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO artifact VALUES (?, ?, ?, ?, ?)", list(_artifact_rows(batch, stored))
            )
        self.stand(standing)

    def stand(self, standing: Iterable[Standing]) -> None:
        """Take in units of the repository's latest version."""
        with self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO standing VALUES (?, ?, ?, ?)", standing)

    def complete(self) -> None:
        """Say that everything is in."""
        with self._transaction():
            self._connection.execute(_INDEXES)

    def conflicts(self, limit: int) -> list[tuple[str, str]]:
        """Return units that want the place of one that was declared before them: ids and first paths."""
        rows = self._rows(
            "SELECT unit.id, MIN(artifact.path) AS path FROM unit LEFT JOIN artifact ON artifact.unit_id = unit.id"
            " WHERE EXISTS (SELECT 1 FROM unit first WHERE first.slot = unit.slot AND first.ordinal < unit.ordinal)"
            " GROUP BY unit.id ORDER BY path LIMIT ?",
            [limit],
        )
        return [(unit_id, path or "") for unit_id, path in rows]

    def leave_out(self, unit_ids: Sequence[str]) -> None:
        """Take units out again."""
        with self._transaction():
            for table, column in (("unit", "id"), ("artifact", "unit_id")):
                statement = f"DELETE FROM {table} WHERE {column} = ?"  # noqa: S608 - names of our own tables
                self._connection.executemany(statement, [(unit_id,) for unit_id in unit_ids])

    def added(self) -> dict[str, Amount]:
        """Return what would be added, by kind."""
        counts = self._rows(f"SELECT kind, COUNT(*) FROM unit WHERE {_IS_NEW} GROUP BY kind")  # noqa: S608
        amounts = {kind: Amount(count) for kind, count in counts}
        sizes = self._rows(
            "SELECT unit.kind, COALESCE(SUM(artifact.size), 0), COUNT(*) - COUNT(artifact.size)"  # noqa: S608
            f" FROM unit JOIN artifact ON artifact.unit_id = unit.id WHERE {_IS_NEW} GROUP BY unit.kind"
        )
        for kind, size, unknown in sizes:
            amounts[kind].bytes, amounts[kind].unknown_sizes = size, unknown
        return amounts

    def missing_bytes(self, *, of_new_only: bool) -> Amount:
        """Return the artifacts whose bytes are not stored, each digest once.

        Args:
            of_new_only: Of the units that would be added, and not of all that are declared.
        """
        [row] = self._rows(
            "SELECT COUNT(*), COALESCE(SUM(size), 0), COUNT(*) - COUNT(size) FROM"  # noqa: S608
            " (SELECT MAX(artifact.size) AS size FROM artifact JOIN unit ON unit.id = artifact.unit_id"
            f"  WHERE NOT artifact.is_stored {f'AND {_IS_NEW}' if of_new_only else ''}"
            "  GROUP BY COALESCE(artifact.sha256, artifact.unit_id || artifact.path))"
        )
        return Amount(*row)

    def first_added(self, limit: int) -> list[PlannedUnit]:
        """Return the first units that would be added, in the order of their declaration."""
        rows = self._rows(
            f"SELECT id, kind FROM unit WHERE {_IS_NEW} ORDER BY ordinal LIMIT ?",  # noqa: S608
            [limit],
        )
        units = [PlannedUnit(*row) for row in rows]
        for unit in units:
            artifacts = self._rows("SELECT path, sha256, size FROM artifact WHERE unit_id = ? ORDER BY path", [unit.id])
            unit.artifacts.extend(PlannedArtifact(*row) for row in artifacts)
        return units

    def removed(self, after: str) -> list[PlannedUnit]:
        """Return the next units that would be removed, by id; their artifacts are not known here."""
        rows = self._rows(
            f"SELECT id, kind FROM standing WHERE id > ? AND {_IS_REMOVED} ORDER BY id LIMIT {IN_VALUES}",  # noqa: S608
            [after],
        )
        return [PlannedUnit(*row) for row in rows]

    def _rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # By hand: each statement would be one of its own.
        with self._lock:
            self._connection.execute("BEGIN")
            yield
            self._connection.execute("COMMIT")


def _artifact_rows(batch: Batch, stored: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    for unit in batch.units:
        known = batch.known.get(unit.id, {})
        for artifact in unit.artifacts:
            sha256 = artifact.sha256 or known.get(artifact.relative_path)
            size = stored.get(sha256) if sha256 else None
            is_stored = size is not None and artifact.size in {None, size}
            expected = artifact.size if artifact.size is not None else size
            yield unit.id, artifact.relative_path, sha256, expected, is_stored


def total(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of some amounts."""
    sums: defaultdict[str, int] = defaultdict(int)
    for amount in amounts:
        for name in ("count", "bytes", "unknown_sizes"):
            sums[name] += getattr(amount, name)
    return Amount(**sums)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), IN_VALUES):
        yield values[start : start + IN_VALUES]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
