"""What a downloader keeps to, wherever the bytes come from."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headbox.download import Downloader, Fetched, RemoteAccess, Validators, open_downloader
from headbox.download.chunks import CHUNK_BYTES
from headbox.errors import ArtifactInvalid, DigestMismatch, RemoteNotSyncable, RemoteResponse, TooLarge
from headbox.settings import DownloadSettings
from tests.support.upstream import Upstream

PAPER = b"paper"
LARGE = bytes(range(256)) * (3 * CHUNK_BYTES // 256) + b"end"
FILES = {"paper": PAPER, "empty": b"", "large": LARGE, "name with spaces, and ü": b"odd"}
NO_LIMIT = 1 << 40


@dataclass
class Remote:
    """A remote that holds `FILES`."""

    url: str
    settings: DownloadSettings

    def url_of(self, path: str) -> str:
        return f"{self.url}/{path}"


@pytest.fixture(params=["http", "file"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    folder = tmp_path / "upstream"
    folder.mkdir()
    for path, body in FILES.items():
        (folder / path).write_bytes(body)
    if request.param == "file":
        yield Remote(folder.as_uri(), DownloadSettings(allowed_paths=(tmp_path,), backoff_seconds=0))
        return
    with Upstream(folder) as upstream:
        yield Remote(upstream.url, DownloadSettings(backoff_seconds=0))


@pytest.fixture
async def downloader(remote: Remote) -> AsyncIterator[Downloader]:
    async with open_downloader(RemoteAccess(remote.url), remote.settings) as downloader:
        yield downloader


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "destination"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def read(downloader: Downloader, url: str, *, size: int | None = None, digest: str | None = None) -> bytes:
    async with downloader.stream(url, max_bytes=NO_LIMIT, size=size, sha256=digest) as stream:
        return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize("path", ["paper", "empty", "large"])
async def test_fetch_stores_the_file_and_tells_its_size_and_digest(
    remote: Remote, downloader: Downloader, destination: Path, path: str
) -> None:
    fetched = await downloader.fetch(remote.url_of(path), destination, max_bytes=NO_LIMIT)

    assert fetched is not None
    assert (fetched.size, fetched.sha256) == (len(FILES[path]), sha256(FILES[path]))
    assert destination.read_bytes() == FILES[path]


async def test_fetch_takes_what_was_declared(remote: Remote, downloader: Downloader, destination: Path) -> None:
    fetched = await downloader.fetch(
        remote.url_of("large"), destination, max_bytes=len(LARGE), size=len(LARGE), sha256=sha256(LARGE)
    )

    assert isinstance(fetched, Fetched)


@pytest.mark.parametrize("url_path", ["name%20with%20spaces%2C%20and%20%C3%BC", "name with spaces, and ü"])
async def test_names_may_be_escaped_or_not(remote: Remote, downloader: Downloader, url_path: str) -> None:
    assert await read(downloader, remote.url_of(url_path)) == b"odd"


async def test_on_bytes_adds_up_to_the_size(remote: Remote, downloader: Downloader, destination: Path) -> None:
    counts: list[int] = []

    await downloader.fetch(remote.url_of("large"), destination, max_bytes=NO_LIMIT, on_bytes=counts.append)

    assert sum(counts) == len(LARGE)
    assert max(counts) <= CHUNK_BYTES


async def test_an_unchanged_file_is_not_fetched_again(
    remote: Remote, downloader: Downloader, destination: Path
) -> None:
    url = remote.url_of("paper")
    fetched = await downloader.fetch(url, destination, max_bytes=NO_LIMIT)
    assert fetched is not None
    destination.unlink()

    again = await downloader.fetch(url, destination, max_bytes=NO_LIMIT, if_changed=fetched.validators)

    assert again is None
    assert not destination.exists()


async def test_a_changed_file_is_fetched_again(
    remote: Remote, downloader: Downloader, destination: Path, tmp_path: Path
) -> None:
    url = remote.url_of("paper")
    fetched = await downloader.fetch(url, destination, max_bytes=NO_LIMIT)
    assert fetched is not None
    (tmp_path / "upstream" / "paper").write_bytes(b"other paper")
    destination.unlink()

    again = await downloader.fetch(url, destination, max_bytes=NO_LIMIT, if_changed=fetched.validators)

    assert again is not None
    assert destination.read_bytes() == b"other paper"


async def test_without_validators_every_file_is_fetched(
    remote: Remote, downloader: Downloader, destination: Path
) -> None:
    fetched = await downloader.fetch(remote.url_of("paper"), destination, max_bytes=NO_LIMIT, if_changed=Validators())

    assert fetched is not None


@pytest.mark.parametrize("declared", [0, len(PAPER) - 1, len(PAPER) + 1])
async def test_a_wrong_size_is_refused_and_leaves_nothing(
    remote: Remote, downloader: Downloader, destination: Path, declared: int
) -> None:
    counts: list[int] = []

    with pytest.raises(ArtifactInvalid, match=f"has 5 bytes; {declared} were declared"):
        await downloader.fetch(
            remote.url_of("paper"), destination, max_bytes=NO_LIMIT, size=declared, on_bytes=counts.append
        )

    assert not destination.exists()
    assert sum(counts) == 0


@pytest.mark.parametrize("path", ["paper", "large"])
async def test_a_wrong_digest_is_refused_and_leaves_nothing(
    remote: Remote, downloader: Downloader, destination: Path, path: str
) -> None:
    counts: list[int] = []

    with pytest.raises(DigestMismatch, match=f"has the digest {sha256(FILES[path])}; {'0' * 64} was declared"):
        await downloader.fetch(
            remote.url_of(path), destination, max_bytes=NO_LIMIT, sha256="0" * 64, on_bytes=counts.append
        )

    assert not destination.exists()
    assert sum(counts) == 0


async def test_a_file_above_the_limit_is_refused_and_leaves_nothing(
    remote: Remote, downloader: Downloader, destination: Path
) -> None:
    with pytest.raises(TooLarge, match="larger than the limit of 4 bytes"):
        await downloader.fetch(remote.url_of("paper"), destination, max_bytes=4)

    assert not destination.exists()


async def test_a_file_that_is_not_there_is_told_apart(
    remote: Remote, downloader: Downloader, destination: Path
) -> None:
    with pytest.raises(RemoteResponse) as failure:
        await downloader.fetch(remote.url_of("absent"), destination, max_bytes=NO_LIMIT)

    assert failure.value.status == 404
    assert not failure.value.retryable
    assert not destination.exists()


async def test_what_is_at_the_destination_is_never_overwritten(
    remote: Remote, downloader: Downloader, destination: Path
) -> None:
    destination.write_bytes(b"precious")

    with pytest.raises(FileExistsError):
        await downloader.fetch(remote.url_of("paper"), destination, max_bytes=NO_LIMIT)

    assert destination.read_bytes() == b"precious"


@pytest.mark.parametrize("path", ["paper", "empty", "large"])
async def test_a_stream_gives_the_bytes_and_their_number(remote: Remote, downloader: Downloader, path: str) -> None:
    body = FILES[path]
    async with downloader.stream(
        remote.url_of(path), max_bytes=NO_LIMIT, size=len(body), sha256=sha256(body)
    ) as stream:
        chunks = [chunk async for chunk in stream]

    assert stream.size == len(body)
    assert b"".join(chunks) == body
    assert all(chunks)


async def test_a_stream_never_hands_out_the_whole_of_a_wrong_body(remote: Remote, downloader: Downloader) -> None:
    received = b""

    async def pass_on() -> None:
        nonlocal received
        async with downloader.stream(remote.url_of("large"), max_bytes=NO_LIMIT, sha256="0" * 64) as stream:
            async for chunk in stream:
                received += chunk

    with pytest.raises(DigestMismatch):
        await pass_on()
    assert 0 < len(received) < len(LARGE)
    assert LARGE.startswith(received)


async def test_a_short_wrong_body_is_refused_before_it_is_streamed(remote: Remote, downloader: Downloader) -> None:
    with pytest.raises(DigestMismatch):
        await read(downloader, remote.url_of("paper"), digest="0" * 64)


async def test_a_stream_may_be_left_early_and_another_one_opened(remote: Remote) -> None:
    access = RemoteAccess(remote.url, concurrency=1)
    async with open_downloader(access, remote.settings) as downloader:
        async with downloader.stream(remote.url_of("large"), max_bytes=NO_LIMIT) as stream:
            await anext(aiter(stream))

        assert await read(downloader, remote.url_of("paper")) == PAPER


@pytest.mark.parametrize("url", ["ftp://example.org/file", "data:,paper", "", "paper", "//example.org/file"])
async def test_a_url_of_another_scheme_is_refused(
    remote: Remote, downloader: Downloader, destination: Path, url: str
) -> None:
    with pytest.raises(RemoteNotSyncable):
        await downloader.fetch(url, destination, max_bytes=NO_LIMIT)

    assert not destination.exists()
