"""One content unit added to a large version, beside the same to a small one."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

from benchmarks.adds import add, make_files, make_repository
from benchmarks.figure import Figure, Reach
from benchmarks.site import Site
from headbox.plugins.file.kinds import FileContent
from headbox.resolvers.ids import GlobalId

ROUNDS = 20
SMALL = 1_000
LARGE = 1_000_000
#: Rows of one transaction: the server writes between two of them.
AT_ONCE = 20_000
#: Tables that an add writes what versions hold into.
TABLES = ("membership", "repository_version", "staged_content")


async def run() -> AsyncIterator[Figure]:
    """Add units to both in turns, so that whatever else the machine does meets both."""
    times: defaultdict[int, list[float]] = defaultdict(list)
    rows: defaultdict[int, list[float]] = defaultdict(list)
    async with Site.opened() as site:
        repositories = {units: await repository_of(site, units) for units in (SMALL, LARGE)}
        _count_rows(site.database)
        for number in range(ROUNDS):
            for units, repository in repositories.items():
                new = await make_files(site, [f"new/{units}/{number}"])
                before = _rows_written(site.database)
                times[units].append(await site.completed(await add(site.client, repository, new)) * 1000)
                rows[units].append(_rows_written(site.database) - before)
    small = Figure(f"one unit added to {SMALL:,}, from the task's start to its end", "ms", times[SMALL])
    yield small
    yield Figure(f"  to {LARGE:,}", "ms", times[LARGE], peer=small, ratio_reach=Reach(2))
    small_rows = Figure(f"  rows written, with {SMALL:,}", "rows", rows[SMALL])
    yield small_rows
    yield Figure(f"  rows written, with {LARGE:,}", "rows", rows[LARGE], peer=small_rows, ratio_reach=Reach(1))


async def repository_of(site: Site, units: int) -> str:
    """Make a repository whose version 1 has so many units: one by a task, the others straight in the database."""
    repository = await make_repository(site, f"of-{units}")
    await site.completed(await add(site.client, repository, await make_files(site, [f"{units}/0"])))
    parsed = GlobalId.parse(repository)
    assert parsed is not None, "the id of a repository"
    await asyncio.to_thread(_fill, site.database, parsed.id, units)
    return repository


def _fill(database: Path, repository_id: UUID, units: int) -> None:
    files = (
        FileContent.model_construct(relative_path=f"{units}/{number}", sha256=f"{number:064x}", size=1)
        for number in range(1, units)
    )
    # In the order of their ids, which is that of the tables: as fast as they grow.
    rows = sorted((file.unit_id(), file.slot_id(), file.relative_path, file.sha256) for file in files)
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        added_at, added_by = connection.execute(
            "SELECT added_at, added_by_id FROM membership WHERE repository_id = ?", (str(repository_id),)
        ).fetchone()
        brought = (str(repository_id), added_at, added_by)
        for start in range(0, len(rows), AT_ONCE):
            with connection:
                _insert(connection, rows[start : start + AT_ONCE], brought)
        with connection:
            by_kind = json.dumps({FileContent.kind: {"present": units, "added": units, "removed": 0, "size": units}})
            connection.execute(
                "UPDATE repository_version SET present = ?, added = ?, size = ?, by_kind = ?"
                " WHERE repository_id = ? AND number = 1",
                (units, units, units, by_kind, str(repository_id)),
            )


def _insert(
    connection: sqlite3.Connection, rows: list[tuple[str, str, str, str]], brought: tuple[str, str, str]
) -> None:
    """Write what a sync would have written.

    Args:
        connection: Inside of a transaction.
        rows: Files: id, slot, path and digest of each.
        brought: The repository, when they came into it, and the task that brought them.
    """
    connection.executemany(
        "INSERT INTO content (id, slot, kind, document, labels, created_at)"
        " VALUES (?, ?, ?, json_object('relative_path', ?, 'sha256', ?, 'size', 1), '{}', CURRENT_TIMESTAMP)",
        [(key, slot, FileContent.kind, path, sha256) for key, slot, path, sha256 in rows],
    )
    connection.executemany(
        "INSERT INTO content_artifact (content_id, relative_path, sha256, size) VALUES (?, ?, ?, 1)",
        [(key, path, sha256) for key, _, path, sha256 in rows],
    )
    connection.executemany(
        "INSERT INTO membership (repository_id, added_at, added_by_id, content_id, slot, added_in, origin, size)"
        " VALUES (?, ?, ?, ?, ?, 1, 'sync', 1)",
        [(*brought, key, slot) for key, slot, _, _ in rows],
    )


def _count_rows(database: Path) -> None:
    """Have the database count the rows that are written, whoever writes them."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute("CREATE TABLE bench_rows (written INTEGER NOT NULL)")
        connection.execute("INSERT INTO bench_rows VALUES (0)")
        for table in TABLES:
            for change in ("INSERT", "UPDATE", "DELETE"):
                connection.execute(
                    f"CREATE TRIGGER bench_{table}_{change} AFTER {change} ON {table}"  # noqa: S608 - names from above
                    " BEGIN UPDATE bench_rows SET written = written + 1; END"
                )


def _rows_written(database: Path) -> int:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        return int(connection.execute("SELECT written FROM bench_rows").fetchone()[0])
