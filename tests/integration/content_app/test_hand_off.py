"""Files that are in a bucket, and files whose bytes another server sends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headbox.content_app.bodies import SMALL_BYTES
from headbox.models import Content
from headbox.storage import s3
from headbox.storage.keys import key_of
from tests.integration.content_app.site import Answer, Site, digest_of
from tests.support.nginx import nginx
from tests.support.object_store import ObjectStore
from tests.support.services import TcpProxy
from tests.support.upstream import Upstream

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "nginx" / "headbox.conf"
#: Too large to be sent from memory.
LARGE = bytes(range(256)) * (SMALL_BYTES // 128)
OTHER = bytes(reversed(LARGE))
TALE = b"Once upon a time."
TAG = f'"{digest_of(LARGE)}"'


async def follow(site: Site, path: str, **headers: str) -> Answer:
    """Ask for a path as clients do: they go where they are sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.client.get(f"{site.url}/{path}", headers=named) as response:
        return Answer(response.status, response.headers, await response.read())


async def serve_older_again(site: Site) -> str:
    """Let a path serve OTHER, then LARGE, then OTHER; return the Last-Modified that LARGE had."""
    repository = await site.repository()
    old, new = [await site.content("large.bin", body=body) for body in (OTHER, LARGE)]
    await Content.filter(id=old).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    first = await site.publish(repository, await site.version(repository, add=[old]))
    second = await site.publish(repository, await site.version(repository, add=[new], remove=[old]))
    await site.distribute("shelf", second)
    modified = (await follow(site, "shelf/large.bin")).headers["last-modified"]
    await site.distribute("shelf", first)
    return modified


class TestBucketThatFails:
    """The network between headbox and its bucket is cut."""

    @pytest.fixture
    def proxy(self, object_store: ObjectStore) -> Iterator[TcpProxy]:
        with TcpProxy(object_store.port) as proxy:
            yield proxy

    @pytest.fixture
    async def site(
        self, data_dir: Path, object_store: ObjectStore, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Site]:
        monkeypatch.setattr(s3, "RETRY_TIME", timedelta(seconds=0.2))
        async with Site(data_dir, object_store, endpoint=f"http://127.0.0.1:{proxy.port}").running() as site:
            yield site

    async def test_clients_are_told_to_come_back(self, site: Site, proxy: TcpProxy) -> None:
        await site.serve({"small.txt": TALE, "large.bin": LARGE})

        proxy.cut()
        answers = [await site.get(path) for path in ("shelf/small.txt", "shelf/large.bin")]
        proxy.heal()

        assert [answer.status for answer in answers] == [503, 503]
        assert all(b"Try again in a moment" in answer.body for answer in answers)
        assert (await site.get("shelf/large.bin")).body == LARGE

    async def test_on_demand_client_has_the_file_though_it_cannot_be_kept(
        self, site: Site, proxy: TcpProxy, upstream: Upstream
    ) -> None:
        upstream.files["book.bin"] = LARGE
        remote = await site.remote(upstream.url)
        await site.serve_on_demand("book.bin", remote, urls=[upstream.url_of("book.bin")], declared=LARGE)

        proxy.cut()
        first = await site.get("shelf/book.bin")
        await site.rest()
        proxy.heal()
        second = await site.get("shelf/book.bin")
        await site.rest()

        assert first.body == second.body == LARGE
        assert upstream.hits("book.bin") == 2
        assert await site.storage.exists(digest_of(LARGE))


class TestSignedUrls:
    @pytest.fixture
    async def site(self, data_dir: Path, object_store: ObjectStore) -> AsyncIterator[Site]:
        async with Site(data_dir, object_store, delivery="redirect", signed_url_seconds=60).running() as site:
            yield site

    async def test_large_file_is_sent_by_the_bucket(self, site: Site, object_store: ObjectStore) -> None:
        await site.serve({"large.bin": LARGE})

        answer = await site.get("shelf/large.bin")
        followed = await follow(site, "shelf/large.bin")

        assert (answer.status, answer.body) == (302, b"")
        assert answer.headers["location"].startswith(f"{object_store.endpoint}/")
        assert "X-Amz-Expires=60" in answer.headers["location"]
        assert answer.headers["cache-control"] == "no-store"
        assert (followed.status, followed.body) == (200, LARGE)
        assert site.counted("handed_off") == 2

    async def test_part_of_a_large_file_is_sent_by_the_bucket(self, site: Site) -> None:
        await site.serve({"large.bin": LARGE})

        answer = await follow(site, "shelf/large.bin", range="bytes=10-19")
        resumed = await follow(site, "shelf/large.bin", range="bytes=10-19", if_range=TAG)

        assert (answer.status, answer.body) == (206, LARGE[10:20])
        assert resumed.body in (LARGE[10:20], LARGE)
        assert site.counted("handed_off") == 2

    async def test_what_costs_no_bytes_is_answered_here(self, site: Site) -> None:
        await site.serve({"large.bin": LARGE, "small.txt": TALE})

        head = await site.get("shelf/large.bin", method="HEAD")
        same = await site.get("shelf/large.bin", if_none_match=TAG)
        small = await site.get("shelf/small.txt")

        assert (head.status, head.headers["content-length"], head.headers["etag"]) == (200, str(len(LARGE)), TAG)
        assert same.status == 304
        assert (small.status, small.body) == (200, TALE)

    async def test_page_is_never_sent_without_its_fence(self, site: Site) -> None:
        await site.serve({"page.html": LARGE})

        answer = await site.get("shelf/page.html")

        assert (answer.status, answer.body) == (200, LARGE)
        assert answer.headers["content-security-policy"] == "sandbox"

    async def test_bucket_does_not_judge_by_its_own_times(self, site: Site) -> None:
        modified = await serve_older_again(site)

        since = await follow(site, "shelf/large.bin", if_modified_since=modified)
        resumed = await follow(site, "shelf/large.bin", range="bytes=10-19", if_range=TAG)

        assert (since.status, since.body) == (200, OTHER)
        assert (resumed.status, resumed.body) == (200, OTHER)

    async def test_on_demand_file_is_streamed_while_it_comes_and_then_handed_off(
        self, site: Site, upstream: Upstream
    ) -> None:
        upstream.files["book.bin"] = LARGE
        remote = await site.remote(upstream.url)
        await site.serve_on_demand("book.bin", remote, urls=[upstream.url_of("book.bin")], declared=LARGE)

        first = await site.get("shelf/book.bin")
        await site.rest()
        second = await site.get("shelf/book.bin")

        assert (first.status, first.body) == (200, LARGE)
        assert second.status == 302
        assert (await follow(site, "shelf/book.bin")).body == LARGE
        assert upstream.hits("book.bin") == 1

    async def test_file_that_the_bucket_lost_is_not_redirected_to(self, site: Site, upstream: Upstream) -> None:
        upstream.files["book.bin"] = LARGE
        remote = await site.remote(upstream.url)
        await site.serve_on_demand("book.bin", remote, urls=[upstream.url_of("book.bin")], declared=LARGE)
        await site.get("shelf/book.bin")
        await site.rest()
        await site.storage.delete(digest_of(LARGE))

        assert (await follow(site, "shelf/book.bin")).body == LARGE


