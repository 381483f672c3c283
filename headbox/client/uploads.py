"""Bytes on their way to the server: asked for by digest first, sent side by side, and gone on with after a cut.

Source: tus resumable upload protocol 1.0.0, https://tus.io/protocols/resumable-upload.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp

from headbox.client.connection import AWAY, CONNECT_TIMEOUT_SECONDS, Connection
from headbox.client.errors import FileChanged, ServerUnreachable, UploadRefused
from headbox.client.journal import UploadJournal

#: Bytes of a file that are read and sent at a time.
BLOCK_BYTES = 1024 * 1024
#: Files up to this size are sent with the request that creates the upload: a cut costs no more than that.
SMALL_BYTES = BLOCK_BYTES
#: Most bytes of one request, so that proxies which keep whole bodies can be passed.
REQUEST_BYTES = 64 * BLOCK_BYTES
#: How long the server may be silent before an attempt is given up, in seconds: it may have to store a large file.
ANSWER_TIMEOUT_SECONDS = 120.0
#: How long an upload is tried again while no byte of it arrives, in seconds.
PATIENCE_SECONDS = 60.0
#: First and longest wait before another attempt, in seconds.
PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 5.0

_TUS = {"Tus-Resumable": "1.0.0"}
_BYTES = {"Content-Type": "application/offset+octet-stream"}
#: Statuses after which another try may succeed: silence, another request at work, too many uploads, a server that ends.
_PASSING = frozenset({408, 409, 423, 429}) | AWAY
#: There is no such upload any more.
_GONE = 404
#: The bytes do not have the declared digest.
_MISMATCH = 460

#: Told of a file and how many bytes more, or fewer after a cut, of it have been sent.
OnProgress = Callable[["LocalFile", int], None]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file as it was when its digest was computed.

    Attributes:
        path: Where it lies.
        size: Its size, in bytes.
        sha256: The digest of its bytes, 64 hexadecimal digits.
        modified_ns: When it was last changed, in nanoseconds since 1970.
    """

    path: Path
    size: int
    sha256: str
    modified_ns: int

    @classmethod
    def read(cls, path: Path) -> LocalFile:
        """Return a file with its digest; links are followed.

        Raises:
            OSError: It cannot be read.
            FileChanged: It is written to at this moment.
        """
        with path.open("rb") as stream:
            before = path.stat()
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        file = cls(path, before.st_size, sha256, before.st_mtime_ns)
        file.check()
        return file

    def check(self) -> None:
        """Make sure that the file is still the same.

        Raises:
            FileChanged: It has another size or was written to, or is gone.
        """
        try:
            now = self.path.stat()
        except OSError as error:
            raise FileChanged(f"{self.path} cannot be read any more: {error.strerror}") from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified_ns):
            raise FileChanged(f"{self.path} was changed while it was being uploaded")


@dataclass(slots=True)
class UploadSummary:
    """What came of many files.

    Attributes:
        known: Digests that were stored already.
        sent: Digests that were sent.
        sent_bytes: Their bytes.
    """

    known: int = 0
    sent: int = 0
    sent_bytes: int = 0


async def send(
    connection: Connection,
    file: LocalFile,
    on_progress: OnProgress | None = None,
    journal: UploadJournal | None = None,
) -> None:
    """Send a file, going on where it was after each cut, until the server has stored it.

    Args:
        connection: The server.
        file: The file.
        on_progress: Told how many bytes more, or fewer after a cut, of it have been sent.
        journal: Where to look for what an earlier run of the program has begun, or None.

    Raises:
        UploadRefused: The server does not take it.
        FileChanged: The file is another one by now.
        ServerUnreachable: No byte arrives for too long.
        NotAuthorized: The token is missing, wrong or has expired.
    """
    await _Sending(connection, file, on_progress or _ignore, journal).run()


def _ignore(_file: LocalFile, _bytes: int) -> None:
    pass


