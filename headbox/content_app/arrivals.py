"""On-demand content: fetched once however many ask, streamed to all of them while it is checked and kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from headbox.content_app.arrival import Arrival
from headbox.content_app.metrics import ContentMetrics
from headbox.content_app.problem import Problem, damaged, upstream_failed
from headbox.errors import Canceled, HeadboxError, Internal, StorageFull, StorageUnavailable
from headbox.models.database import Database, transaction
from headbox.pipeline.keeping import Collected
from headbox.pipeline.storing import store
from headbox.services import serving
from headbox.services import source as sources
from headbox.services.remote_pool import OpenRemote, RemotePool
from headbox.services.serving import Found
from headbox.settings import DownloadSettings
from headbox.storage import ArtifactStorage, Workspace
from headbox.tasking import correlation
from headbox.types import DownloadPolicy, uuid7

log = logging.getLogger(__name__)

#: For a file whose remotes are all gone.
_NO_SOURCE = "The bytes of this file are stored nowhere, and no remote offers them. Sync the repository again."


class Arrivals:
    """The artifacts that are being fetched now. A fetch goes on when the client who asked first is gone."""

    def __init__(
        self,
        *,
        database: Database,
        storage: ArtifactStorage,
        workspace: Workspace,
        remotes: RemotePool,
        settings: DownloadSettings,
        metrics: ContentMetrics,
    ) -> None:
        self._database = database
        self._storage = storage
        self._workspace = workspace
        self._remotes = remotes
        self._settings = settings
        self._metrics = metrics
        self._running: dict[tuple[UUID, str], tuple[Arrival, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def join(self, content_id: UUID, found: Found) -> AsyncIterator[Arrival]:
        """Give the arrival of an artifact: the one that is under way, or a new one."""
        arrival, task = self._running.get((content_id, found.relative_path)) or self._start(content_id, found)
        try:
            with arrival.reading():
                yield arrival
        finally:
            if arrival.readers == 0 and not arrival.is_kept:
                task.cancel()

    async def close(self) -> None:
        """End all fetches; their readers are told."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, content_id: UUID, found: Found) -> tuple[Arrival, asyncio.Task[None]]:
        key = content_id, found.relative_path
        arrival = Arrival()
        task = asyncio.create_task(self._run(arrival, content_id, found))
        self._tasks.add(task)
        self._running[key] = arrival, task

        # Not at the end of `_run`: a task that is canceled before it runs never comes to any part of it.
        def end(_: asyncio.Task[None]) -> None:
            if task.cancelled():
                self._fail(arrival, key, upstream_failed(Canceled()))
            self._tasks.discard(task)
            self._leave(arrival, key)
            arrival.end()

        task.add_done_callback(end)
        return arrival, task

    def _fail(self, arrival: Arrival, key: tuple[UUID, str], problem: Problem) -> None:
        # Before its readers know: whoever of them asks again gets another try.
        self._leave(arrival, key)
        arrival.fail(problem)

    def _leave(self, arrival: Arrival, key: tuple[UUID, str]) -> None:
        if key in self._running and self._running[key][0] is arrival:
            del self._running[key]

    async def _run(self, arrival: Arrival, content_id: UUID, found: Found) -> None:
        try:
            if await self._is_stored(content_id, found):
                arrival.skip()
                return
            async with self._workspace.open(f"content-{uuid7()}") as folder:
                await self._fetch(arrival, content_id, found, folder)
        except StorageUnavailable as error:
            self._fail(arrival, (content_id, found.relative_path), upstream_failed(error))
        except Exception:  # A bug must not leave the readers waiting.
            log.exception("on-demand fetch failed", extra={"path": found.relative_path})
            problem = upstream_failed(Internal(correlation_id=correlation.current()))
            self._fail(arrival, (content_id, found.relative_path), problem)

    async def _is_stored(self, content_id: UUID, found: Found) -> bool:
        """Tell whether the artifact was stored between the client's look and this one."""
        stored = await serving.stored(self._database.connection, content_id, found.relative_path)
        return stored is not None and await self._storage.size_of(stored[0]) == stored[1]

    async def _fetch(self, arrival: Arrival, content_id: UUID, found: Found, folder: Path) -> None:
        problem = damaged() if found.is_damaged else Problem(404, "MISSING", _NO_SOURCE)
        connection = self._database.connection
        place = content_id, found.relative_path
        for source in await sources.candidates(connection, self._remotes, sha256=found.sha256, place=place):
            path = folder / str(source.id)
            try:
                async with self._remotes.lease(source.remote_id) as remote:
                    size, sha256 = await self._attempt(arrival, remote, source.url, found, path)
            except HeadboxError as error:
                log.warning(
                    "on-demand source failed",
                    extra={"path": found.relative_path, "code": error.code, "error": error.message},
                )
                problem = upstream_failed(error)
                await sources.failed(connection, self._remotes, source, error)
                continue
            await sources.worked(connection, self._remotes, source)
            self._metrics.upstream_fetched.inc()
            if arrival.is_kept:
                await self._keep(content_id, found.relative_path, path, size, sha256)
            return
        self._metrics.upstream_failed.inc()
        self._fail(arrival, (content_id, found.relative_path), problem)

    async def _attempt(
        self, arrival: Arrival, remote: OpenRemote, url: str, found: Found, path: Path
    ) -> tuple[int, str]:
        arrival.is_kept = remote.policy is not DownloadPolicy.STREAMED
        limit = self._settings.max_artifact_bytes
        async with remote.downloader.stream(url, max_bytes=limit, size=found.size, sha256=found.sha256) as stream:
            with StorageFull.translated(found.relative_path):
                arrival.begin(path, stream.size)
                async for chunk in stream:
                    await arrival.write(chunk)
        assert stream.sha256 is not None, "the stream was read to its end"
        return arrival.complete(stream.sha256), stream.sha256

    async def _keep(self, content_id: UUID, relative_path: str, path: Path, size: int, sha256: str) -> None:
        """Store what has arrived. Where that fails, readers have it nevertheless, and the next one fetches it again."""
        try:
            await store(self._database.connection, self._storage, path, sha256)
            await self._storage.flush()
            async with transaction() as connection:
                await serving.record(connection, self._storage, content_id, relative_path, sha256=sha256, size=size)
        except (StorageFull, StorageUnavailable, Collected) as error:
            log.warning("on-demand artifact could not be kept", extra={"path": relative_path, "error": str(error)})