class TestInternalRedirects:
    @pytest.fixture
    async def site(self, data_dir: Path) -> AsyncIterator[Site]:
        async with Site(data_dir, delivery="accel").running() as site:
            yield site

    async def test_large_file_is_left_to_nginx_with_all_that_is_said_of_it(self, site: Site) -> None:
        await site.serve({"large.txt": LARGE})

        answer = await site.get("shelf/large.txt")

        digest = digest_of(LARGE)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["x-accel-redirect"] == f"/headbox-artifacts/{digest[:2]}/{digest[2:]}"
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["etag"] == TAG
        assert answer.headers["last-modified"]
        assert answer.headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize("condition", ["if_none_match", "if_match", "if_modified_since", "if_unmodified_since"])
    async def test_conditions_are_not_left_to_nginx(self, site: Site, condition: str) -> None:
        await site.serve({"large.bin": LARGE})

        answer = await site.get("shelf/large.bin", **{condition: '"other"'})

        assert (answer.status, answer.body) == (200, LARGE)


class TestNginx:
    """The example of the documentation, as it stands but for names and ports."""

    @pytest.fixture
    async def site(self, data_dir: Path, tmp_path: Path) -> AsyncIterator[Site]:
        async with Site(data_dir, delivery="accel").running() as site:
            with nginx(
                tmp_path / "nginx",
                EXAMPLE,
                {
                    "server 127.0.0.1:8640;": f"server 127.0.0.1:{site.port};",
                    "/srv/headbox/artifacts/": f"{site.data_dir}/artifacts/",
                },
            ) as port:
                site.url = f"http://127.0.0.1:{port}/content"
                yield site

    async def test_large_file_is_sent_whole_and_in_parts(self, site: Site) -> None:
        await site.serve({"large.txt": LARGE, "small.txt": TALE})

        whole = await site.get("shelf/large.txt")
        head = await site.get("shelf/large.txt", method="HEAD")
        part = await site.get("shelf/large.txt", range="bytes=10-19")
        resumed = await site.get("shelf/large.txt", range="bytes=10-19", if_range=TAG)
        restarted = await site.get("shelf/large.txt", range="bytes=10-19", if_range='"other"')
        same = await site.get("shelf/large.txt", if_none_match=TAG)
        small = await site.get("shelf/small.txt")

        assert (whole.status, whole.body) == (200, LARGE)
        for answer in (whole, head, part):
            assert answer.headers["content-type"] == "text/plain"
            assert answer.headers.getall("etag") == [TAG]
            assert answer.headers["accept-ranges"] == "bytes"
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers.getall("last-modified") == [whole.headers["last-modified"]]
        assert head.headers["content-length"] == str(len(LARGE))
        assert (part.status, part.body) == (206, LARGE[10:20])
        assert (resumed.status, resumed.body) == (206, LARGE[10:20])
        assert (restarted.status, restarted.body) == (200, LARGE)
        assert same.status == 304
        assert small.body == TALE
        # Whole, part and resumed.
        assert site.counted("handed_off") == 3

    async def test_older_file_that_is_served_again_is_not_taken_for_the_newer_one(self, site: Site) -> None:
        modified = await serve_older_again(site)

        assert (await site.get("shelf/large.bin", if_modified_since=modified)).body == OTHER
        assert (await site.get("shelf/large.bin", if_none_match=TAG)).body == OTHER
        assert (await site.get("shelf/large.bin", range="bytes=0-9", if_range=TAG)).body == OTHER

    async def test_artifacts_cannot_be_asked_for(self, site: Site) -> None:
        await site.serve({"large.bin": LARGE})
        origin = site.url.removesuffix("/content")

        async with site.client.get(f"{origin}/headbox-artifacts/{key_of(digest_of(LARGE))}") as response:
            assert response.status == 404
