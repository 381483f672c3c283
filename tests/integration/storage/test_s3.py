"""What only the storage in a bucket does, and what becomes of it when the network or the process fails."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from headbox.errors import StorageUnavailable, TaskError
from headbox.settings import MEBIBYTE, StorageSettings
from headbox.storage import S3Storage, s3
from headbox.storage.keys import key_of
from tests.support.object_store import ObjectStore
from tests.support.services import TcpProxy
from tests.support.waiting import wait_until

BODY = b"paper"
DIGEST = hashlib.sha256(BODY).hexdigest()
#: Stores a file, in a process that can be killed.
ADOPTER = """
import asyncio, sys
from pathlib import Path
from headbox.settings import StorageSettings
from headbox.storage import S3Storage

settings = StorageSettings.model_validate_json(sys.argv[1])
asyncio.run(S3Storage.of(settings).adopt(Path(sys.argv[2]), sys.argv[3]))
"""


@pytest.fixture
def settings(object_store: ObjectStore) -> StorageSettings:
    return object_store.settings()


@pytest.fixture
def storage(settings: StorageSettings) -> S3Storage:
    return S3Storage.of(settings)


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[TcpProxy]:
    with TcpProxy(object_store.port) as proxy:
        yield proxy


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed requests are repeated for a moment only."""
    monkeypatch.setattr(s3, "RETRY_TIME", timedelta(seconds=0.3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "download"
    path.write_bytes(BODY)
    return path


def large_file(folder: Path, size: int = 5 * s3.PART_BYTES + 1) -> tuple[Path, str]:
    """Make a file that goes up in parts; return it and its digest."""
    path = folder / "large"
    path.write_bytes(b"\0\1\2\3" * (size // 4) + b"end")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


async def test_an_artifact_has_the_key_that_its_file_would_have(
    object_store: ObjectStore, storage: S3Storage, settings: StorageSettings, file: Path
) -> None:
    await storage.adopt(file, DIGEST)

    assert settings.bucket is not None
    assert object_store.keys(settings.bucket) == [f"some/where/{key_of(DIGEST)}"]


async def test_other_objects_are_no_artifacts(
    object_store: ObjectStore, storage: S3Storage, settings: StorageSettings, file: Path
) -> None:
    await storage.adopt(file, DIGEST)
    for key in ("some/where/notes.txt", f"some/where/{DIGEST}", f"elsewhere/{key_of(DIGEST)}"):
        object_store.put(f"s3://{settings.bucket}", key, b"other")

    assert [digest async for digest in storage.digests()] == [DIGEST]


async def test_a_stored_artifact_is_not_uploaded_again(
    object_store: ObjectStore, storage: S3Storage, file: Path
) -> None:
    await storage.adopt(file, DIGEST)
    # Bytes that are not those of the digest show whether they were replaced.
    object_store.put(storage.name, key_of(DIGEST), b"PAPER")
    file.write_bytes(BODY)

    await storage.adopt(file, DIGEST)

    assert [chunk async for chunk in storage.read(DIGEST)] == [b"PAPER"]


async def test_many_files_are_uploaded_by_a_bounded_number_at_a_time(
    storage: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, under_way, most = storage._upload, 0, 0

    async def counting(path: Path, digest: str, size: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await upload(path, digest, size)
        under_way -= 1

    monkeypatch.setattr(storage, "_upload", counting)
    files: dict[str, Path] = {}
    for number in range(60):
        body = b"%d" % number
        files[hashlib.sha256(body).hexdigest()] = path = tmp_path / str(number)
        path.write_bytes(body)

    await asyncio.gather(*(storage.adopt(path, digest) for digest, path in files.items()))

    assert {digest async for digest in storage.digests()} == files.keys()
    assert 1 < most <= s3.SMALL_UPLOADS


async def test_many_sizes_are_asked_for_by_a_bounded_number_at_a_time(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, under_way, most = obstore.head_async, 0, 0

    async def counting(store: S3Store, path: str) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await head(store, path)
        finally:
            under_way -= 1

    monkeypatch.setattr(obstore, "head_async", counting)

    sizes = await asyncio.gather(*(storage.size_of(DIGEST) for _ in range(3 * s3.LOOKS)))

    assert set(sizes) == {None}
    assert 1 < most <= s3.LOOKS


def test_one_storage_serves_several_event_loops(storage: S3Storage, tmp_path: Path) -> None:
    async def use() -> list[str]:
        paths = [tmp_path / f"{number}" for number in range(s3.SMALL_UPLOADS + 4)]
        for path in paths:
            path.write_bytes(BODY)
        await asyncio.gather(*(storage.adopt(path, DIGEST) for path in paths))
        return [digest async for digest in storage.digests()]

    async def both() -> list[list[str]]:
        return [await asyncio.to_thread(asyncio.run, use()), await use()]

    assert asyncio.run(both()) == [[DIGEST], [DIGEST]]


async def test_a_signed_url_gives_anyone_the_bytes_for_so_long(
    object_store: ObjectStore, storage: S3Storage, file: Path
) -> None:
    await storage.adopt(file, DIGEST)

    url = await storage.signed_url(DIGEST, 300)

    assert url.startswith(f"{object_store.endpoint}/")
    assert "X-Amz-Expires=300" in url
    with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
        assert answer.read() == BODY


def test_an_upload_that_is_killed_leaves_nothing_to_be_seen_and_can_be_repeated(
    object_store: ObjectStore, settings: StorageSettings, tmp_path: Path
) -> None:
    path, digest = large_file(tmp_path, 60 * MEBIBYTE)
    bucket, storage = settings.bucket, S3Storage.of(settings)
    assert bucket is not None
    document = settings.model_dump(mode="json") | {"secret_access_key": "secret"}
    with subprocess.Popen([sys.executable, "-c", ADOPTER, json.dumps(document), str(path), digest]) as process:
        wait_until(lambda: object_store.uploads(bucket) == 1)
        process.send_signal(signal.SIGKILL)

    assert asyncio.run(storage.size_of(digest)) is None
    assert object_store.keys(bucket) == []
    # What the bucket's lifecycle rule is for.
    assert object_store.uploads(bucket) == 1

    asyncio.run(storage.adopt(path, digest))
    assert asyncio.run(storage.size_of(digest)) == 60 * MEBIBYTE + 3
    assert not path.exists()


async def test_a_canceled_upload_leaves_the_file_and_nothing_to_be_seen(
    object_store: ObjectStore, storage: S3Storage, settings: StorageSettings, tmp_path: Path
) -> None:
    path, digest = large_file(tmp_path, 60 * MEBIBYTE)
    bucket = settings.bucket
    assert bucket is not None
    adopting = asyncio.create_task(storage.adopt(path, digest))
    await asyncio.to_thread(wait_until, lambda: object_store.uploads(bucket))

    adopting.cancel()
    await asyncio.gather(adopting, return_exceptions=True)

    assert path.exists()
    assert object_store.keys(bucket) == []


async def test_a_connection_that_is_cut_is_made_good(
    storage: S3Storage, settings: StorageSettings, proxy: TcpProxy, file: Path
) -> None:
    through = S3Storage.of(settings.model_copy(update={"endpoint": f"http://127.0.0.1:{proxy.port}"}))
    await through.exists(DIGEST)

    proxy.cut()
    adopting = asyncio.create_task(through.adopt(file, DIGEST))
    await asyncio.sleep(0.3)
    proxy.heal()
    await adopting

    assert await storage.exists(DIGEST)


@pytest.mark.usefixtures("impatience")
async def test_a_network_that_stays_cut_is_told_and_changes_nothing(
    storage: S3Storage, settings: StorageSettings, proxy: TcpProxy, file: Path
) -> None:
    through = S3Storage.of(settings.model_copy(update={"endpoint": f"http://127.0.0.1:{proxy.port}"}))
    proxy.cut()

    for use in (through.adopt(file, DIGEST), through.size_of(DIGEST), through.delete(DIGEST), anext(through.digests())):
        with pytest.raises(StorageUnavailable, match="it cannot be reached, or failed"):
            await use

    assert file.read_bytes() == BODY
    assert not await storage.exists(DIGEST)


async def test_a_read_whose_connection_is_reset_goes_on(
    storage: S3Storage, settings: StorageSettings, proxy: TcpProxy, tmp_path: Path
) -> None:
    path, digest = large_file(tmp_path)
    body = path.read_bytes()
    await storage.adopt(path, digest)
    through = S3Storage.of(settings.model_copy(update={"endpoint": f"http://127.0.0.1:{proxy.port}"}))

    reader = aiter(through.read(digest))
    received = await anext(reader)
    proxy.reset()
    received += b"".join([chunk async for chunk in reader])

    assert received == body


@pytest.mark.usefixtures("impatience")
async def test_a_read_that_stays_cut_is_told(
    storage: S3Storage, settings: StorageSettings, proxy: TcpProxy, tmp_path: Path
) -> None:
    path, digest = large_file(tmp_path)
    await storage.adopt(path, digest)
    through = S3Storage.of(settings.model_copy(update={"endpoint": f"http://127.0.0.1:{proxy.port}"}))

    reader = aiter(through.read(digest))
    await anext(reader)
    proxy.cut()
    with pytest.raises(StorageUnavailable):
        [chunk async for chunk in reader]


async def test_a_store_that_is_silent_is_not_well_and_soon_known_to_be(
    settings: StorageSettings, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(s3, "CHECKED_SECONDS", 0.0)
    through = S3Storage.of(settings.model_copy(update={"endpoint": f"http://127.0.0.1:{proxy.port}"}))

    proxy.silence()
    silent = await through.check()
    proxy.heal()
    healed = await through.check()

    assert not silent.ok
    assert silent.detail.startswith(f"{through.name} did not answer")
    assert (healed.ok, healed.detail) == (True, through.name)


async def test_a_bucket_that_is_not_there_is_told(settings: StorageSettings, file: Path) -> None:
    storage = S3Storage.of(settings.model_copy(update={"url": "s3://no-such-bucket"}))

    health = await storage.check()
    with pytest.raises(StorageUnavailable, match="there is no such bucket"):
        await storage.adopt(file, DIGEST)

    assert not health.ok
    assert "there is no such bucket" in health.detail
    assert file.exists()


@asynccontextmanager
async def answering(status: str, code: str) -> AsyncIterator[int]:
    """Run a store that refuses everything in these words, and give its port."""
    body = f"<Error><Code>{code}</Code></Error>"
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("401 Unauthorized", "InvalidToken", "its credentials are not accepted"),
        ("403 Forbidden", "AccessDenied", "access is denied"),
        ("500 Internal Server Error", "InternalError", "it cannot be reached, or failed"),
        ("403 Forbidden", "QuotaExceeded", "no space left to store an artifact"),
        ("507 Insufficient Storage", "XMinioStorageFull", "no space left to store an artifact"),
    ],
)
@pytest.mark.usefixtures("impatience")
async def test_what_a_store_refuses_is_told_in_words_of_its_own(
    settings: StorageSettings, file: Path, status: str, code: str, words: str
) -> None:
    async with answering(status, code) as port:
        storage = S3Storage.of(settings.model_copy(update={"endpoint": f"http://127.0.0.1:{port}"}))
        health = await storage.check()
        with pytest.raises(TaskError, match=words):
            await storage._upload(file, DIGEST, len(BODY))

    assert not health.ok
    assert words in health.detail
    assert file.exists()