class _Again(Exception):
    """Another attempt may succeed.

    Attributes:
        status: The HTTP status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Sending:
    """The upload of one file.

    Attributes:
        url: Its address; None before it is created.
        offset: How many bytes are known to have arrived.
        told: How many bytes the caller was told of.
    """

    def __init__(
        self, connection: Connection, file: LocalFile, on_progress: OnProgress, journal: UploadJournal | None
    ) -> None:
        self._connection = connection
        self._file = file
        self._on_progress = on_progress
        # A small file is sent anew in no time.
        self._journal = journal if file.size > SMALL_BYTES else None
        self.url: str | None = None
        self.offset = 0
        self.told = 0

    async def run(self) -> None:
        """Send the file."""
        if self._journal and (key := self._journal.find(self._connection.server, self._file.sha256)):
            self.url = self._address(key)
            await self._find_offset()
        await self._send_all()
        if self._journal:
            self._journal.forget(self._connection.server, self._file.sha256)

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        furthest, pause, give_up_at = 0, PAUSE_SECONDS, loop.time() + PATIENCE_SECONDS
        is_whole = False
        while not is_whole:
            self._file.check()
            try:
                is_whole = await self._step()
            except (_Again, ServerUnreachable) as error:
                self._file.check()
                if self.offset > furthest:
                    furthest, pause, give_up_at = self.offset, PAUSE_SECONDS, loop.time() + PATIENCE_SECONDS
                if loop.time() >= give_up_at:
                    message = f"{self._file.path} does not get through: {error}"
                    if isinstance(error, _Again) and error.status not in AWAY:
                        raise UploadRefused(message, error.status) from error
                    raise ServerUnreachable(message) from error
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
                await self._find_offset()
            else:
                give_up_at = loop.time() + PATIENCE_SECONDS

    async def _step(self) -> bool:
        """Create the upload, or send some more of it; tell whether all of it is stored."""
        if self.url is None:
            await self._create()
        elif self.offset < self._file.size:
            await self._send_some(self.url)
        return self.offset == self._file.size and self.url is not None

    async def _create(self) -> None:
        """Create the upload; a small file is sent at once."""
        size = self._file.size if self._file.size <= SMALL_BYTES else 0
        digest = base64.b64encode(self._file.sha256.encode()).decode()
        headers = {"Upload-Length": str(self._file.size), "Upload-Metadata": f"sha256 {digest}"}
        answer = await self._request("POST", f"{self._connection.server}/uploads/", headers, size)
        key = answer["Location"].rpartition("/")[2]
        self.url = self._address(key)
        if self._journal:
            self._journal.note(self._connection.server, self._file.sha256, key)
        self._arrived(int(answer.get("Upload-Offset", "0")))

    def _address(self, key: str) -> str:
        return f"{self._connection.server}/uploads/{key}"

    async def _send_some(self, url: str) -> None:
        size = min(REQUEST_BYTES, self._file.size - self.offset)
        answer = await self._request("PATCH", url, {"Upload-Offset": str(self.offset)}, size)
        self._arrived(int(answer["Upload-Offset"]))

    async def _find_offset(self) -> None:
        """Ask where to go on; where nobody knows, the next attempt will tell."""
        if self.url is None:
            self._arrived(0)
            return
        try:
            answer = await self._request("HEAD", self.url, {}, 0)
            self._arrived(int(answer["Upload-Offset"]))
        except (_Again, ServerUnreachable):
            self._arrived(self.offset)

    async def _request(self, method: str, url: str, headers: dict[str, str], size: int) -> Mapping[str, str]:
        """Send a request with the next bytes of the file, and return the headers of the answer.

        Raises:
            _Again: Another attempt may succeed.
            UploadRefused: None will.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=ANSWER_TIMEOUT_SECONDS
        )
        headers = {**headers, **_TUS}
        if not size:
            return await self._answer(method, url, headers, None, timeout)
        if size == self._file.size and size <= SMALL_BYTES:
            return await self._answer(method, url, headers | _BYTES, await asyncio.to_thread(self._read), timeout)
        headers |= _BYTES | {"Content-Length": str(size)}
        # Closed here: a body that is broken off is not read to its end by anyone.
        with await asyncio.to_thread(self._opened) as stream:
            return await self._answer(method, url, headers, self._blocks(stream, size), timeout)

    async def _answer(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: AsyncIterator[bytes] | bytes | None,
        timeout: aiohttp.ClientTimeout,
    ) -> Mapping[str, str]:
        async with self._connection.request(method, url, headers=headers, data=body, timeout=timeout) as response:
            if response.ok:
                return response.headers
            reason = (await response.text(errors="replace")).strip()[:500] or response.reason or ""
            if response.status == _GONE and self.url is not None:
                # It has expired, or the server had to remove it.
                self.url = None
                self._arrived(0)
                raise _Again(reason, response.status)
            if response.status in _PASSING:
                raise _Again(reason, response.status)
            if response.status == _MISMATCH:
                raise FileChanged(f"{self._file.path} was changed while it was being uploaded")
            raise UploadRefused(f"{self._file.path} was refused: {reason}", response.status)

    async def _blocks(self, stream: BinaryIO, size: int) -> AsyncIterator[bytes]:
        """Yield the next bytes of the file; fewer where it was cut meanwhile."""
        left = size
        while left and (block := await asyncio.to_thread(stream.read, min(BLOCK_BYTES, left))):
            yield block
            left -= len(block)
            self._tell(len(block))

    def _read(self) -> bytes:
        """Return all bytes of a small file."""
        with self._opened() as stream:
            return stream.read(self._file.size)

    def _opened(self) -> BinaryIO:
        try:
            stream = self._file.path.open("rb")
        except OSError as error:
            raise FileChanged(f"{self._file.path} cannot be read any more: {error.strerror}") from error
        stream.seek(self.offset)
        return stream

    def _arrived(self, offset: int) -> None:
        """Note how many bytes have arrived."""
        self.offset = offset
        self._tell(offset - self.told)

    def _tell(self, count: int) -> None:
        if count:
            self.told += count
            self._on_progress(self._file, count)


def by_digest(files: Sequence[LocalFile]) -> dict[str, LocalFile]:
    """Return one file of each digest: the same bytes are sent once."""
    return {file.sha256: file for file in files}


def in_parts(digests: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """Yield the digests in parts of at most so many."""
    for start in range(0, len(digests), most):
        yield digests[start : start + most]
