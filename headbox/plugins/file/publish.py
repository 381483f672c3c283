"""Publishing files."""

from __future__ import annotations

from headbox.plugin_api import PublishContext, PublishTask
from headbox.plugins.file.kinds import FilePublishSettings, FileRepository
from headbox.plugins.file.manifest import write_line


class FilePublish(PublishTask[FileRepository, FilePublishSettings], kind="file.publish"):
    """Make a publication of a repository version: its files, and a manifest that lists them."""

    async def render(self, ctx: PublishContext[FilePublishSettings]) -> None:
        """See `PublishTask.render`."""
        with ctx.file(ctx.settings.manifest) as manifest:
            async for file in ctx.artifacts():
                if file.relative_path == ctx.settings.manifest:
                    continue  # Clients get the manifest there: it cannot list itself.
                assert file.sha256 is not None, "the digest of a file is part of what it is"
                assert file.size is not None
                manifest.write(write_line(file.relative_path, file.sha256, file.size))
