"""Stored bytes that are not what they were: nobody is given them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from headbox.models import Artifact, Remote
from headbox.storage.interface import StoredArtifact
from headbox.tasking.bus import ARTIFACT
from headbox.types import uuid7
from tests.integration.content_app.site import Site, digest_of
from tests.support.upstream import Upstream

TALE = b"Far away in the heat of the day. "
#: Several chunks, so that a part of it is on its way when the rest turns out to be wrong.
LARGE = TALE * 100_000


async def is_marked(body: bytes) -> bool:
    return (await Artifact.get(sha256=digest_of(body))).damaged_at is not None


@pytest.fixture
async def remote(site: Site, upstream: Upstream) -> Remote:
    upstream.files.update({"small.txt": TALE, "large.txt": LARGE})
    return await site.remote(upstream.url)


async def serve(site: Site, upstream: Upstream, remote: Remote, path: str, body: bytes) -> None:
    """Serve a file that is stored, and that a remote has."""
    await site.serve_on_demand(path, remote, urls=[upstream.url_of(path)], declared=body)
    await site.store(body)


async def test_small_file_that_rotted_is_fetched_again(site: Site, upstream: Upstream, remote: Remote) -> None:
    await serve(site, upstream, remote, "small.txt", TALE)
    site.rot(TALE)

    assert (await site.get("shelf/small.txt")).body == TALE
    await site.rest()

    assert not await is_marked(TALE)
    assert [chunk async for chunk in site.storage.read(digest_of(TALE))] == [TALE]
    assert site.counted("damaged") == 1


async def test_small_file_that_rotted_and_nobody_has_is_refused(site: Site) -> None:
    await site.serve({"small.txt": TALE})
    site.rot(TALE)

    answers = [await site.get("shelf/small.txt", accept="application/json") for _ in range(2)]

    for answer in answers:
        assert (answer.status, answer.headers["retry-after"]) == (503, "300")
        assert b'"code":"ARTIFACT_DAMAGED"' in answer.body
        assert b"createRepair" in answer.body
    assert await is_marked(TALE)


async def test_large_file_that_rotted_is_broken_off_and_then_fetched_again(
    site: Site, upstream: Upstream, remote: Remote
) -> None:
    await serve(site, upstream, remote, "large.txt", LARGE)
    site.rot(LARGE)

    with pytest.raises(aiohttp.ClientPayloadError):
        await site.get("shelf/large.txt")
    assert await is_marked(LARGE)
    again = await site.get("shelf/large.txt")
    await site.rest()

    assert again.body == LARGE
    assert not await is_marked(LARGE)
    assert (await site.get("shelf/large.txt")).body == LARGE
    assert upstream.hits("large.txt") == 1


async def test_large_file_that_rotted_and_nobody_has_is_refused_once_it_is_known(site: Site) -> None:
    await site.serve({"large.txt": LARGE})
    site.rot(LARGE)

    with pytest.raises(aiohttp.ClientPayloadError):
        await site.get("shelf/large.txt")

    assert (await site.get("shelf/large.txt")).status == 503
    assert (await site.get("shelf/large.txt", range="bytes=0-9")).status == 503


async def test_damage_that_another_process_found_is_heard_of(site: Site) -> None:
    await site.serve({"large.txt": LARGE})
    assert (await site.get("shelf/large.txt")).status == 200

    await Artifact.all().update(damaged_at=datetime.now(UTC))
    site.bus.publish(ARTIFACT, digest_of(LARGE), {})

    assert (await site.get("shelf/large.txt")).status == 503


async def test_bytes_that_came_back_are_served(site: Site) -> None:
    await site.serve({"large.txt": LARGE})
    site.damage(digest_of(LARGE))
    assert (await site.get("shelf/large.txt")).status == 503

    await site.store(LARGE)
    await Artifact.all().update(damaged_at=None)

    assert (await site.get("shelf/large.txt")).body == LARGE


async def test_second_look_that_finds_the_bytes_right_takes_the_mark_off(site: Site, tmp_path: Path) -> None:
    await site.serve({"large.txt": LARGE})
    await site.storage.delete(digest_of(LARGE))
    looks = 0
    look = site.storage.look

    async def back_in_time(digest: str) -> StoredArtifact | None:
        nonlocal looks
        looks += 1
        if looks == 2:  # Another one stores them between the first look and the second.
            path = tmp_path / str(uuid7())
            path.write_bytes(LARGE)
            await site.storage.adopt(path, digest)
        return await look(digest)

    site.storage.look = back_in_time  # type: ignore[method-assign]

    assert (await site.get("shelf/large.txt")).body == LARGE
    assert not await is_marked(LARGE)


async def test_part_is_served_without_reading_the_whole(site: Site) -> None:
    await site.serve({"large.txt": LARGE})
    site.rot(LARGE)

    assert (await site.get("shelf/large.txt", range="bytes=0-9")).body == LARGE[:10]
    assert not await is_marked(LARGE)


@pytest.mark.parametrize(
    ("check_reads", "is_silent", "seen"),
    [("size", False, 0), ("once", False, 1), ("once", True, 0), ("always", True, 1)],
)
async def test_settings_say_how_often_digests_are_compared(
    data_dir: Path, check_reads: str, *, is_silent: bool, seen: int
) -> None:
    async with Site(data_dir, check_reads=check_reads).running() as site:
        await site.serve({"large.txt": LARGE})
        assert (await site.get("shelf/large.txt")).body == LARGE
        path = site.storage.path_of(digest_of(LARGE))
        assert path is not None
        written = path.stat().st_mtime_ns
        site.rot(LARGE)
        # A disk that rots leaves no trace; whoever writes to a file does.
        later = written if is_silent else written + 1_000_000
        os.utime(path, ns=(later, later))

        broken_off = 0
        try:
            await site.get("shelf/large.txt")
        except aiohttp.ClientPayloadError:
            broken_off = 1

    assert broken_off == seen
