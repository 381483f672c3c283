"""How fast a new repository takes in what an upstream lists, and how fast it finds that nothing is new."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, Reach
from benchmarks.site import Site

UNITS = 50_000
ROUNDS = 3
#: What a sync leaves behind, each table after those that it refers to.
TABLES = ("content", "content_artifact", "artifact_source", "membership")


async def run() -> AsyncIterator[Figure]:
    """Sync a manifest of many files that are fetched on demand."""
    measured: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        async with Site.opened() as site:
            for what, value in (await _round(site)).items():
                measured[what].append(value)
    bare = Figure("bare insert of the same rows, one transaction", "units/s", measured["insert"])
    yield bare
    yield Figure(
        f"first sync of {UNITS:,} files",
        "units/s",
        measured["sync"],
        peer=bare,
        reach=Reach(15_000, is_floor=True),
        ratio_reach=Reach(1 / 3, is_floor=True),
    )
    bare_processor = Figure("processor's time of the bare insert", "µs a unit", measured["insert processor"])
    yield bare_processor
    yield Figure("processor's time of the server", "µs a unit", measured["sync processor"], peer=bare_processor)
    yield Figure("  from mutation to final state seen", "s", measured["wall"])
    yield Figure("  peak memory of the server", "MB", measured["memory"], reach=Reach(300))
    yield Figure("again, manifest unchanged", "ms", measured["skip"])
    yield Figure("again, forced, nothing new", "s", measured["forced"])


async def _round(site: Site) -> dict[str, float]:
    """Sync with a new server, and insert the same rows without one."""
    url = await site.listing_upstream("many", UNITS)
    started, used = time.perf_counter(), site.processor_seconds()
    mirror = await site.mirror("many", url, policy="ON_DEMAND")
    seconds = await site.completed(mirror.first_sync)
    measured = {
        "wall": time.perf_counter() - started,
        "sync": UNITS / seconds,
        "sync processor": (site.processor_seconds() - used) / UNITS * 1e6,
        "memory": site.peak_memory(),
        "skip": await site.completed(await site.sync(mirror)) * 1000,
        "forced": await site.completed(await site.sync(mirror, force=True)),
    }
    insert = await asyncio.to_thread(bare_insert, site.database, site.folder / "bare.db")
    return measured | {"insert": UNITS / insert.seconds, "insert processor": insert.processor_seconds / UNITS * 1e6}


@dataclass(frozen=True)
class Insert:
    """What an insert took, by the clock and of the processor."""

    seconds: float
    processor_seconds: float


def bare_insert(source: Path, target: Path) -> Insert:
    """Insert the rows of a database into the same tables of a new one."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as old:
        marks = ", ".join("?" * len(TABLES))
        schema = old.execute(
            f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND sql IS NOT NULL ORDER BY type DESC",  # noqa: S608
            TABLES,
        ).fetchall()
        rows = {table: old.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608
    old.close()
    new = sqlite3.connect(target, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -32768", "foreign_keys = ON"):
        new.execute(f"PRAGMA {pragma}")
    for (statement,) in schema:
        new.execute(statement)
    started, used = time.perf_counter(), time.thread_time()
    new.execute("BEGIN IMMEDIATE")
    for table, values in rows.items():
        places = ", ".join("?" * len(values[0]))
        new.executemany(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608
    new.execute("COMMIT")
    insert = Insert(time.perf_counter() - started, time.thread_time() - used)
    new.close()
    return insert
