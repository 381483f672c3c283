"""Syncing files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote, urljoin

from headbox.plugin_api import DeclaredArtifact, DeclaredContent, MetadataInvalid, SyncContext, SyncTask
from headbox.plugins.file.kinds import FileRemote, FileRepository
from headbox.plugins.file.manifest import read_manifest

#: Lines that are read before everything else on the event loop gets its turn, for lines need not declare anything.
LINES_A_TURN = 500


class FileSync(SyncTask[FileRepository, FileRemote], kind="file.sync"):
    """Make a repository version that holds what the remote's manifest lists."""

    async def declare(self, ctx: SyncContext[FileRemote]) -> AsyncIterator[DeclaredContent]:
        """See `SyncTask.declare`."""
        url = ctx.remote.url
        folder = urljoin(url, ".")
        manifest = await ctx.root_metadata(url)
        first_error: MetadataInvalid | None = None
        is_manifest = False
        for number, file in enumerate(read_manifest(manifest, url), 1):
            if number % LINES_A_TURN == 0:
                await asyncio.sleep(0)
            if isinstance(file, MetadataInvalid):
                first_error = first_error or file
                ctx.issue(file)
            elif file:
                is_manifest = True
                file_url = folder + quote(file.relative_path)
                yield DeclaredContent(file, (DeclaredArtifact(file.relative_path, file_url, file.sha256, file.size),))
        if first_error and not is_manifest:
            # A login page, say: leaving out every line of it would tell a mirror that nothing is left upstream.
            raise first_error
