"""Web servers: what is sent to them, and what comes back."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from headbox import __version__
from headbox.download import RemoteAccess, Validators, open_downloader
from headbox.errors import (
    ArtifactInvalid,
    RemoteNotSyncable,
    RemoteResponse,
    RemoteUnreachable,
    StorageFull,
    TimedOut,
    TooLarge,
)
from headbox.settings import DownloadSettings
from tests.support.upstream import Endless, Raw, Slow, Status, Unannounced, Upstream
from tests.unit.download.certificates import self_signed
from tests.unit.download.conftest import Client

SETTINGS = DownloadSettings(backoff_seconds=0)


async def test_requests_ask_for_the_bytes_as_they_are_and_say_who_asks(upstream: Upstream, client: Client) -> None:
    await client.fetch()

    (headers,) = upstream.headers_of("paper")
    assert headers["Accept-Encoding"] == "identity"
    assert headers["User-Agent"] == f"headbox/{__version__}"


async def test_a_body_called_compressed_is_stored_as_it_came(upstream: Upstream, client: Client) -> None:
    body = gzip.compress(b"paper")
    upstream.fault("paper", Status(200, {"Content-Encoding": "gzip"}, body))

    await client.fetch()

    assert client.destination.read_bytes() == body


async def test_validators_come_from_the_response_and_go_into_the_next_request(
    upstream: Upstream, client: Client
) -> None:
    fetched = await client.fetch()
    assert fetched is not None
    assert fetched.validators.etag is not None
    assert fetched.validators.last_modified is not None
    client.destination.unlink()

    assert await client.fetch(if_changed=fetched.validators) is None

    headers = upstream.headers_of("paper")[-1]
    assert headers["If-None-Match"] == fetched.validators.etag
    assert headers["If-Modified-Since"] == fetched.validators.last_modified


async def test_a_date_alone_will_do_as_validator(upstream: Upstream, client: Client) -> None:
    fetched = await client.fetch()
    assert fetched is not None
    client.destination.unlink()

    assert await client.fetch(if_changed=Validators(last_modified=fetched.validators.last_modified)) is None


async def test_a_server_without_validators_gives_none(upstream: Upstream, client: Client) -> None:
    upstream.has_validators = False

    fetched = await client.fetch()

    assert fetched is not None
    assert fetched.validators == Validators()


async def test_validators_that_are_no_text_are_none(upstream: Upstream, client: Client) -> None:
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "\xff"\r\nLast-Modified: \xfe\r\n\r\n'
    upstream.fault("paper", Raw(head + b"paper"))

    fetched = await client.fetch()

    assert fetched is not None
    assert fetched.validators == Validators()


async def test_a_304_that_nobody_asked_for_is_an_error(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Status(304))

    with pytest.raises(RemoteResponse, match="304 Not Modified"):
        await client.fetch()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "400 Bad Request"),
        (401, "401 Unauthorized: check the remote's username and password"),
        (403, "403 Forbidden: check what the remote's username and password, or its headers, permit"),
        (404, "404 Not Found: check the remote's URL, or whether the remote has just changed"),
        (410, "410 Gone"),
        (501, "501 Not Implemented"),
        (599, "599"),
        (204, "204 No Content"),
        (206, "206 Partial Content"),
        (305, "305 Use Proxy"),
    ],
)
async def test_a_status_that_will_not_change_is_told_and_not_tried_again(
    upstream: Upstream, client: Client, status: int, reason: str
) -> None:
    upstream.fault("paper", Status(status))

    with pytest.raises(RemoteResponse) as failure:
        await client.fetch()

    assert failure.value.message == f"{upstream.url_of('paper')} answered {reason}."
    assert failure.value.status == status
    assert not failure.value.retryable
    assert upstream.hits("paper") == 1
    assert not client.destination.exists()


async def test_what_is_not_http_is_told(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))

    with pytest.raises(RemoteResponse, match="something that is not HTTP") as failure:
        await client.fetch()

    assert "SSH" not in failure.value.message


async def test_a_declared_size_is_compared_before_a_byte_of_the_body_is_read(
    upstream: Upstream, client: Client
) -> None:
    counts: list[int] = []

    with pytest.raises(ArtifactInvalid, match="has 5 bytes; 4 were declared"):
        await client.fetch(size=4, on_bytes=counts.append)

    assert counts == []


@pytest.mark.parametrize(("declared", "actual"), [(4, "more than 4"), (6, "5")])
async def test_a_declared_size_is_kept_to_when_the_server_announces_none(
    upstream: Upstream, client: Client, declared: int, actual: str
) -> None:
    upstream.fault("paper", Unannounced())

    with pytest.raises(ArtifactInvalid, match=f"has {actual} bytes; {declared} were declared"):
        await client.fetch(size=declared)

    assert not client.destination.exists()


async def test_an_endless_body_ends_at_the_limit(upstream: Upstream, client: Client) -> None:
    counts: list[int] = []
    upstream.fault("paper", Endless())

    with pytest.raises(TooLarge, match="larger than the limit of 3000000 bytes"):
        await client.fetch(max_bytes=3_000_000, on_bytes=counts.append)

    assert not client.destination.exists()
    assert max(counts) > 0
    assert sum(counts) == 0


async def test_an_endless_body_ends_at_its_declared_size(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Endless())

    with pytest.raises(ArtifactInvalid, match="has more than 1000000 bytes; 1000000 were declared"):
        await client.fetch(size=1_000_000)


async def test_a_stream_knows_the_announced_size_or_else_the_declared_one(upstream: Upstream) -> None:
    upstream.files["announced"] = b"paper"
    upstream.fault("paper", Unannounced())
    async with open_downloader(RemoteAccess(upstream.url), SETTINGS) as downloader:
        async with downloader.stream(upstream.url_of("announced"), max_bytes=100) as stream:
            assert stream.size == 5
        async with downloader.stream(upstream.url_of("paper"), max_bytes=100) as stream:
            assert stream.size is None
        async with downloader.stream(upstream.url_of("paper"), max_bytes=100, size=5) as stream:
            assert stream.size == 5


async def test_a_cancelled_fetch_leaves_nothing_and_frees_its_slot(upstream: Upstream, tmp_path: Path) -> None:
    upstream.files["slow"] = bytes(1_000_000)
    upstream.fault("slow", Slow(0.05))
    arrived = asyncio.Event()
    counts: list[int] = []

    def on_bytes(size: int) -> None:
        counts.append(size)
        arrived.set()

    async with open_downloader(RemoteAccess(upstream.url, concurrency=1), SETTINGS) as downloader:
        fetch = downloader.fetch(upstream.url_of("slow"), tmp_path / "slow", max_bytes=1 << 30, on_bytes=on_bytes)
        task = asyncio.create_task(fetch)
        await arrived.wait()
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()
        assert not (tmp_path / "slow").exists()
        assert sum(counts) == 0
        assert await downloader.fetch(upstream.url_of("paper"), tmp_path / "paper", max_bytes=100)


async def test_no_more_requests_than_allowed_are_under_way_at_once(upstream: Upstream, tmp_path: Path) -> None:
    paths = [f"file-{number}" for number in range(12)]
    for path in paths:
        upstream.files[path] = b"paper"
        upstream.fault(path, Slow(0.02))

    async with open_downloader(RemoteAccess(upstream.url, concurrency=3), SETTINGS) as downloader:
        await asyncio.gather(
            *(downloader.fetch(upstream.url_of(path), tmp_path / path, max_bytes=100) for path in paths)
        )

    assert upstream.peak == 3


async def test_no_more_requests_than_allowed_begin_in_a_second(upstream: Upstream, tmp_path: Path) -> None:
    started = time.monotonic()

    async with open_downloader(RemoteAccess(upstream.url, rate_limit=20), SETTINGS) as downloader:
        for number in range(8):
            await downloader.fetch(upstream.url_of("paper"), tmp_path / f"{number}", max_bytes=100)

    # Two may begin at once, each of the other six a twentieth of a second after the one before.
    assert time.monotonic() - started > 6 / 20 * 0.95


async def test_connections_are_used_again(upstream: Upstream, tmp_path: Path) -> None:
    async with open_downloader(RemoteAccess(upstream.url), SETTINGS) as downloader:
        for number in range(5):
            await downloader.fetch(upstream.url_of("paper"), tmp_path / f"{number}", max_bytes=100)

    assert upstream.hits("paper") == 5
    assert len(upstream.peers) == 1


async def test_silence_ends_at_the_read_timeout(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Slow(30))
    access = RemoteAccess(upstream.url, read_timeout=0.1, max_retries=0)

    with pytest.raises(TimedOut, match=r"did not answer within 0\.1 seconds"):
        await client.fetch_from(access)


async def test_a_body_may_take_longer_than_the_read_timeout_but_not_than_the_total(
    upstream: Upstream, client: Client
) -> None:
    upstream.fault("paper", Slow(0.08, chunk_bytes=1))

    assert await client.fetch_from(RemoteAccess(upstream.url, read_timeout=0.3, max_retries=0))
    client.destination.unlink()
    with pytest.raises(TimedOut, match=r"did not answer within 0\.2 seconds"):
        await client.fetch_from(RemoteAccess(upstream.url, total_timeout=0.2, max_retries=0))
    assert not client.destination.exists()


async def test_a_full_disk_is_told_and_leaves_nothing(
    upstream: Upstream, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A device that is always full, behind the name of a file.
    def open_full(path: Path, mode: str) -> BinaryIO:
        path.touch()
        return open("/dev/full", "wb")  # noqa: PTH123 - closed by who asked for it

    monkeypatch.setattr(Path, "open", open_full)

    with pytest.raises(StorageFull, match=f"no space left to store {upstream.url_of('paper')}"):
        await client.fetch()

    assert not client.destination.exists()
    assert upstream.hits("paper") == 1


async def test_a_quota_that_is_used_up_is_told_as_a_full_disk(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_over_quota(path: Path, mode: str) -> BinaryIO:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(Path, "open", open_over_quota)

    with pytest.raises(StorageFull):
        await client.fetch()


async def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(
    tmp_path: Path, make_client: Callable[[Upstream], Client]
) -> None:
    with Upstream({"paper": b"paper"}, tls=self_signed(tmp_path)) as upstream:
        client = make_client(upstream)

        with pytest.raises(RemoteUnreachable, match="its TLS certificate is not trusted") as failure:
            await client.fetch()
        assert not failure.value.retryable

        await client.fetch_from(RemoteAccess(upstream.url, tls_verify=False))
        assert client.destination.read_bytes() == b"paper"


@pytest.mark.parametrize("path", ["http://", "http://[::1", "http://host:99999/", "http://host:port/", "http:///paper"])
async def test_what_is_no_url_is_refused(upstream: Upstream, client: Client, path: str) -> None:
    with pytest.raises(RemoteNotSyncable, match="is not a URL"):
        await client.fetch(path)

    assert upstream.requests == []


async def test_a_remote_without_a_url_is_refused(client: Client) -> None:
    with pytest.raises(RemoteNotSyncable, match="its address is not a URL"):
        await client.fetch_from(RemoteAccess("http://[::1"))


async def test_escapes_in_a_url_are_sent_as_they_stand(upstream: Upstream, client: Client) -> None:
    upstream.files["a/b c"] = b"paper"

    await client.fetch("a%2Fb%20c?signature=a%2Fb%2Bc+d%7E")

    assert client.destination.read_bytes() == b"paper"
