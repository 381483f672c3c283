"""Reading a remote as a task type says, for a sync or for a plan of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from headbox.kinds import DeclaredContent, RemoteDocument, SyncTask
from headbox.pipeline.metadata import Metadata
from headbox.pipeline.run import Reading
from headbox.pipeline.stream import UnitStream


class SyncRun:
    """Implements `SyncContext`."""

    def __init__(self, reading: Reading, remote: RemoteDocument, metadata: Metadata, stream: UnitStream) -> None:
        self.remote = remote
        self.working_folder = reading.working_folder
        self.report = reading.report
        self.issue = stream.issue
        self._metadata = metadata

    async def root_metadata(self, url: str) -> Path:
        """See `SyncContext.root_metadata`."""
        return await self._metadata.root(url)

    async def metadata(self, url: str, *, sha256: str | None = None, size: int | None = None) -> Path:
        """See `SyncContext.metadata`."""
        return await self._metadata.other(url, sha256=sha256, size=size)


async def read_remote(
    parameters: SyncTask[Any, Any],
    run: SyncRun,
    metadata: Metadata,
    take: Callable[[AsyncIterator[DeclaredContent]], Awaitable[None]],
) -> None:
    """Let a pipeline take everything that the remote declares.

    Raises:
        Unchanged: Nothing has changed since the last sync.
        HeadboxError: Something cannot be had.
    """
    try:
        await take(parameters.declare(run))
    except ValidationError as error:
        # A plugin that reads metadata into documents need not explain what they refuse.
        raise metadata.refused(error) from error
