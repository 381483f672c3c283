"""Checks a body against what was declared of it, while it passes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from typing_extensions import override

from headbox.download.chunks import with_chunk
from headbox.download.interface import ByteStream
from headbox.download.source import Body
from headbox.errors import ArtifactInvalid, DigestMismatch, TooLarge


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a body must be.

    Attributes:
        url: Where it comes from, as messages may show it.
        max_bytes: Longest body that is taken.
        size: Declared length in bytes, or None.
        sha256: Declared digest, or None.
    """

    url: str
    max_bytes: int
    size: int | None
    sha256: str | None

    def check_announced(self, size: int | None) -> None:
        """Raise ArtifactInvalid or TooLarge when a body is announced that cannot be it."""
        if size is None:
            return
        if self.size is not None and size != self.size:
            raise ArtifactInvalid(url=self.url, actual=size, expected=self.size)
        if size > self.max_bytes:
            raise self._too_large()

    def check_received(self, received: int) -> None:
        """Raise ArtifactInvalid or TooLarge when more bytes have come than there can be."""
        if self.size is not None and received > self.size:
            raise ArtifactInvalid(url=self.url, actual=f"more than {self.size}", expected=self.size)
        if received > self.max_bytes:
            raise self._too_large()

    def check_end(self, received: int, sha256: str) -> None:
        """Raise ArtifactInvalid or DigestMismatch when the whole body is not the declared one."""
        if self.size is not None and received != self.size:
            raise ArtifactInvalid(url=self.url, actual=received, expected=self.size)
        if self.sha256 is not None and sha256 != self.sha256:
            raise DigestMismatch(url=self.url, actual=sha256, expected=self.sha256)

    def _too_large(self) -> TooLarge:
        return TooLarge(what=self.url, limit=f"{self.max_bytes} bytes")


class CheckedStream(ByteStream):
    """A body that is checked as it is read.

    Attributes:
        received: Bytes that have come so far.
        sha256: Digest of the body; empty until all of it has come.
        validators: To ask later whether it has changed.
    """

    def __init__(self, body: Body, expectation: Expectation) -> None:
        expectation.check_announced(body.size)
        self.size = expectation.size if body.size is None else body.size
        self.validators = body.validators
        self.received = 0
        self.sha256 = ""
        self._body = body
        self._expectation = expectation
        self._digest = hashlib.sha256()
        # The chunk that may be handed out next, when that is known already.
        self._next: bytes | None = None
        # The last chunk that came: it may be the last of all, and that one is kept back until all has been checked.
        self._kept_back = b""

    async def begin(self) -> None:
        """Wait until the first chunk may be handed out; what is wrong by then is raised here."""
        self._next = await self._advance()

    @override
    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk."""
        chunk, self._next = self._next, None
        if chunk is None:
            chunk = await self._advance()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Let go of the body."""
        await self._body.aclose()

    async def _advance(self) -> bytes:
        """Return the next chunk that may be handed out; empty at the end."""
        while arrived := await self._body.read():
            self.received += len(arrived)
            self._expectation.check_received(self.received)
            await with_chunk(self._digest.update, arrived)
            chunk, self._kept_back = self._kept_back, arrived
            if chunk:
                return chunk
        self.sha256 = self._digest.hexdigest()
        self._expectation.check_end(self.received, self.sha256)
        chunk, self._kept_back = self._kept_back, b""
        return chunk
