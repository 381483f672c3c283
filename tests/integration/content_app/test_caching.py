"""What is asked again of the database, and when."""

from __future__ import annotations

import asyncio

import pytest

from headbox.content_app import pointers
from headbox.models import Distribution
from headbox.models.database import fetch
from tests.integration.content_app.site import Site
from tests.support.statements import statements


@pytest.fixture(autouse=True)
def _pointers_stay_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a slow machine from taking so long for a test that its pointers grow old."""
    monkeypatch.setattr(pointers, "MAX_AGE_SECONDS", 3600.0)


async def test_warm_hits_and_misses_ask_nothing(site: Site) -> None:
    await site.serve({"one.txt": b"1", "large.bin": bytes(1_000_000), "sub/two.txt": b"2"})
    paths = ["shelf/one.txt", "shelf/large.bin", "shelf/none.txt", "shelf/sub", "elsewhere/x/y.txt"]

    with statements() as cold:
        before = [(await site.get(path)).status for path in paths]
    with statements() as warm:
        after = [(await site.get(path)).status for path in paths]
        await site.get("shelf/one.txt", method="HEAD")
        await site.get("shelf/one.txt", range="bytes=0-0")

    assert before[:4] == after[:4] == [200, 200, 404, 307]
    assert cold
    # What no distribution serves is looked for among the base paths, which are no part of any publication.
    assert [statement for statement in warm if "base_path >=" not in statement] == []


async def test_a_file_is_found_with_one_query_and_its_distribution_with_another(site: Site) -> None:
    await site.serve({"one.txt": b"1", "two.txt": b"2"})

    with statements() as first:
        await site.get("shelf/one.txt")
    with statements() as second:
        await site.get("shelf/two.txt")

    assert (len(first), len(second)) == (2, 1)


@pytest.mark.embedded
async def test_file_is_looked_up_by_its_path_and_not_among_all_units(site: Site) -> None:
    await site.serve({"one.txt": b"1"})

    with statements() as asked:
        await site.get("shelf/one.txt")

    statement = asked[-1].partition(": ")[0]
    steps = await fetch(site.database.connection, f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?"))
    plan = [row["detail"] for row in steps]
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

    with statements() as asked:
        await found.find("shelf/one.txt")
    assert asked
