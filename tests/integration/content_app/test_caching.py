"""What is asked again of the database, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headbox.content_app import pointers
from headbox.models import Distribution
from headbox.models.database import Database, fetch
from tests.integration.content_app.site import Site


@asynccontextmanager
async def statements(database: Database) -> AsyncIterator[list[str]]:
    """Collect every statement that the connection runs."""
    raw = database.connection._connection
    seen: list[str] = []
    await raw.set_trace_callback(seen.append)
    try:
        yield seen
    finally:
        await raw.set_trace_callback(None)


@pytest.fixture(autouse=True)
def _pointers_stay_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a slow machine from taking so long for a test that its pointers grow old."""
    monkeypatch.setattr(pointers, "MAX_AGE_SECONDS", 3600.0)


async def test_warm_hits_and_misses_ask_nothing(site: Site) -> None:
    await site.serve({"one.txt": b"1", "large.bin": bytes(1_000_000), "sub/two.txt": b"2"})
    paths = ["shelf/one.txt", "shelf/large.bin", "shelf/none.txt", "shelf/sub", "elsewhere/x/y.txt"]

    async with statements(site.database) as cold:
        before = [(await site.get(path)).status for path in paths]
    async with statements(site.database) as warm:
        after = [(await site.get(path)).status for path in paths]
        await site.get("shelf/one.txt", method="HEAD")
        await site.get("shelf/one.txt", range="bytes=0-0")

    assert before[:4] == after[:4] == [200, 200, 404, 307]
    assert cold
    # What no distribution serves is looked for among the base paths, which are no part of any publication.
    assert [statement for statement in warm if "base_path >=" not in statement] == []


async def test_a_file_is_found_with_one_query_and_its_distribution_with_another(site: Site) -> None:
    await site.serve({"one.txt": b"1", "two.txt": b"2"})

    async with statements(site.database) as first:
        await site.get("shelf/one.txt")
    async with statements(site.database) as second:
        await site.get("shelf/two.txt")

    assert (len(first), len(second)) == (2, 1)


async def test_file_is_looked_up_by_its_path_and_not_among_all_units(site: Site) -> None:
    await site.serve({"one.txt": b"1"})

    async with statements(site.database) as asked:
        await site.get("shelf/one.txt")

    plan = [row["detail"] for row in await fetch(site.database.connection, f"EXPLAIN QUERY PLAN {asked[-1]}")]
    assert any(step.startswith("SEARCH a ") and "relative_path=?" in step for step in plan)
    assert any(step.startswith("SEARCH m ") and "content_id=?" in step for step in plan)


async def test_new_publication_is_served_at_once(site: Site) -> None:
    await site.serve({"one.txt": b"old", "gone.txt": b""})
    await site.get("shelf/one.txt")
    await site.get("shelf/gone.txt")

    repository = await site.repository("next")
    await site.version(repository, add=[await site.content("one.txt", body=b"new")])
    await site.distribute("shelf", await site.publish(repository))

    assert (await site.get("shelf/one.txt")).body == b"new"
    assert (await site.get("shelf/gone.txt")).status == 404


async def test_new_distribution_is_served_at_once(site: Site) -> None:
    assert (await site.get("shelf/one.txt")).status == 404

    await site.serve({"one.txt": b"1"})

    assert (await site.get("shelf/one.txt")).status == 200


async def test_change_that_the_bus_lost_is_seen_nevertheless(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pointers, "MAX_AGE_SECONDS", 0.2)
    await site.serve({"one.txt": b"1"})
    assert (await site.get("shelf/one.txt")).status == 200

    await Distribution.filter(base_path="shelf").update(serving_id=None)

    await asyncio.sleep(0.3)
    assert (await site.get("shelf/one.txt")).status == 404


async def test_change_while_the_pointer_is_read_is_not_missed(site: Site) -> None:
    publication = await site.serve({"one.txt": b"1"})
    found = pointers.Pointers(site.database)

    reading = asyncio.create_task(found.find("shelf/one.txt"))
    await asyncio.sleep(0)
    found.forget()
    pointer = await reading
    assert pointer is not None
    assert pointer.served is not None
    assert pointer.served.publication_id == publication.id

    async with statements(site.database) as asked:
        await found.find("shelf/one.txt")
    assert asked
