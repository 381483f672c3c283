"""Private folders in which tasks make their files, which become artifacts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
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
        await asyncio.to_thread(_remove, folder)
        folder.mkdir(mode=_PRIVATE)
        try:
            yield folder
        finally:
            # Shielded: a second cancel must not keep the removal, which may still wait for a thread, from happening.
            await asyncio.shield(asyncio.to_thread(_remove, folder))

    async def sweep(self, keep: Collection[str] = ()) -> None:
        """Remove every folder that killed processes left.

        Args:
            keep: The names of folders that are in use.
        """
        for folder in await asyncio.to_thread(list, self._root.iterdir()):
            if folder.name not in keep:
                await asyncio.to_thread(_remove, folder)

    def folder(self, name: str) -> Path:
        """Return where the folder of a name is, whether it is open or not."""
        if "/" in check_relative_path(name):
            raise ValueError("the name of a working folder is one path segment")
        return self._root / name


def _remove(path: Path) -> None:
    """Remove a folder or file; what cannot be removed now is left for the next sweep."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
