"""The file into which a body is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from headbox.download.chunks import with_chunk


class NewFile:
    """A file that did not exist before, and will not have existed unless all goes well.

    Written through a buffer, whose lock makes the closing wait for a thread that still writes when its task has been
    canceled: a bare descriptor would be closed under it, and might be another file's by the time of the write.
    """

    def __init__(self, path: Path, on_bytes: Callable[[int], None] | None) -> None:
        """Prepare to write.

        Args:
            path: Where.
            on_bytes: Called with the length of what is written, and with less than nothing when it is thrown away.
        """
        self._path = path
        self._on_bytes = on_bytes
        self._written = 0

    def __enter__(self) -> Self:
        self._file = self._path.open("xb")
        return self

    async def write(self, chunk: bytes) -> None:
        """Write a chunk behind what has been written."""
        await with_chunk(self._file.write, chunk)
        self._count(len(chunk))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            # Writes what the buffer still holds, and may find no space for it.
            self._file.close()
        except BaseException:
            self._discard()
            raise
        if error is not None:
            self._discard()

    def _count(self, size: int) -> None:
        self._written += size
        if self._on_bytes is not None:
            self._on_bytes(size)

    def _discard(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._written:
            self._count(-self._written)
