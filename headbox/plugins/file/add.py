"""Adding, removing and copying files."""

from __future__ import annotations

from headbox.plugin_api import AddTask, CopyTask
from headbox.plugins.file.kinds import FileRepository


class FileAdd(AddTask[FileRepository], kind="file.add"):
    """Add files to a repository, and remove others, in one new version."""


class FileCopy(CopyTask[FileRepository], kind="file.copy"):
    """Add files of another repository version to a repository."""
