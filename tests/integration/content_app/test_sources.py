"""Files that several remotes offer: which of them is asked, and what is remembered of those that fail."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from headbox.models import Artifact, ArtifactSource, Remote, RemoteRevision
from headbox.types import DownloadPolicy
from tests.integration.content_app.site import Answer, Site, digest_of
from tests.support.upstream import Reset, Slow, Status, Unannounced, Upstream

TALE = b"Far away in the heat of the day. "
LARGE = TALE * 100_000


@pytest.fixture
async def remotes(site: Site, upstream: Upstream) -> tuple[Remote, Remote]:
    upstream.files.update({"one/book.txt": TALE, "two/book.txt": TALE})
    return await site.remote(f"{upstream.url}/one/"), await site.remote(f"{upstream.url}/two/")


def urls(upstream: Upstream) -> list[str]:
    return [upstream.url_of("one/book.txt"), upstream.url_of("two/book.txt")]


async def forget_bytes(site: Site) -> None:
    await site.rest()
    await Artifact.all().delete()
    await site.storage.delete(digest_of(TALE))


async def test_source_that_fails_is_marked_and_then_asked_last(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    upstream.fault("one/book.txt", Status(404))
    await site.serve_on_demand("book.txt", *remotes, urls=urls(upstream), declared=TALE)

    first = await site.get("shelf/book.txt")
    await forget_bytes(site)
    marked, other = await ArtifactSource.all().order_by("id")
    second = await site.get("shelf/book.txt")

    assert first.body == second.body == TALE
    assert marked.failed_at is not None
    assert "404" in (marked.error or "")
    assert other.failed_at is None
    assert (upstream.hits("one/book.txt"), upstream.hits("two/book.txt")) == (1, 2)


@pytest.mark.parametrize("body", [TALE[::-1], TALE + b"!"], ids=["other bytes", "more bytes"])
async def test_source_that_lies_is_marked(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote], body: bytes
) -> None:
    upstream.files["one/book.txt"] = body
    await site.serve_on_demand("book.txt", *remotes, urls=urls(upstream), declared=TALE)

    assert (await site.get("shelf/book.txt")).body == TALE
    await site.rest()

    marked, other = await ArtifactSource.all().order_by("id")
    assert marked.failed_at is not None
    assert other.failed_at is None


async def test_source_that_failed_long_ago_is_asked_in_its_turn_and_loses_its_mark(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    await site.serve_on_demand("book.txt", *remotes, urls=urls(upstream), declared=TALE)
    await ArtifactSource.filter(remote_id=remotes[0].id).update(
        failed_at=datetime.now(UTC) - timedelta(days=1), error="it was away"
    )

    assert (await site.get("shelf/book.txt")).body == TALE
    await site.rest()

    assert upstream.requests == [("GET", "one/book.txt")]
    assert not await ArtifactSource.filter(failed_at__isnull=False).exists()


async def test_marked_source_is_asked_when_there_is_no_other(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    await site.serve_on_demand("book.txt", remotes[0], urls=urls(upstream)[:1], declared=TALE)
    await ArtifactSource.all().update(failed_at=datetime.now(UTC), error="it was away")

    assert (await site.get("shelf/book.txt")).body == TALE


async def test_remote_that_is_away_is_asked_last_for_its_other_files(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    upstream.fault("one/book.txt", Reset())
    await site.serve_on_demand("book.txt", *remotes, urls=urls(upstream), declared=TALE)
    upstream.files.update({"one/next.txt": LARGE, "two/next.txt": LARGE})
    next_urls = [upstream.url_of("one/next.txt"), upstream.url_of("two/next.txt")]
    await site.serve_on_demand("next.txt", *remotes, urls=next_urls, declared=LARGE, base_path="next")

    await site.get("shelf/book.txt")

    assert (await site.get("next/next.txt")).body == LARGE
    assert upstream.hits("one/next.txt") == 0


async def test_file_without_a_source_is_fetched_where_another_has_the_same_bytes(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    await site.serve_on_demand("book.txt", remotes[0], urls=urls(upstream)[:1], declared=TALE)
    await site.serve_on_demand("copy.txt", urls=[], declared=TALE, base_path="copies")

    assert (await site.get("copies/copy.txt")).body == TALE


async def test_client_is_refused_only_when_all_sources_fail(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    upstream.fault("one/book.txt", Status(404))
    upstream.fault("two/book.txt", Status(500))
    await site.serve_on_demand("book.txt", *remotes, urls=urls(upstream), declared=TALE)

    answer = await site.get("shelf/book.txt")

    assert answer.status == 502
    assert await ArtifactSource.filter(failed_at__isnull=False).count() == 2


async def test_source_of_a_deleted_remote_is_used_still(
    site: Site, upstream: Upstream, remotes: tuple[Remote, Remote]
) -> None:
    await site.serve_on_demand("book.txt", remotes[0], urls=urls(upstream)[:1], declared=TALE)
    await Remote.filter(id=remotes[0].id).update(deleted_at=datetime.now(UTC))

    assert (await site.get("shelf/book.txt")).body == TALE


class TestStreamed:
    @pytest.fixture
    async def remote(self, site: Site, upstream: Upstream) -> Remote:
        upstream.files["book.txt"] = LARGE
        return await site.remote(upstream.url, DownloadPolicy.STREAMED)

    async def serve(self, site: Site, upstream: Upstream, remote: Remote) -> None:
        await site.serve_on_demand("book.txt", remote, urls=[upstream.url_of("book.txt")], declared=LARGE)

    async def test_readers_at_one_time_share_a_fetch(self, site: Site, upstream: Upstream, remote: Remote) -> None:
        upstream.fault("book.txt", Slow(0.02, chunk_bytes=400_000))
        await self.serve(site, upstream, remote)

        async def late(delay: float) -> Answer:
            await asyncio.sleep(delay)
            return await site.get("shelf/book.txt")

        answers = await asyncio.gather(*(late(number / 100) for number in range(8)))

        assert all(answer.body == LARGE for answer in answers)
        assert all(answer.headers["content-length"] == str(len(LARGE)) for answer in answers)
        assert upstream.hits("book.txt") == 1

    async def test_parts_are_served(self, site: Site, upstream: Upstream, remote: Remote) -> None:
        await self.serve(site, upstream, remote)

        answer = await site.get("shelf/book.txt", range="bytes=1000000-1000009")

        assert (answer.status, answer.body) == (206, LARGE[1_000_000:1_000_010])
        assert answer.headers["content-range"] == f"bytes 1000000-1000009/{len(LARGE)}"

    @pytest.mark.parametrize("announced", [True, False])
    async def test_lie_never_looks_whole(
        self, site: Site, upstream: Upstream, remote: Remote, *, announced: bool
    ) -> None:
        upstream.files["book.txt"] = LARGE[:-1] + b"!"
        if not announced:
            upstream.fault("book.txt", Unannounced())
        await self.serve(site, upstream, remote)

        with pytest.raises(aiohttp.ClientPayloadError):
            await site.get("shelf/book.txt")

        await site.rest()
        assert [digest async for digest in site.storage.digests()] == []

    async def test_remote_that_is_on_demand_from_now_on_is_kept(
        self, site: Site, upstream: Upstream, remote: Remote
    ) -> None:
        await self.serve(site, upstream, remote)
        await site.get("shelf/book.txt")
        await site.rest()
        assert not await Artifact.exists()
        document = {"url": upstream.url, "policy": "on_demand"}
        await RemoteRevision.create(remote=remote, number=2, document=document)
        await Remote.filter(id=remote.id).update(revision=2)

        for _ in range(2):
            assert (await site.get("shelf/book.txt")).body == LARGE
            await site.rest()

        assert upstream.hits("book.txt") == 2
        assert await Artifact.filter(sha256=digest_of(LARGE)).exists()

    async def test_remote_whose_bytes_are_kept_is_asked_before(
        self, site: Site, upstream: Upstream, remote: Remote
    ) -> None:
        upstream.files["other/book.txt"] = LARGE
        other = await site.remote(f"{upstream.url}/other/")
        urls = [upstream.url_of("book.txt"), upstream.url_of("other/book.txt")]
        await site.serve_on_demand("book.txt", remote, other, urls=urls, declared=LARGE)

        assert (await site.get("shelf/book.txt")).body == LARGE
        await site.rest()

        assert upstream.requests == [("GET", "other/book.txt")]
        assert await Artifact.filter(sha256=digest_of(LARGE)).exists()
