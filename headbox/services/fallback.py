"""Bytes that the remote of a sync does not give, taken from other remotes that are known to have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from headbox.download.interface import Fetched
from headbox.errors import ArtifactInvalid, HeadboxError
from headbox.models import ArtifactSource
from headbox.pipeline.run import Run
from headbox.services import source as sources
from headbox.services.remote_pool import RemotePool
from headbox.types import DownloadPolicy

#: Most sources that are tried for one artifact: each may take as long as its remote's retries.
MAX_SOURCES = 5


class OtherSources:
    """What other remotes have declared: implements `pipeline.download.Fallback`."""

    def __init__(self, run: Run, pool: RemotePool, remote_id: UUID) -> None:
        """Set up.

        Args:
            run: The sync.
            pool: Fetches, with the credentials and the limits of each remote.
            remote_id: The remote that is synced, which is not asked again.
        """
        self._run = run
        self._pool = pool
        self._remote_id = remote_id

    async def fetch(
        self,
        destination: Path,
        *,
        sha256: str,
        size: int | None,
        error: HeadboxError,
        on_bytes: Callable[[int], None],
    ) -> Fetched | None:
        """See `Fallback.fetch`."""
        if not isinstance(error, sources.FAULTS):
            return None
        connection = self._run.engine.database.connection
        found = await sources.candidates(connection, self._pool, sha256=sha256)
        for source in [source for source in found if self._may_have_it(source)][:MAX_SOURCES]:
            try:
                async with self._pool.lease(source.remote_id) as remote:
                    if remote.policy is DownloadPolicy.STREAMED:
                        # What such a remote gives is never kept.
                        continue
                    fetched = await remote.downloader.fetch(
                        source.url,
                        destination,
                        size=size,
                        sha256=sha256,
                        max_bytes=self._run.engine.settings.download.max_artifact_bytes,
                        on_bytes=on_bytes,
                    )
            except ArtifactInvalid:
                # Not marked: it is the remote of this sync that declared the size.
                continue
            except sources.FAULTS as fault:
                await sources.failed(connection, self._pool, source, fault)
                continue
            await sources.worked(connection, self._pool, source)
            return fetched
        return None

    def _may_have_it(self, source: ArtifactSource) -> bool:
        # A remote that did not answer is not asked for thousands of files, one time-out after the other.
        return source.remote_id != self._remote_id and not self._pool.is_away(source.remote_id)
