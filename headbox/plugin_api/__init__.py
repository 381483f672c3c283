"""The only door for plugins: what a plugin may declare, and what its coroutines are handed.

Names and signatures here are versioned: `API_VERSION` grows by one when something that a plugin may rely on changes.
"""

from headbox.errors import HeadboxError, Invalid, MetadataInvalid, TaskError
from headbox.kinds import (
    AddTask,
    ClientSetup,
    ContentUnit,
    CopyTask,
    DeclaredArtifact,
    DeclaredContent,
    Example,
    FromUpload,
    Plugin,
    PublishContext,
    PublishTask,
    RemoteDocument,
    RepositoryDocument,
    SettingsDocument,
    SyncContext,
    SyncTask,
    TaskContext,
    TaskType,
    exclusive,
    shared,
)
from headbox.types import Digest, ProgressUnit, RelativePath

#: Version of this interface.
API_VERSION = 1

__all__ = [
    "API_VERSION",
    "AddTask",
    "ClientSetup",
    "ContentUnit",
    "CopyTask",
    "DeclaredArtifact",
    "DeclaredContent",
    "Digest",
    "Example",
    "FromUpload",
    "HeadboxError",
    "Invalid",
    "MetadataInvalid",
    "Plugin",
    "ProgressUnit",
    "PublishContext",
    "PublishTask",
    "RelativePath",
    "RemoteDocument",
    "RepositoryDocument",
    "SettingsDocument",
    "SyncContext",
    "SyncTask",
    "TaskContext",
    "TaskError",
    "TaskType",
    "exclusive",
    "shared",
]
