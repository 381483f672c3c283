"""What only the file system's storage does."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headbox.errors import ArtifactDamaged, StorageFull, StorageUnavailable
from headbox.storage import FilesystemStorage, filesystem

DIGEST = hashlib.sha256(b"paper").hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> FilesystemStorage:
    return FilesystemStorage(tmp_path / "artifacts")


@pytest.fixture
def download(tmp_path: Path) -> Path:
    path = tmp_path / "download"
    path.write_bytes(b"paper")
    return path


async def test_an_artifact_lies_in_a_folder_named_by_its_first_two_digits(
    storage: FilesystemStorage, download: Path, tmp_path: Path
) -> None:
    await storage.adopt(download, DIGEST)

    assert storage.path_of(DIGEST) == tmp_path / "artifacts" / DIGEST[:2] / DIGEST[2:]
    assert storage.path_of(DIGEST).read_bytes() == b"paper"


async def test_an_artifact_is_moved_not_copied(storage: FilesystemStorage, download: Path) -> None:
    inode = download.stat().st_ino

    await storage.adopt(download, DIGEST)

    assert storage.path_of(DIGEST).stat().st_ino == inode


async def test_a_stored_artifact_is_not_replaced_by_its_twin(storage: FilesystemStorage, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(b"paper")
    inode = (tmp_path / "first").stat().st_ino

    await storage.adopt(tmp_path / "first", DIGEST)
    await storage.adopt(tmp_path / "second", DIGEST)

    assert storage.path_of(DIGEST).stat().st_ino == inode


async def test_what_a_crash_of_the_machine_cut_short_is_replaced(storage: FilesystemStorage, download: Path) -> None:
    storage.path_of(DIGEST).parent.mkdir()
    storage.path_of(DIGEST).touch()

    await storage.adopt(download, DIGEST)

    assert storage.path_of(DIGEST).read_bytes() == b"paper"


async def test_a_storage_opened_again_holds_what_it_held(storage: FilesystemStorage, download: Path) -> None:
    await storage.adopt(download, DIGEST)

    reopened = FilesystemStorage(storage.path_of(DIGEST).parent.parent)

    assert [digest async for digest in reopened.digests()] == [DIGEST]


async def test_only_the_flushes_that_have_something_to_flush_reach_the_disk(
    storage: FilesystemStorage, download: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = count_flushes(monkeypatch)

    await storage.flush()
    await storage.flush()
    assert len(flushes) == 1, "the first flush covers what a killed process left, the second has nothing to do"

    await storage.adopt(download, DIGEST)
    await storage.flush()
    assert len(flushes) == 2


async def test_bytes_are_flushed_off_the_event_loop(
    storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = count_flushes(monkeypatch)

    await storage.flush()

    assert len(flushes) == 1
    assert flushes[0] != threading.get_ident()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_told_and_the_flush_is_due_again(
    storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(path: Path) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(filesystem, "_sync_file_system", full)
        with pytest.raises(StorageFull, match="no space left to store artifacts"):
            await storage.flush()

    flushes = count_flushes(monkeypatch)
    await storage.flush()
    assert len(flushes) == 1


async def test_a_full_disk_leaves_the_file_where_it_was(
    storage: FilesystemStorage, download: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(StorageFull, match=f"no space left to store the artifact {DIGEST}"):
            await storage.adopt(download, DIGEST)

    assert download.read_bytes() == b"paper"
    assert not await storage.exists(DIGEST)


async def test_health_tells_the_free_space(storage: FilesystemStorage) -> None:
    health = await storage.check()

    assert health.ok
    assert health.detail.endswith(" GiB free")


async def test_health_tells_that_the_folder_is_gone(storage: FilesystemStorage, tmp_path: Path) -> None:
    (tmp_path / "artifacts").rmdir()

    health = await storage.check()

    assert not health.ok
    assert health.detail == "not writable: No such file or directory"


class TestOtherFileSystem:
    """Files that come from another file system than that of the artifacts."""

    @pytest.fixture(autouse=True)
    def other_file_system(self, monkeypatch: pytest.MonkeyPatch, download: Path) -> Iterator[None]:
        rename = Path.rename

        def refusing(source: Path, target: Path) -> Path:
            if source == download:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            return rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", refusing)
            yield

    async def test_a_file_is_copied_and_then_put_into_place(self, storage: FilesystemStorage, download: Path) -> None:
        download.chmod(0o640)

        await storage.adopt(download, DIGEST)

        stored = storage.path_of(DIGEST)
        assert (stored.read_bytes(), stored.stat().st_mode & 0o777) == (b"paper", 0o640)
        assert not download.exists()
        assert incoming(storage) == []

    async def test_a_disk_that_is_full_half_way_leaves_nothing_but_the_file(
        self, storage: FilesystemStorage, download: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(source: object, target: object, length: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(StorageFull):
            await storage.adopt(download, DIGEST)

        assert download.read_bytes() == b"paper"
        assert incoming(storage) == []
        assert [digest async for digest in storage.digests()] == []

    async def test_what_a_killed_process_left_is_no_artifact_and_is_removed_in_time(
        self, storage: FilesystemStorage, tmp_path: Path
    ) -> None:
        folder = tmp_path / "artifacts" / filesystem.INCOMING
        folder.mkdir()
        old, new = folder / "old", folder / "new"
        old.write_bytes(b"pap")
        new.write_bytes(b"pap")
        os.utime(old, (0, 0))

        reopened = FilesystemStorage(tmp_path / "artifacts")

        assert incoming(reopened) == ["new"]
        assert [digest async for digest in reopened.digests()] == []


async def test_bytes_that_the_disk_cannot_read_are_damaged(
    storage: FilesystemStorage, download: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.adopt(download, DIGEST)

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", broken)

    with pytest.raises(ArtifactDamaged):
        await anext(storage.read(DIGEST))


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ESTALE, errno.EIO])
async def test_folder_that_refuses_to_be_written_is_told(
    storage: FilesystemStorage, download: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refusing(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "rename", refusing)
    monkeypatch.setattr(filesystem, "_sync_file_system", refusing)

    for take in (storage.adopt, storage.replace):
        with pytest.raises(StorageUnavailable) as raised:
            await take(download, DIGEST)
        assert raised.value.message.endswith(f"{os.strerror(code)} (artifact {DIGEST}).")
    with pytest.raises(StorageUnavailable):
        await storage.flush()
    assert download.exists()


async def test_what_cannot_be_looked_at_or_read_is_told(storage: FilesystemStorage, download: Path) -> None:
    # A link to itself: like a file of another user, it is there, and cannot be opened even by root.
    path = storage.path_of(DIGEST)
    path.parent.mkdir()
    path.symlink_to(path)

    for asked in (storage.size_of(DIGEST), storage.exists(DIGEST), anext(storage.read(DIGEST))):
        with pytest.raises(StorageUnavailable):
            await asked
    path.unlink()
    path.mkdir()
    for asked in (storage.delete(DIGEST), storage.replace(download, DIGEST), anext(storage.read(DIGEST))):
        with pytest.raises(StorageUnavailable):
            await asked


def incoming(storage: FilesystemStorage) -> list[str]:
    """Return the names of files that are being copied."""
    return [path.name for path in (storage.path_of(DIGEST).parent.parent / filesystem.INCOMING).iterdir()]


def count_flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the thread of every flush that reaches the disk; each is still made."""
    flushes: list[int] = []
    sync = filesystem._sync_file_system

    def counting(path: Path) -> None:
        flushes.append(threading.get_ident())
        sync(path)

    monkeypatch.setattr(filesystem, "_sync_file_system", counting)
    return flushes
