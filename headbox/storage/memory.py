"""Artifacts in memory, for tests and for trying things out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from typing_extensions import override

from headbox.errors import NotFound
from headbox.storage.interface import READ_CHUNK_BYTES, ArtifactStorage, StorageHealth
from headbox.types import check_sha256


class MemoryStorage(ArtifactStorage):
    """Keeps artifacts for as long as it lives."""

    def __init__(self) -> None:
        self._artifacts: dict[str, bytes] = {}

    @override
    async def adopt(self, path: Path, digest: str) -> None:
        self._artifacts[check_sha256(digest)] = await asyncio.to_thread(path.read_bytes)
        await asyncio.to_thread(path.unlink)

    @override
    def path_of(self, digest: str) -> None:
        check_sha256(digest)

    @override
    async def size_of(self, digest: str) -> int | None:
        artifact = self._artifacts.get(check_sha256(digest))
        return None if artifact is None else len(artifact)

    @override
    async def exists(self, digest: str) -> bool:
        return check_sha256(digest) in self._artifacts

    @override
    async def read(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        artifact = self._artifacts.get(check_sha256(digest))
        if artifact is None:
            raise NotFound(what="artifact", key=digest)
        stop = len(artifact) if stop is None else min(stop, len(artifact))
        for offset in range(start, stop, READ_CHUNK_BYTES):
            yield artifact[offset : min(offset + READ_CHUNK_BYTES, stop)]

    @override
    async def delete(self, digest: str) -> None:
        self._artifacts.pop(check_sha256(digest), None)

    @override
    async def digests(self) -> AsyncIterator[str]:
        for digest in list(self._artifacts):
            yield digest

    @override
    async def flush(self) -> None:
        """Return at once: memory survives nothing."""

    @override
    async def check(self) -> StorageHealth:
        return StorageHealth(ok=True, detail="in memory")
