"""Private folders in which tasks make their files, which become artifacts."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from headbox.types import check_relative_path

#: Only the server's own user may look into a working folder.
_PRIVATE = 0o700


class Workspace:
    """Makes working folders below a root, and removes them.

    What is made on the file system of the artifacts becomes one without being copied.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        self._root = root.resolve()

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Path]:
        """Give an empty folder of one's own, and remove it with all that is in it at the end, whatever happens.

        Args:
            name: One path segment; what a killed process left under it is removed first.

        Raises:
            ValueError: The name is more than one segment.
        """
        folder = self.folder(name)
        try:
            folder.mkdir(mode=_PRIVATE)
        except FileExistsError:
            await asyncio.to_thread(_remove, folder)
            folder.mkdir(mode=_PRIVATE)
        try:
            yield folder
        finally:
            try:
                # Most tasks leave nothing there: that is done sooner than a thread is found for it.
                folder.rmdir()
            except OSError:
                # Shielded: a second cancel must not keep the removal, which may wait for a thread, from happening.
                await asyncio.shield(asyncio.to_thread(_remove, folder))

    def folder(self, name: str) -> Path:
        """Return where the folder of a name is, whether it is open or not."""
        if "/" in check_relative_path(name):
            raise ValueError("the name of a working folder is one path segment")
        return self._root / name


@contextmanager
def own_workspace(root: Path) -> Iterator[Workspace]:
    """Give a process a workspace that no other one touches, and remove those that dead processes left.

    Args:
        root: The folder that the workspaces of all processes on this machine are in. Each is locked for as long as its
            process lives, however it ends.
    """
    root.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    path = root / f"{os.getpid()}-{secrets.token_hex(4)}"
    with _locked(root):
        _sweep(root)
        path.mkdir(mode=_PRIVATE)
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield Workspace(path)
    finally:
        with _locked(root):
            _remove(path)
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a folder for this process, as soon as the others let go of it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(root: Path) -> None:
    for path in root.iterdir():
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _remove(path)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a folder or file; what cannot be removed now is left for the next sweep."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
