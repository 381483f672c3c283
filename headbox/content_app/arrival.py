"""Bytes on their way from upstream into a file, for any number of readers who cannot wait for the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from headbox.content_app.problem import Problem
from headbox.download.chunks import with_chunk
from headbox.storage.interface import READ_CHUNK_BYTES


class BrokenOff(Exception):
    """The bytes that a reader was given so far turned out to be wrong, or no more of them will come."""


class Arrival:
    """One artifact that is being fetched, by one attempt after the other.

    Attributes:
        size: Its size in bytes, or None while nobody knows it.
        sha256: Its digest, once all of it is here.
        is_stored: Whether it was stored in the meantime, and nothing had to be fetched.
        is_kept: Whether it is stored when it is here.
        readers: How many clients want it.
    """

    def __init__(self) -> None:
        self.size: int | None = None
        self.sha256: str | None = None
        self.is_stored = False
        self.is_kept = True
        self.readers = 0
        self._problem: Problem | None = None
        self._has_ended = False
        self._files = ExitStack()
        self._file: BinaryIO | None = None
        self._written = 0
        self._changed = asyncio.Event()

    # The side of the fetch.

    def begin(self, path: Path, size: int | None) -> None:
        """Begin an attempt that writes to a new file; readers that have bytes of the one before are broken off."""
        # A file of its own for each attempt, open to the end: readers read the one before until they notice.
        self._file = self._files.enter_context(path.open("x+b"))
        self._written = 0
        self.size = size

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        await with_chunk(self._append, chunk)
        self._written += len(chunk)
        self._tell()

    def complete(self, sha256: str) -> int:
        """Let readers have the end: all bytes are here and are what was declared. Return their number."""
        self.sha256 = sha256
        self.size = self._written
        self._tell()
        return self._written

    def skip(self) -> None:
        """Tell readers that the artifact was stored in the meantime."""
        self.is_stored = True
        self._tell()

    def fail(self, problem: Problem) -> None:
        """Tell readers that the artifact will not come, unless it has come already."""
        if not self._is_final:
            self._problem = problem
        self._tell()

    def end(self) -> None:
        """Close the files with the last reader."""
        self._has_ended = True
        self._close_unused()

    # The side of the readers.

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the files open for as long as the block lasts."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1
            self._close_unused()

    async def first(self) -> None:
        """Wait for the first bytes that can be passed on.

        Raises:
            Problem: They will not come.
        """
        await self._until(lambda: self._written > 0 or self._is_final)

    async def whole(self) -> None:
        """Wait for all bytes.

        Raises:
            Problem: They will not come.
        """
        await self._until(lambda: self._is_final)

    async def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes as they come. Whoever is given the last of them has been given the right ones.

        Raises:
            BrokenOff: They were wrong, or no more will come.
        """
        file, offset = self._file, start
        while stop is None or offset < stop:
            if self._problem is not None or file is not self._file:
                raise BrokenOff
            changed = self._changed
            end = self._written if stop is None else min(self._written, stop)
            if file is not None and offset < end:
                wanted = min(end - offset, READ_CHUNK_BYTES)
                chunk = await asyncio.to_thread(os.pread, file.fileno(), wanted, offset)
                # Looked at again: while the bytes were read, the attempt that they are of may have been given up.
                if file is not self._file:
                    raise BrokenOff
                offset += len(chunk)
                yield chunk
            elif self._is_final:
                return
            else:
                await changed.wait()

    @property
    def _is_final(self) -> bool:
        return self.sha256 is not None or self.is_stored

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._problem is not None:
                # It is raised to every reader, and would gather the tracebacks of all of them.
                raise self._problem.with_traceback(None)
            await self._changed.wait()

    def _append(self, chunk: bytes) -> None:
        assert self._file is not None, "an attempt was begun"
        self._file.write(chunk)
        # Readers read past the buffer.
        self._file.flush()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _close_unused(self) -> None:
        if self._has_ended and self.readers == 0:
            self._files.close()
