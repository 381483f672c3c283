"""Files that only upstream has, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from headbox.models import Artifact, ContentArtifact, Remote, RemoteRevision
from headbox.types import DownloadPolicy
from tests.integration.content_app.site import Answer, Site, digest_of
from tests.support.upstream import Endless, Raw, Reset, Slow, Status, Truncated, Unannounced, Upstream
from tests.support.waiting import until

TALE = b"Far away in the heat of the day. "
LARGE = TALE * 100_000


def work_files(site: Site) -> list[Path]:
    return list((site.data_dir / "work").iterdir())


@pytest.fixture
async def remote(site: Site, upstream: Upstream) -> Remote:
    upstream.files["book.txt"] = LARGE
    return await site.remote(upstream.url)


async def test_first_client_gets_the_file_and_it_is_kept(site: Site, upstream: Upstream, remote: Remote) -> None:
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    first = await site.get("shelf/book.txt")
    await site.rest()
    second = await site.get("shelf/book.txt")

    for answer in (first, second):
        assert (answer.status, answer.body) == (200, LARGE)
        assert answer.headers["etag"] == f'"{digest_of(LARGE)}"'
        assert answer.headers["content-length"] == str(len(LARGE))
    assert upstream.hits("book.txt") == 1
    assert await site.storage.exists(digest_of(LARGE))
    assert await Artifact.filter(sha256=digest_of(LARGE), size=len(LARGE)).exists()
    # A thread removes them, also when nobody waits for it any more.
    await until(lambda: not work_files(site))
    assert site.counted("upstream_fetches", outcome="fetched") == 1


async def test_what_upstream_did_not_tell_is_learned(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.fault("book.txt", Unannounced())
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")])

    first = await site.get("shelf/book.txt")
    await site.rest()
    second = await site.get("shelf/book.txt")

    assert first.body == second.body == LARGE
    assert "content-length" not in first.headers
    assert second.headers["etag"] == f'"{digest_of(LARGE)}"'
    known = await ContentArtifact.get(relative_path="book.txt")
    assert (known.sha256, known.size) == (digest_of(LARGE), len(LARGE))


async def test_many_clients_share_one_fetch(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.fault("book.txt", Slow(0.02, chunk_bytes=200_000))
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    async def late(delay: float) -> Answer:
        await asyncio.sleep(delay)
        return await site.get("shelf/book.txt")

    answers = await asyncio.gather(*(late(number / 100) for number in range(50)))

    assert all(answer.body == LARGE for answer in answers)
    assert upstream.hits("book.txt") == 1


async def test_bytes_are_passed_on_before_the_end(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.fault("book.txt", Slow(0.2, chunk_bytes=len(LARGE) // 4))
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    async with site.client.get(f"{site.url}/shelf/book.txt") as response:
        await response.content.readany()
        assert not await site.storage.exists(digest_of(LARGE))
        assert work_files(site) != []
        await response.read()


async def test_fetch_goes_on_when_the_first_client_leaves(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.fault("book.txt", Slow(0.05, chunk_bytes=500_000))
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    async with site.client.get(f"{site.url}/shelf/book.txt") as response:
        await response.content.readany()
        response.close()
    await site.rest()

    assert (await site.get("shelf/book.txt")).body == LARGE
    assert upstream.hits("book.txt") == 1


@pytest.mark.parametrize(
    ("asked", "expected"), [("bytes=100-199", LARGE[100:200]), ("bytes=-1", LARGE[-1:]), ("bytes=0-", LARGE)]
)
async def test_range_of_what_is_not_stored_is_served(
    site: Site, upstream: Upstream, remote: Remote, asked: str, expected: bytes
) -> None:
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    answer = await site.get("shelf/book.txt", range=asked)

    assert (answer.status, answer.body) == (206, expected)


async def test_what_is_known_is_told_without_a_fetch(site: Site, upstream: Upstream, remote: Remote) -> None:
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    head = await site.get("shelf/book.txt", method="HEAD")
    unchanged = await site.get("shelf/book.txt", if_none_match=f'"{digest_of(LARGE)}"')

    assert (head.status, head.headers["content-length"]) == (200, str(len(LARGE)))
    assert unchanged.status == 304
    assert upstream.requests == []


async def test_wrong_bytes_never_look_complete(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.files["book.txt"] = LARGE[:-1] + b"!"
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    with pytest.raises(aiohttp.ClientPayloadError):
        await site.get("shelf/book.txt")
    await site.rest()

    assert not await Artifact.exists()
    assert [digest async for digest in site.storage.digests()] == []
    # A thread removes them, also when nobody waits for it any more.
    await until(lambda: not work_files(site))
    assert site.counted("upstream_fetches", outcome="failed") == 1


async def test_wrong_bytes_of_no_declared_size_never_look_complete(
    site: Site, upstream: Upstream, remote: Remote
) -> None:
    upstream.fault("book.txt", Unannounced())
    upstream.files["book.txt"] = LARGE[:-1] + b"!"
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE, with_size=False)

    with pytest.raises(aiohttp.ClientPayloadError):
        await site.get("shelf/book.txt")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Status(404), 502),
        (Status(401), 502),
        (Status(500), 502),
        (Reset(), 502),
        (Truncated(10), 502),
        (Endless(), 502),
        (Raw(b"nonsense"), 502),
    ],
)
async def test_upstream_that_fails_gets_a_helpful_answer(
    site: Site, upstream: Upstream, remote: Remote, fault: Status, status: int
) -> None:
    upstream.files["book.txt"] = TALE
    upstream.fault("book.txt", fault)
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=TALE)

    answer = await site.get("shelf/book.txt")
    upstream.heal("book.txt")
    healed = await site.get("shelf/book.txt")

    assert answer.status == status
    assert b"Try again later" in answer.body
    assert upstream.url.encode() not in answer.body
    assert healed.body == TALE


async def test_upstream_that_is_silent_gets_504(site: Site, upstream: Upstream, remote: Remote) -> None:
    await RemoteRevision.filter(remote_id=remote.id).update(
        document={"url": upstream.url, "policy": "on_demand", "max_retries": 0, "read_timeout_seconds": 0.1}
    )
    upstream.fault("book.txt", Slow(2))
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    assert (await site.get("shelf/book.txt")).status == 504


async def test_next_source_is_tried_when_one_fails(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.files.update({"wrong.txt": TALE, "right.txt": TALE[::-1]})
    other = await site.remote(f"{upstream.url}/other")
    urls = [upstream.url_of("wrong.txt"), upstream.url_of("right.txt")]
    right = TALE[::-1]
    await site.serve_on_demand("book.txt", remote, other, urls=urls, declared=right)

    answer = await site.get("shelf/book.txt")

    assert (answer.status, answer.body) == (200, right)
    assert (upstream.hits("wrong.txt"), upstream.hits("right.txt")) == (1, 1)


async def test_next_source_is_tried_when_readers_have_wrong_bytes(
    site: Site, upstream: Upstream, remote: Remote
) -> None:
    upstream.files.update({"wrong.txt": LARGE[::-1], "right.txt": LARGE})
    other = await site.remote(f"{upstream.url}/other")
    urls = [upstream.url_of("wrong.txt"), upstream.url_of("right.txt")]
    await site.serve_on_demand("book.txt", remote, other, urls=urls, declared=LARGE)

    with pytest.raises(aiohttp.ClientPayloadError):
        await site.get("shelf/book.txt")
    await site.rest()

    assert (await site.get("shelf/book.txt")).body == LARGE
    assert upstream.hits("right.txt") == 1


async def test_remote_is_used_as_it_is_now(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.files["next.txt"] = TALE
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)
    await site.serve_on_demand("next.txt", remote, urls=[upstream.url_of("next.txt")], base_path="next")
    await site.get("shelf/book.txt")
    document = {"url": upstream.url, "policy": "on_demand", "headers": {"X-Token": "new"}}
    await RemoteRevision.create(remote=remote, number=2, document=document)
    await Remote.filter(id=remote.id).update(revision=2, deleted_at=datetime.now(UTC))

    answer = await site.get("next/next.txt")

    assert answer.body == TALE
    assert upstream.headers_of("next.txt")[-1]["X-Token"] == "new"


async def test_streamed_content_is_never_kept(site: Site, upstream: Upstream) -> None:
    upstream.files["book.txt"] = LARGE
    remote = await site.remote(upstream.url, DownloadPolicy.STREAMED)
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    for _ in range(2):
        assert (await site.get("shelf/book.txt")).body == LARGE
        await site.rest()

    assert upstream.hits("book.txt") == 2
    assert not await Artifact.exists()
    # A thread removes them, also when nobody waits for it any more.
    await until(lambda: not work_files(site))


async def test_streamed_content_that_nobody_waits_for_is_not_fetched_on(site: Site, upstream: Upstream) -> None:
    upstream.files["book.txt"] = LARGE
    upstream.fault("book.txt", Slow(0.5, chunk_bytes=1_100_000))
    remote = await site.remote(upstream.url, DownloadPolicy.STREAMED)
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    async with site.client.get(f"{site.url}/shelf/book.txt") as response:
        await response.content.readany()
        response.close()
    async with asyncio.timeout(0.4):
        await site.rest()

    # A thread removes them, also when nobody waits for it any more.
    await until(lambda: not work_files(site))


async def test_bytes_that_nobody_has_get_404(site: Site) -> None:
    await site.serve_on_demand("book.txt", urls=[], declared=LARGE)

    answer = await site.get("shelf/book.txt")

    assert answer.status == 404
    assert b"Sync the repository again" in answer.body


async def test_artifact_that_the_storage_lost_is_fetched_again(site: Site, upstream: Upstream, remote: Remote) -> None:
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)
    await site.get("shelf/book.txt")
    await site.rest()
    site.damage(digest_of(LARGE))

    assert (await site.get("shelf/book.txt")).body == LARGE
    await site.rest()
    assert (await site.get("shelf/book.txt")).body == LARGE
    assert upstream.hits("book.txt") == 2


async def test_artifact_that_was_stored_by_another_is_not_fetched(
    site: Site, upstream: Upstream, remote: Remote
) -> None:
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)
    await site.get("shelf/book.txt", method="HEAD")
    await site.store(LARGE)

    assert (await site.get("shelf/book.txt")).body == LARGE
    assert upstream.requests == []


async def test_stop_ends_fetches_and_breaks_their_answers_off(site: Site, upstream: Upstream, remote: Remote) -> None:
    upstream.fault("book.txt", Slow(1, chunk_bytes=1_100_000))
    await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    async with site.client.get(f"{site.url}/shelf/book.txt") as response:
        await response.content.readany()
        await site.app.stop()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()

    # A thread removes them, also when nobody waits for it any more.
    await until(lambda: not work_files(site))
    await site.app.start()
