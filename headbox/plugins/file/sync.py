"""Syncing files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote, urljoin

from headbox.plugin_api import DeclaredArtifact, DeclaredContent, MetadataInvalid, SyncContext, SyncTask
from headbox.plugins.file.kinds import FileRemote, FileRepository
from headbox.plugins.file.manifest import read_manifest


class FileSync(SyncTask[FileRepository, FileRemote], kind="file.sync"):
    """Make a repository version that holds what the remote's manifest lists."""

    async def declare(self, ctx: SyncContext[FileRemote]) -> AsyncIterator[DeclaredContent]:
        """See `SyncTask.declare`."""
        url = ctx.remote.url
        folder = urljoin(url, ".")
        manifest = await ctx.root_metadata(url)
        for file in read_manifest(manifest, url):
            if isinstance(file, MetadataInvalid):
                ctx.issue(file)
                continue
            file_url = folder + quote(file.relative_path)
            yield DeclaredContent(file, (DeclaredArtifact(file.relative_path, file_url, file.sha256, file.size),))
