"""Stored bytes as they are read for clients: what turns out to be wrong is given to nobody any more."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from datetime import datetime

from headbox.content_app.arrival import BrokenOff
from headbox.content_app.cache import LruCache
from headbox.content_app.files import Files
from headbox.content_app.metrics import ContentMetrics
from headbox.download.chunks import with_chunk
from headbox.errors import ArtifactDamaged, NotFound, StorageUnavailable
from headbox.models.database import Database
from headbox.services.artifact import Verdict, condemn
from headbox.storage import ArtifactStorage
from headbox.storage.interface import StoredArtifact
from headbox.tasking.bus import ARTIFACT, EventBus

log = logging.getLogger(__name__)

#: Most artifacts that are remembered to have been compared with their digest.
_CAPACITY = 100_000


class StoredBytes:
    """Reads artifacts, compares as much of them as the settings say, and marks those that are wrong.

    Args:
        check_reads: See `StorageSettings.check_reads`.
    """

    def __init__(
        self,
        *,
        database: Database,
        storage: ArtifactStorage,
        files: Files,
        bus: EventBus,
        metrics: ContentMetrics,
        check_reads: str,
    ) -> None:
        self._database = database
        self._storage = storage
        self._files = files
        self._bus = bus
        self._metrics = metrics
        self._check_reads = check_reads
        # When each of them was written.
        self._compared: LruCache[str, datetime] = LruCache(_CAPACITY)

    async def whole(self, sha256: str, size: int) -> bytes | None:
        """Return all bytes of a small artifact, compared with their digest; None when they are wrong."""
        try:
            body = b"".join([chunk async for chunk in self._storage.read(sha256)])
        except (ArtifactDamaged, NotFound):
            return None
        return body if len(body) == size and hashlib.sha256(body).hexdigest() == sha256 else None

    async def look(self, sha256: str, size: int) -> StoredArtifact | None:
        """Return an artifact as it is stored now; None when it is not there, or has not as many bytes as it should."""
        stored = await self._storage.look(sha256)
        return stored if stored is not None and stored.size == size else None

    async def read(self, stored: StoredArtifact, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield bytes of an artifact from one offset up to another.

        Where all of them are asked for, whoever is given the last of them has been given the right ones, as far as the
        settings want that to be known.

        Raises:
            BrokenOff: They are wrong, or cannot be read.
        """
        is_whole = (start, stop) == (0, stored.size)
        checks = is_whole and (self._check_reads == "always" or self._is_to_compare_once(stored))
        try:
            async for chunk in (
                self._compared_read(stored) if checks else self._storage.read(stored.sha256, start, stop)
            ):
                yield chunk
        except StorageUnavailable as error:
            raise BrokenOff(error.message) from error
        except (ArtifactDamaged, NotFound) as error:
            await self.condemn(stored.sha256, stored.size, reads=True)
            raise BrokenOff(error.message) from error

    async def condemn(self, sha256: str, size: int, *, reads: bool) -> bool:
        """Let nobody have these bytes any more, unless a second look finds them right, and tell whether it did not."""
        verdict = await condemn(self._database.connection, self._storage, sha256, size, reads=reads)
        self._compared.discard(sha256)
        self._files.forget(sha256)
        if verdict is not Verdict.WRONG:
            return False
        self._metrics.damaged.inc()
        log.error("stored artifact is lost or damaged", extra={"sha256": sha256})
        self._bus.publish(ARTIFACT, sha256, {})
        return True

    def _is_to_compare_once(self, stored: StoredArtifact) -> bool:
        # Nobody writes to what is stored: a file that was written later is another one.
        return self._check_reads == "once" and self._compared.get(stored.sha256) != stored.stored_at

    async def _compared_read(self, stored: StoredArtifact) -> AsyncIterator[bytes]:
        """Yield all bytes; the last of them when their digest is known to be right."""
        digest = hashlib.sha256()
        kept_back = b""
        async for chunk in self._storage.read(stored.sha256):
            await with_chunk(digest.update, chunk)
            if kept_back:
                yield kept_back
            kept_back = chunk
        if digest.hexdigest() != stored.sha256:
            raise ArtifactDamaged(sha256=stored.sha256, fault="others")
        self._compared.put(stored.sha256, stored.stored_at)
        yield kept_back
