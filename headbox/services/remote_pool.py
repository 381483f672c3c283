"""Downloaders for the remotes that stored content can be fetched from, kept open from one artifact to the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from headbox.download import Downloader, open_downloader
from headbox.errors import NotFound
from headbox.kinds import Registry
from headbox.models import Remote
from headbox.models.cipher import Cipher
from headbox.services import remote as remotes
from headbox.settings import DownloadSettings
from headbox.tasking.engine import Engine
from headbox.types import DownloadPolicy


@dataclass(slots=True)
class OpenRemote:
    """A remote as one of its revisions describes it.

    Attributes:
        downloader: Fetches from it.
        policy: Whether what is fetched is kept.
    """

    revision_id: UUID
    downloader: Downloader
    policy: DownloadPolicy
    closing: AsyncExitStack
    users: int = field(default=0)


class RemotePool:
    """One downloader for each remote, so that its limits hold for all that is fetched from it, and connections last.

    It remembers which remotes are away, so that not every artifact waits for each of them anew.
    """

    def __init__(self, registry: Registry, cipher: Cipher, settings: DownloadSettings) -> None:
        self._registry = registry
        self._cipher = cipher
        self._settings = settings
        self._current: dict[UUID, OpenRemote] = {}
        self._away_until: dict[UUID, float] = {}
        self._lock = asyncio.Lock()

    @property
    def source_retry_seconds(self) -> float:
        """For how long what failed is tried only after all others, in seconds."""
        return self._settings.source_retry_seconds

    @asynccontextmanager
    async def lease(self, remote_id: UUID) -> AsyncIterator[OpenRemote]:
        """Give a remote as it is now; a deleted one as it was last.

        Raises:
            NotFound: It is gone, or the plugin that knows its kind.
        """
        async with self._lock:
            remote = await self._open(remote_id)
            remote.users += 1
        try:
            yield remote
        finally:
            remote.users -= 1
            if remote.users == 0 and self._current.get(remote_id) is not remote:
                await remote.closing.aclose()

    def is_away(self, remote_id: UUID) -> bool:
        """Tell whether a remote did not answer when it was asked last, a short while ago."""
        return self._away_until.get(remote_id, 0.0) > time.monotonic()

    def note(self, remote_id: UUID, *, is_away: bool) -> None:
        """Remember whether a remote answered."""
        if is_away:
            self._away_until[remote_id] = time.monotonic() + self.source_retry_seconds
        else:
            self._away_until.pop(remote_id, None)

    async def close(self) -> None:
        """Close the connections; nobody uses them any more."""
        for remote in self._current.values():
            await remote.closing.aclose()
        self._current.clear()

    async def _open(self, remote_id: UUID) -> OpenRemote:
        row = await Remote.get_or_none(id=remote_id)
        if row is None:
            raise NotFound(what="remote", key=str(remote_id))
        revision = await remotes.current(row)
        before = self._current.get(remote_id)
        if before is not None and before.revision_id == revision.id:
            return before
        try:
            document = remotes.read(self._registry, self._cipher, row.kind, revision)
        except LookupError as error:
            raise NotFound(what="plugin for the remote", key=row.name) from error
        closing = AsyncExitStack()
        downloader = await closing.enter_async_context(open_downloader(remotes.access(document), self._settings))
        self._current[remote_id] = remote = OpenRemote(revision.id, downloader, document.policy, closing)
        if before is not None and before.users == 0:
            await before.closing.aclose()
        return remote


@asynccontextmanager
async def open_pool(engine: Engine) -> AsyncIterator[RemotePool]:
    """Give a pool for one task; its connections are closed at the end."""
    pool = RemotePool(engine.registry, engine.cipher, engine.settings.download)
    try:
        yield pool
    finally:
        await pool.close()
