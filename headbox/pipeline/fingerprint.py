"""One digest of everything that a remote declares, to tell whether it declares the same again."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import orjson

from headbox.pipeline.batch import Unit

#: Units that are sorted in memory, of which each takes some 70 bytes; the others are in sorted files by then.
SORTED_IN_MEMORY = 100_000
DIGEST_BYTES = 32


class Fingerprint:
    """The SHA-256 over the sorted SHA-256 of each unit: the same whatever the order, and however often it is declared.

    Sorted, and not added up: of sums, somebody who may choose thousands of units finds two that are the same.

    Args:
        folder: For files; whoever gave it removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: list[bytes] = []
        self._runs: list[Path] = []

    async def add(self, units: Iterable[Unit]) -> None:
        """Take in units: their documents and their artifacts, but not where these are fetched."""
        self._entries += map(_entry, units)
        await self._spill()

    async def leave_out(self, unit_ids: Iterable[str]) -> None:
        """Take in that these units, which were taken in before, are left out."""
        self._entries += (_hashed(["left out", unit_id]) for unit_id in unit_ids)
        await self._spill()

    async def digest(self) -> str:
        """Return the fingerprint of what was taken in, 64 hexadecimal digits."""
        return await asyncio.to_thread(self._digest)

    async def _spill(self) -> None:
        if len(self._entries) >= SORTED_IN_MEMORY:
            entries, self._entries = self._entries, []
            path = self._folder / f"fingerprint-{len(self._runs)}"
            self._runs.append(path)
            await asyncio.to_thread(_write, path, entries)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for entry, _ in groupby(heapq.merge(sorted(self._entries), *map(_read, self._runs))):
            digest.update(entry)
        return digest.hexdigest()


def _entry(unit: Unit) -> bytes:
    artifacts: Sequence[tuple[str, str | None, int | None]] = sorted(
        (artifact.relative_path, artifact.sha256, artifact.size) for artifact in unit.artifacts
    )
    return _hashed([unit.id, unit.document, artifacts])


def _hashed(value: object) -> bytes:
    return hashlib.sha256(orjson.dumps(value)).digest()


def _write(path: Path, entries: list[bytes]) -> None:
    with path.open("xb") as file:
        file.writelines(sorted(entries))


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while entry := file.read(DIGEST_BYTES):
            yield entry
