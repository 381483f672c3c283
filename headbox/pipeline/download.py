"""Fetching the bytes of content units that are not stored yet."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from headbox.download.interface import Downloader, Fetched
from headbox.errors import ArtifactDamaged, ArtifactInvalid, HeadboxError, StorageFull, StorageUnavailable
from headbox.kinds import DeclaredArtifact
from headbox.models.database import Connection, fetch
from headbox.models.database.sql import MAX_PARAMETERS
from headbox.pipeline.batch import Batch, Unit
from headbox.pipeline.run import Run
from headbox.pipeline.storing import store
from headbox.types import ProgressUnit

#: Artifacts of one sync that are looked up, downloaded or stored at a time: more than any remote allows requests. It
#: bounds what is asked of the storage at once, and the files that wait for a storage that is slower than the remote.
IN_FLIGHT = 128


class Fallback(Protocol):
    """Whoever else may have the bytes that the remote of a sync does not give."""

    async def fetch(
        self,
        destination: Path,
        *,
        sha256: str,
        size: int | None,
        error: HeadboxError,
        on_bytes: Callable[[int], None],
    ) -> Fetched | None:
        """Fetch an artifact into `destination`, which must not exist, and does not afterwards when that fails.

        Args:
            destination: Where it goes.
            sha256: Its digest.
            size: Its length in bytes, as far as the remote of the sync tells.
            error: Why that remote did not give it.
            on_bytes: As for `Downloader.fetch`.

        Returns:
            What was fetched, or None where nobody else gives it.

        Raises:
            StorageFull: There is no space for it.
        """
        ...


class Downloads:
    """The downloads of one sync.

    Bytes that are stored are never fetched again, whoever stored them: another unit, another repository, or an
    attempt of this task that was killed before it could save what it had. What the remote does not give, and whose
    digest is known, may come from others.
    """

    def __init__(self, run: Run, downloader: Downloader, fallback: Fallback) -> None:
        self._run = run
        self._downloader = downloader
        self._fallback = fallback
        self._numbers = count()
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        # A lock goes with the last one who holds it or waits for it.
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._artifacts = run.report("sync.download.artifacts", "Downloading artifacts")
        self._bytes = run.report("sync.download.bytes", "Downloaded", unit=ProgressUnit.BYTES)
        self._expected = 0
        self._expected_bytes: int | None = 0
        self._batches_to_come = 0
        self._are_all_announced = False

    def announce(self) -> None:
        """Say that a batch will come; totals are known when the last one that was announced has come."""
        self._batches_to_come += 1

    def all_announced(self) -> None:
        """Say that no more batches will come."""
        self._are_all_announced = True
        self._tell_totals()

    def _tell_totals(self) -> None:
        if self._are_all_announced and not self._batches_to_come:
            self._artifacts.expect(self._expected)
            self._bytes.expect(self._expected_bytes)

    def _expect(self, artifact: DeclaredArtifact) -> None:
        self._expected += 1
        if artifact.size is None:
            self._expected_bytes = None
        elif self._expected_bytes is not None:
            self._expected_bytes += artifact.size

    async def fetch(self, batch: Batch, *, keep_going: bool) -> dict[str, tuple[HeadboxError, str]]:
        """Fetch what the batch lacks.

        Args:
            batch: Its `digests` and `stored` are filled.
            keep_going: Go on after a failure.

        Returns:
            Unit id -> the error and the path of the units that could not be had.

        Raises:
            StorageFull, StorageUnavailable: Nothing can be stored.
            HeadboxError: The first failure, when not to go on.
        """
        stored = await stored_sizes(self._run.engine.database.connection, batch)
        failures: dict[str, tuple[HeadboxError, str]] = {}
        async with asyncio.TaskGroup() as group:
            for unit in batch.units:
                for artifact in unit.artifacts:
                    sha256 = artifact.sha256 or batch.known.get(unit.id, {}).get(artifact.relative_path)
                    if sha256 in stored and artifact.size in {None, stored[sha256]}:
                        batch.digests[unit.id, artifact.relative_path] = sha256, stored[sha256]
                        continue
                    self._expect(artifact)
                    group.create_task(self._one(batch, unit, artifact, sha256, failures, keep_going=keep_going))
            self._batches_to_come -= 1
            self._tell_totals()
        return failures

    async def fetch_again(
        self, batch: Batch, digests: Collection[str], *, keep_going: bool
    ) -> dict[str, tuple[HeadboxError, str]]:
        """Fetch artifacts of the batch that were stored and are not any more; otherwise as `fetch`."""
        for digest in digests:
            batch.stored.pop(digest, None)
        failures: dict[str, tuple[HeadboxError, str]] = {}
        async with asyncio.TaskGroup() as group:
            for unit in batch.units:
                for artifact in unit.artifacts:
                    sha256, _ = batch.digests.get((unit.id, artifact.relative_path), ("", 0))
                    if sha256 in digests:
                        group.create_task(self._one(batch, unit, artifact, sha256, failures, keep_going=keep_going))
        return failures

    async def _one(
        self,
        batch: Batch,
        unit: Unit,
        artifact: DeclaredArtifact,
        sha256: str | None,
        failures: dict[str, tuple[HeadboxError, str]],
        *,
        keep_going: bool,
    ) -> None:
        try:
            async with self._in_flight:
                digest, size = await self._once(batch, unit, artifact, sha256)
        except (StorageFull, StorageUnavailable):
            # No fault of the artifact, and of none that comes after it.
            raise
        except HeadboxError as error:
            if not keep_going:
                raise
            failures.setdefault(unit.id, (error, artifact.relative_path))
            return
        batch.digests[unit.id, artifact.relative_path] = digest, size
        batch.stored[digest] = size

    async def _once(self, batch: Batch, unit: Unit, artifact: DeclaredArtifact, sha256: str | None) -> tuple[str, int]:
        """Return digest and size of an artifact whose bytes are stored by then."""
        if sha256 is None:
            return await self._download(batch, unit, artifact, None)
        # Two units of one sync may have the same bytes.
        async with self._under_way.setdefault(sha256, asyncio.Lock()):
            size = batch.stored.get(sha256)
            if size is None:
                size = await self._run.storage.size_of(sha256)
                if size is None:
                    return await self._download(batch, unit, artifact, sha256)
                if not await self._is_whole(sha256):
                    return await self._download(batch, unit, artifact, sha256, is_replacing=True)
            if artifact.size not in {None, size}:
                raise ArtifactInvalid(url=artifact.url, actual=size, expected=artifact.size)
            self._artifacts.add()
            self._bytes.add(size)
            return sha256, size

    async def _is_whole(self, sha256: str) -> bool:
        """Tell whether stored bytes that the database does not know are those of their digest.

        What was stored and never saved need not be durable: a crash of the machine may have cut it, or left zeros.
        """
        digest = hashlib.sha256()
        try:
            async for chunk in self._run.storage.read(sha256):
                await asyncio.to_thread(digest.update, chunk)
        except ArtifactDamaged:
            return False
        return digest.hexdigest() == sha256

    async def _download(
        self, batch: Batch, unit: Unit, artifact: DeclaredArtifact, sha256: str | None, *, is_replacing: bool = False
    ) -> tuple[str, int]:
        path = self._run.working_folder / f"artifact-{next(self._numbers)}"
        try:
            fetched = await self._downloader.fetch(
                artifact.url,
                path,
                size=artifact.size,
                sha256=sha256,
                max_bytes=self._run.engine.settings.download.max_artifact_bytes,
                on_bytes=self._bytes.add,
            )
            assert fetched is not None, "an unconditional request has an answer"
        except HeadboxError as error:
            fetched = await self._from_others(path, artifact, sha256, error)
            batch.failed_sources[unit.id, artifact.relative_path] = error.message
        storage = self._run.storage
        if is_replacing:
            await storage.replace(path, fetched.sha256)
        elif sha256 is None:
            await store(self._run.engine.database.connection, storage, path, fetched.sha256)
        else:  # It was not there a moment ago.
            await storage.adopt(path, fetched.sha256)
        self._artifacts.add()
        return fetched.sha256, fetched.size

    async def _from_others(
        self, path: Path, artifact: DeclaredArtifact, sha256: str | None, error: HeadboxError
    ) -> Fetched:
        """Fetch what the remote did not give from others, or raise its error."""
        if sha256 is None:
            raise error
        fetched = await self._fallback.fetch(
            path, sha256=sha256, size=artifact.size, error=error, on_bytes=self._bytes.add
        )
        if fetched is None:
            raise error
        self._run.report("sync.fallback.artifacts", "Taken from other remotes").add()
        return fetched


async def stored_sizes(connection: Connection, batch: Batch) -> dict[str, int]:
    """Return the sizes of those of a batch's artifacts that the database knows to be stored, by SHA-256."""
    digests = list(
        {
            sha256
            for unit in batch.units
            for artifact in unit.artifacts
            if (sha256 := artifact.sha256 or batch.known.get(unit.id, {}).get(artifact.relative_path))
        }
    )
    stored: dict[str, int] = {}
    for start in range(0, len(digests), MAX_PARAMETERS):
        some = digests[start : start + MAX_PARAMETERS]
        marks = ", ".join("?" * len(some))
        statement = f"SELECT sha256, size FROM artifact WHERE sha256 IN ({marks}) AND damaged_at IS NULL"  # noqa: S608
        for row in await fetch(connection, statement, some):
            stored[row["sha256"]] = row["size"]
    return stored
