"""Bodies from local folders, for remotes with a file:// URL."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from headbox.download.chunks import CHUNK_BYTES
from headbox.download.interface import Validators
from headbox.download.source import Body, Source
from headbox.download.urls import parse_url, safe_url
from headbox.errors import NotPermitted, RemoteResponse, RemoteUnreachable

# O_NONBLOCK: opening a named pipe would wait for its writer. O_NOFOLLOW: the path has been resolved, so that a link in
# its place was put there since.
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FileBody(Body):
    """An open file."""

    def __init__(self, url: str, fd: int, status: os.stat_result) -> None:
        self.size = status.st_size
        self.validators = _validators(status)
        self._url = url
        self._fd = fd
        # As long as it was when it was opened: a file that someone appends to without end has none.
        self._remaining = status.st_size

    @override
    async def read(self) -> bytes:
        if not self._remaining:
            return b""
        try:
            chunk = await asyncio.to_thread(os.read, self._fd, min(self._remaining, CHUNK_BYTES))
        except OSError as error:
            raise RemoteUnreachable(url=self._url, reason=error.strerror) from error
        if not chunk:
            raise RemoteUnreachable(url=self._url, reason="the file was cut short while it was read")
        self._remaining -= len(chunk)
        return chunk

    @override
    async def aclose(self) -> None:
        os.close(self._fd)


class FileSource(Source):
    """Opens regular files below the folders that file:// remotes may read.

    Links are followed first; what counts is where they lead.
    """

    def __init__(self, allowed_paths: Sequence[Path]) -> None:
        self._allowed_paths = tuple(path.resolve() for path in allowed_paths)

    @override
    async def open(self, url: str, if_changed: Validators | None) -> FileBody | None:
        return await asyncio.to_thread(self._open, safe_url(url), if_changed)

    @override
    async def aclose(self) -> None:
        """Return at once: nothing is held between two files."""

    def _open(self, url: str, if_changed: Validators | None) -> FileBody | None:
        fd = self._open_below_allowed(url)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise _not_permitted(url, "it is not a regular file")
        body = FileBody(url, fd, status)
        if if_changed is not None and if_changed.etag == body.validators.etag:
            os.close(fd)
            return None
        return body

    def _open_below_allowed(self, url: str) -> int:
        # First the check, so that nothing off limits is opened or told apart from what does not exist; then the same
        # for what was really opened, because someone may have exchanged a folder for a link in between.
        path = _real_path(url)
        self._check_permitted(url, path)
        try:
            fd = os.open(path, _OPEN_FLAGS)
        except FileNotFoundError:
            raise RemoteResponse(url=url, status=404, reason="that there is no such file") from None
        except PermissionError:
            raise RemoteResponse(url=url, status=403, reason="that headbox may not read this file") from None
        except OSError as error:
            raise RemoteUnreachable(url=url, reason=error.strerror) from error
        try:
            self._check_permitted(url, Path(f"/proc/self/fd/{fd}").readlink())
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _check_permitted(self, url: str, path: Path) -> None:
        if not any(path.is_relative_to(allowed) for allowed in self._allowed_paths):
            raise _not_permitted(url, "file:// remotes may not read there")


def _real_path(url: str) -> Path:
    parsed = parse_url(url)
    if parsed.host not in (None, "", "localhost") or not parsed.path.startswith("/") or "\0" in parsed.path:
        raise _not_permitted(url, "it does not name a local path")
    # Unlike Path.resolve, this takes what it cannot follow (a loop of links) as it stands.
    return Path(os.path.realpath(parsed.path))


def _not_permitted(url: str, reason: str) -> NotPermitted:
    hint = "Name a folder above it in HEADBOX_DOWNLOAD_ALLOWED_PATHS, a JSON list, and start headbox again."
    return NotPermitted(what=f"Reading {url}", reason=reason, hint=hint)


def _validators(status: os.stat_result) -> Validators:
    return Validators(etag=f'"{status.st_mtime_ns:x}-{status.st_size:x}"')
