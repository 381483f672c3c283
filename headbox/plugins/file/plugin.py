"""The manifest of the file plugin."""

from __future__ import annotations

from headbox import __version__
from headbox.plugin_api import Plugin
from headbox.plugins.file.add import FileAdd, FileCopy
from headbox.plugins.file.examples import EXAMPLES
from headbox.plugins.file.kinds import FileContent, FilePublishSettings, FileRemote, FileRepository
from headbox.plugins.file.publish import FilePublish
from headbox.plugins.file.sync import FileSync

plugin = Plugin(
    name="file",
    version=__version__,
    description="Files of any kind, listed in a PULP_MANIFEST.",
    documents=(FileContent, FileRemote, FilePublishSettings, FileRepository),
    tasks=(FileSync, FileAdd, FileCopy, FilePublish),
    examples=EXAMPLES,
)
