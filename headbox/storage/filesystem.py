"""Artifacts as files in a folder."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from typing_extensions import override

from headbox.errors import ArtifactDamaged, NotFound, StorageFull, StorageUnavailable
from headbox.storage.interface import READ_CHUNK_BYTES, ArtifactStorage, StorageHealth, StoredArtifact
from headbox.storage.keys import digest_of, key_of

#: Folder below the root in which files from other file systems become whole.
INCOMING = "incoming"
#: Age at which a file in it that is not whole was left by a process that was killed, in seconds.
INCOMING_SECONDS = 24 * 60 * 60.0
_GIBIBYTE = 1024**3
#: What the operating system says when a disk cannot read what it has, or a file system finds its own books wrong.
_BAD_MEDIUM = frozenset({errno.EIO, errno.EUCLEAN})


class FilesystemStorage(ArtifactStorage):
    """Keeps artifacts below a folder.

    Moves and looks are made on the event loop: each is one or two system calls on metadata, cheaper than the
    way to a thread and back. Bytes are read, and made durable, in threads.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root.resolve()
        _remove_old(self._root / INCOMING)
        self._flush_lock = threading.Lock()
        # What a killed process left may be in the page cache alone, and be found by us: the first flush covers it.
        self._is_dirty = True

    @override
    async def adopt(self, path: Path, digest: str) -> None:
        await self._take(path, digest, _move)

    @override
    async def replace(self, path: Path, digest: str) -> None:
        await self._take(path, digest, _rename)

    async def _take(self, path: Path, digest: str, place: Callable[[Path, Path], None]) -> None:
        target = self.path_of(digest)
        with _translated(digest), StorageFull.translated(f"the artifact {digest}"):
            try:
                place(path, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                await asyncio.to_thread(_carry, path, target, self._root / INCOMING, place)
        # After the move, so that a flush that runs meanwhile cannot take the mark away too early.
        self._is_dirty = True

    @override
    def path_of(self, digest: str) -> Path:
        return self._root / key_of(digest)

    @override
    async def signed_url(self, digest: str, seconds: int) -> None:
        key_of(digest)

    @override
    async def look(self, digest: str) -> StoredArtifact | None:
        with _translated(digest):
            try:
                return _stored(digest, self.path_of(digest).stat())
            except FileNotFoundError:
                return None

    @override
    async def read(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        with _translated(digest, is_read=True):
            try:
                fd = os.open(self.path_of(digest), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise NotFound(what="artifact", key=digest) from None
        # Closing under a thread that still reads, when we are canceled, is harmless: nobody gets what it reads.
        try:
            while stop is None or start < stop:
                wanted = READ_CHUNK_BYTES if stop is None else min(READ_CHUNK_BYTES, stop - start)
                with _translated(digest, is_read=True):
                    chunk = await asyncio.to_thread(os.pread, fd, wanted, start)
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            os.close(fd)

    @override
    async def delete(self, digest: str) -> None:
        # In a thread: to let go of a large file takes the file system its time.
        with _translated(digest):
            await asyncio.to_thread(self.path_of(digest).unlink, missing_ok=True)

    @override
    async def listing(self) -> AsyncIterator[StoredArtifact]:
        with _translated():
            folders = await asyncio.to_thread(os.listdir, self._root)
        for folder in folders:
            with _translated():
                found = await asyncio.to_thread(_in_folder, self._root / folder)
            for stored in found:
                yield stored

    @override
    async def flush(self) -> None:
        with _translated():
            await asyncio.to_thread(self._flush)

    @override
    async def check(self) -> StorageHealth:
        return await asyncio.to_thread(self._check)

    def _flush(self) -> None:
        # Whoever waits here is served by the flush before, if that began after the last move: a group commit.
        with self._flush_lock:
            if not self._is_dirty:
                return
            self._is_dirty = False
            try:
                with StorageFull.translated("artifacts"):
                    _sync_file_system(self._root)
            except BaseException:
                self._is_dirty = True
                raise

    def _check(self) -> StorageHealth:
        try:
            with tempfile.TemporaryFile(dir=self._root, buffering=0) as probe:
                probe.write(b"headbox")
            free_bytes = shutil.disk_usage(self._root).free
        except OSError as error:
            return StorageHealth(ok=False, detail=f"not writable: {error.strerror}")
        return StorageHealth(ok=True, detail=f"{free_bytes / _GIBIBYTE:.1f} GiB free")


@contextmanager
def _translated(digest: str = "", *, is_read: bool = False) -> Iterator[None]:
    """Raise what a storage raises in place of the operating system's errors, such as of a read-only file system.

    Args:
        digest: The artifact that it is about, if it is about one.
        is_read: Whether its bytes are read.
    """
    try:
        yield
    except OSError as error:
        if is_read and error.errno in _BAD_MEDIUM:
            raise ArtifactDamaged(sha256=digest, fault="unreadable") from error
        about = digest and f" (artifact {digest})"
        raise StorageUnavailable(reason=f"{error.strerror}{about}") from error


def _move(source: Path, target: Path) -> None:
    """Move a file into place, unless it is there already.

    A stored file is not replaced, for the new one is not yet durable and the old one may be; but one of another size is
    what a crash of the machine left of an artifact that was never flushed, and gives way.
    """
    if _size(target) == source.stat().st_size:
        source.unlink()
        return
    _rename(source, target)


def _rename(source: Path, target: Path) -> None:
    """Move a file into place, whatever is there."""
    try:
        source.rename(target)
    except FileNotFoundError:
        target.parent.mkdir(exist_ok=True)
        source.rename(target)


def _carry(source: Path, target: Path, incoming: Path, place: Callable[[Path, Path], None]) -> None:
    """Move a file in from another file system: as a copy, which is put into place when it is whole."""
    incoming.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=incoming, delete=False) as copy:
        whole = Path(copy.name)
        try:
            with source.open("rb") as file:
                shutil.copyfileobj(file, copy, READ_CHUNK_BYTES)
            copy.flush()
            # As every file that a process makes, and not for its own user alone: another server may hand it out.
            whole.chmod(source.stat().st_mode)
            place(whole, target)
        except BaseException:
            whole.unlink(missing_ok=True)
            raise
    source.unlink()


def _remove_old(incoming: Path) -> None:
    """Remove what killed processes left; others may be copying into the folder now."""
    before = time.time() - INCOMING_SECONDS
    for path in incoming.iterdir() if incoming.exists() else ():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


def _in_folder(folder: Path) -> list[StoredArtifact]:
    """Return the artifacts of one folder, which has a 256th of them all."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            digest = digest_of(f"{folder.name}/{entry.name}")
            if digest is not None:
                with suppress(FileNotFoundError):
                    found.append(_stored(digest, entry.stat()))
    return found


def _stored(digest: str, status: os.stat_result) -> StoredArtifact:
    return StoredArtifact(digest, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


_libc = ctypes.CDLL(None, use_errno=True)


def _sync_file_system(path: Path) -> None:
    """Make everything on the file system of `path` durable: bytes, names and folders.

    One call, because a call for each file costs 20 times as much: 5,000 files of 1 KiB take 60 ms this way, 1.5 s with
    fdatasync for each (ext4). It also covers files that other processes moved in and did not flush.

    Source: syncfs(2); since Linux 5.8 it reports the errors of writing back.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(fd)
