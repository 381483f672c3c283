"""What headbox asks of a place that keeps artifacts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

#: Most bytes in one chunk of an artifact that is read.
READ_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StorageHealth:
    """Whether artifacts can be stored now.

    Attributes:
        ok: Whether a new artifact could be stored.
        detail: The free space, or what is wrong, for people.
    """

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """One artifact as the storage has it.

    Attributes:
        sha256: Its digest, by its name.
        size: Its size in bytes.
        stored_at: When it was written, on the clock of what keeps it.
    """

    sha256: str
    size: int
    stored_at: datetime


class ArtifactStorage(Protocol):
    """Immutable bytes, each named by its SHA-256: 64 lower-case hexadecimal digits.

    One storage may be used from several event loops and threads at once. Every method raises ValueError for what is no
    digest: a name from outside never becomes a path. Every method but `check` raises StorageUnavailable when what keeps
    the artifacts cannot be reached or refuses to work.
    """

    async def adopt(self, path: Path, digest: str) -> None:
        """Move a finished file into the store; afterwards `path` is gone.

        Readers see the whole artifact or none of it. Adopting what is stored already is no error. The artifact survives
        a crash of the process at once, and one of the machine after `flush`.

        Args:
            path: A file whose bytes have been checked against `digest`. Moving it costs nothing where it is on the
                file system of the store.
            digest: Its SHA-256.

        Raises:
            StorageFull: There is no space for it; `path` is still there.
        """
        ...

    async def replace(self, path: Path, digest: str) -> None:
        """Move a finished file into the store, in place of bytes that are stored under its digest and are wrong.

        Readers see the old bytes or the new ones. Otherwise as `adopt`, which leaves bytes of the right size alone.
        """
        ...

    def path_of(self, digest: str) -> Path | None:
        """Return the file of an artifact, for sendfile and its like; None when it is not stored in a file."""
        ...

    async def signed_url(self, digest: str, seconds: int) -> str | None:
        """Return a URL at which anyone can GET an artifact for so long, or None when it has none.

        Whether the artifact is stored is not looked at.
        """
        ...

    async def look(self, digest: str) -> StoredArtifact | None:
        """Return an artifact as the storage has it now, or None when it is not stored."""
        ...

    async def size_of(self, digest: str) -> int | None:
        """Return the size of an artifact in bytes, or None when it is not stored."""
        stored = await self.look(digest)
        return None if stored is None else stored.size

    async def exists(self, digest: str) -> bool:
        """Tell whether an artifact is stored."""
        return await self.look(digest) is not None

    def read(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of an artifact in order, in chunks of at most `READ_CHUNK_BYTES`.

        Args:
            digest: Which artifact.
            start: Offset of the first byte.
            stop: Offset behind the last byte; None or one past the end reads to the end.

        Raises:
            NotFound: It is not stored; raised before the first chunk.
            ArtifactDamaged: What keeps it cannot read it, and most likely never will.
        """
        ...

    async def delete(self, digest: str) -> None:
        """Remove an artifact; removing what is not stored is no error. Who reads it now reads on to its end."""
        ...

    def listing(self) -> AsyncIterator[StoredArtifact]:
        """Yield every stored artifact, in no order; what comes or goes meanwhile may be left out."""
        ...

    async def digests(self) -> AsyncIterator[str]:
        """Yield the digest of every stored artifact, in no order."""
        async for stored in self.listing():
            yield stored.sha256

    async def flush(self) -> None:
        """Return when all that was adopted or found before survives a crash of the machine.

        To be awaited before a transaction commits rows that name artifacts. Cheap when there is nothing to do.

        Raises:
            StorageFull: The space that had been promised is not there.
        """
        ...

    async def check(self) -> StorageHealth:
        """Try whether artifacts can be stored now."""
        ...
