"""What every artifact storage keeps to."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies

from headbox.errors import NotFound
from headbox.storage import ArtifactStorage, FilesystemStorage, S3Storage
from headbox.storage.interface import READ_CHUNK_BYTES
from headbox.storage.keys import key_of
from tests.support.object_store import ObjectStore

ABSENT = "0" * 64
#: Bytes of which no two parts of some size are the same.
PATTERN = array("I", range(READ_CHUNK_BYTES)).tobytes()
#: Another file system than that of temporary files, on every Linux where these are not in memory themselves.
OTHER_FILE_SYSTEM = Path("/dev/shm")


@pytest.fixture(params=["filesystem", "filesystem of its own", "s3", "s3 without conditions"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactStorage]:
    match request.param:
        case "filesystem":
            yield FilesystemStorage(tmp_path / "artifacts")
        case "filesystem of its own":
            if not OTHER_FILE_SYSTEM.is_dir() or OTHER_FILE_SYSTEM.stat().st_dev == tmp_path.stat().st_dev:
                pytest.skip("there is no other file system here")
            with tempfile.TemporaryDirectory(dir=OTHER_FILE_SYSTEM) as folder:
                yield FilesystemStorage(Path(folder))
        case kind:
            object_store: ObjectStore = request.getfixturevalue("object_store")
            yield S3Storage.of(object_store.settings(conditional_put=kind == "s3"))


class Bench:
    """Makes files and puts them into the storage under test."""

    def __init__(self, storage: ArtifactStorage, folder: Path) -> None:
        self.storage = storage
        self.folder = folder

    def file(self, body: bytes, name: str = "download") -> Path:
        path = self.folder / name
        path.write_bytes(body)
        return path

    async def adopt(self, body: bytes) -> str:
        digest = hashlib.sha256(body).hexdigest()
        await self.storage.adopt(self.file(body), digest)
        return digest

    async def read(self, digest: str, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join([chunk async for chunk in self.storage.read(digest, start, stop)])

    async def digests(self) -> set[str]:
        return {digest async for digest in self.storage.digests()}


@pytest.fixture
def bench(storage: ArtifactStorage, tmp_path: Path) -> Bench:
    return Bench(storage, tmp_path)


@pytest.mark.parametrize(
    "body",
    [b"", b"paper", bytes(range(256)) * 10_000, bytes(range(256)) * 40_000 + b"end"],
    ids=["empty", "small", "several chunks", "several parts"],
)
async def test_an_adopted_file_reads_back_and_its_path_is_gone(bench: Bench, body: bytes) -> None:
    digest = await bench.adopt(body)

    assert await bench.read(digest) == body
    assert await bench.storage.size_of(digest) == len(body)
    assert await bench.storage.exists(digest)
    assert not (bench.folder / "download").exists()


async def test_listing_tells_size_and_time(bench: Bench) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    digest = await bench.adopt(b"paper")

    [stored] = [stored async for stored in bench.storage.listing()]

    assert (stored.sha256, stored.size) == (digest, len(b"paper"))
    assert before <= stored.stored_at <= datetime.now(UTC) + timedelta(seconds=2)


async def test_adopting_again_keeps_one_artifact_and_takes_the_file_away(bench: Bench) -> None:
    digest = await bench.adopt(b"paper")
    await bench.adopt(b"paper")

    assert await bench.digests() == {digest}
    assert await bench.read(digest) == b"paper"
    assert not (bench.folder / "download").exists()


async def test_the_same_artifact_adopted_many_times_at_once_is_stored_once(bench: Bench) -> None:
    digest = hashlib.sha256(b"paper").hexdigest()
    paths = [bench.file(b"paper", f"download-{number}") for number in range(20)]

    await asyncio.gather(*(bench.storage.adopt(path, digest) for path in paths))

    assert await bench.digests() == {digest}
    assert not any(path.exists() for path in paths)


@pytest.mark.parametrize("size", [5, 9 * 1024 * 1024], ids=["small", "several parts"])
async def test_replacing_puts_other_bytes_of_the_same_size_into_place(bench: Bench, size: int) -> None:
    right, wrong = b"r" * size, b"w" * size
    digest = hashlib.sha256(right).hexdigest()
    # As a disk leaves it that forgets.
    await bench.storage.adopt(bench.file(wrong), digest)
    await bench.storage.adopt(bench.file(right), digest)
    assert await bench.read(digest) == wrong

    await bench.storage.replace(bench.file(right), digest)

    assert await bench.read(digest) == right
    assert not (bench.folder / "download").exists()


async def test_replacing_what_is_not_stored_stores_it(bench: Bench) -> None:
    digest = hashlib.sha256(b"paper").hexdigest()

    await bench.storage.replace(bench.file(b"paper"), digest)

    assert await bench.read(digest) == b"paper"


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 5, b"01234"),
        (5, None, b"56789"),
        (3, 7, b"3456"),
        (8, 99, b"89"),
        (10, None, b""),
        (99, None, b""),
        (7, 7, b""),
    ],
)
async def test_a_range_is_read_from_start_up_to_stop(
    bench: Bench, start: int, stop: int | None, expected: bytes
) -> None:
    digest = await bench.adopt(b"0123456789")

    assert await bench.read(digest, start, stop) == expected


@hypothesis.settings(max_examples=25, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(
    size=strategies.integers(0, 3 * READ_CHUNK_BYTES),
    start=strategies.integers(0, 3 * READ_CHUNK_BYTES),
    stop=strategies.none() | strategies.integers(0, 4 * READ_CHUNK_BYTES),
)
def test_any_range_is_what_a_slice_is(bench: Bench, size: int, start: int, stop: int | None) -> None:
    async def check() -> None:
        body = PATTERN[:size]
        digest = await bench.adopt(body)
        assert await bench.read(digest, start, stop) == body[start:stop]

    asyncio.run(check())


async def test_chunks_are_bounded_and_none_is_empty(bench: Bench) -> None:
    digest = await bench.adopt(bytes(3 * READ_CHUNK_BYTES + 1))

    sizes = [len(chunk) async for chunk in bench.storage.read(digest)]

    assert sum(sizes) == 3 * READ_CHUNK_BYTES + 1
    assert all(0 < size <= READ_CHUNK_BYTES for size in sizes)


async def test_what_is_not_stored_has_no_size_and_cannot_be_read(bench: Bench) -> None:
    assert await bench.storage.size_of(ABSENT) is None
    assert not await bench.storage.exists(ABSENT)
    for start, stop in ((0, None), (5, None), (5, 7), (7, 7)):
        with pytest.raises(NotFound, match=f"no artifact '{ABSENT}'"):
            await bench.read(ABSENT, start, stop)


async def test_delete_removes_one_artifact_and_may_be_repeated(bench: Bench) -> None:
    kept, gone = await bench.adopt(b"kept"), await bench.adopt(b"gone")

    await bench.storage.delete(gone)
    await bench.storage.delete(gone)

    assert await bench.digests() == {kept}
    assert not await bench.storage.exists(gone)


async def test_a_reader_of_a_deleted_artifact_reads_on_to_its_end(bench: Bench) -> None:
    body = bytes(range(256)) * (READ_CHUNK_BYTES // 128)
    digest = await bench.adopt(body)
    reader = aiter(bench.storage.read(digest))

    first = await anext(reader)
    await bench.storage.delete(digest)

    assert first + b"".join([chunk async for chunk in reader]) == body


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "ab/../" + "0" * 58, "g" * 64, "0" * 63, "0" * 65])
async def test_a_name_that_is_no_digest_is_refused_and_changes_nothing(bench: Bench, name: str) -> None:
    path = bench.file(b"paper")

    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        await bench.storage.adopt(path, name)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        await bench.storage.delete(name)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        bench.storage.path_of(name)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        await bench.storage.signed_url(name, 60)

    assert path.read_bytes() == b"paper"
    assert await bench.digests() == set()


async def test_flush_may_be_awaited_at_any_time_by_many(bench: Bench) -> None:
    await bench.storage.flush()
    digest = await bench.adopt(b"paper")

    await asyncio.gather(*(bench.storage.flush() for _ in range(5)))

    assert await bench.read(digest) == b"paper"


async def test_stored_bytes_of_another_size_give_way(bench: Bench, object_store: ObjectStore) -> None:
    digest = await bench.adopt(b"paper")
    if isinstance(bench.storage, S3Storage):
        object_store.put(bench.storage.name, key_of(digest), b"pap")
    else:
        path = bench.storage.path_of(digest)
        assert path is not None
        path.write_bytes(b"pap")

    await bench.adopt(b"paper")

    assert await bench.read(digest) == b"paper"


async def test_a_writable_storage_is_healthy(bench: Bench) -> None:
    health = await bench.storage.check()

    assert health.ok
    assert health.detail
    assert await bench.digests() == set()
