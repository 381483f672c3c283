"""The files in which uploads lie until all of their bytes are here."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from headbox.settings import Settings

#: See `UploadFile.stamp`.
Stamp = tuple[int, int, int]

#: The folder below the data folder.
FOLDER = "uploads"
#: Only the server's own user may look into it.
_PRIVATE = 0o700


class UploadLocked(Exception):
    """Somebody else writes to the file now."""


class UploadFolder:
    """A folder of uploads, each in a file that is named by its id and nothing else.

    Processes, and hosts too, can share it: who changes a file has locked it, and a lock ends with its process, however
    that ends. Everything here is a system call or two, but for what says that it is for a thread.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        self._root = root.resolve()

    @classmethod
    def of(cls, settings: Settings) -> UploadFolder:
        """Return the folder that all processes of an installation share."""
        return cls(settings.data_dir / FOLDER)

    def path_of(self, upload: UUID) -> Path:
        """Return the file of an upload, which need not be there."""
        return self._root / str(upload)

    def size_of(self, upload: UUID) -> int:
        """Return how many bytes the file of an upload has; 0 when there is none."""
        try:
            return self.path_of(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def older_than(self, time: float) -> list[UUID]:
        """Return the uploads whose files were not changed since a time, in seconds since 1970; for a thread."""
        found = []
        for entry in os.scandir(self._root):
            with suppress(ValueError, FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < time:
                    found.append(UUID(entry.name))
        return found

    def free_bytes(self) -> int:
        """Return how much space is left on the file system."""
        return shutil.disk_usage(self._root).free

    @contextmanager
    def locked(self, upload: UUID) -> Iterator[UploadFile]:
        """Have the file of an upload for oneself; it is made when there is none.

        Raises:
            UploadLocked: Somebody else has it.
        """
        file = UploadFile(self.path_of(upload), _open_locked(self.path_of(upload)))
        try:
            yield file
        finally:
            file.close()


class UploadFile:
    """The locked file of an upload.

    Attributes:
        path: Where it is, until it is adopted or removed.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._is_open = True
        # A thread may still be at work when whoever waited for it was canceled. It must not write to whatever file has
        # the number of this one next.
        self._in_use = threading.Lock()

    @property
    def size(self) -> int:
        """How many bytes it has."""
        with self._used() as descriptor:
            return os.fstat(descriptor).st_size

    @property
    def stamp(self) -> Stamp:
        """What tells whether it is the same file with the same bytes: its number, size and time of the last change."""
        with self._used() as descriptor:
            status = os.fstat(descriptor)
        return status.st_ino, status.st_size, status.st_mtime_ns

    def cut(self, size: int) -> None:
        """Take away what lies behind the first `size` bytes."""
        with self._used() as descriptor:
            if os.fstat(descriptor).st_size > size:
                os.ftruncate(descriptor, size)

    def write(self, data: bytes, offset: int) -> None:
        """Put bytes at an offset; for a thread.

        Raises:
            OSError: There is no space, or the disk fails; some of the bytes may be there.
        """
        rest = memoryview(data)
        with self._used() as descriptor:
            while rest:
                written = os.pwrite(descriptor, rest, offset)
                offset += written
                rest = rest[written:]

    def sync(self) -> None:
        """Make all bytes survive a crash of the machine; for a thread."""
        with self._used() as descriptor:
            os.fdatasync(descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes from an offset on, fewer at the end; for a thread."""
        with self._used() as descriptor:
            return os.pread(descriptor, length, offset)

    def remove(self) -> None:
        """Remove it; nobody finds it any more."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it, and of the lock."""
        with self._in_use:
            self._is_open = False
            os.close(self._descriptor)

    @contextmanager
    def _used(self) -> Iterator[int]:
        with self._in_use:
            if not self._is_open:
                raise OSError(errno.EBADF, "the file of an upload is closed")
            yield self._descriptor


def _open_locked(path: Path) -> int:
    while True:
        # The rights of every file that a process makes: it becomes an artifact, which others may hand out.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise UploadLocked from None
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever had the lock before took the file away meanwhile.
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
