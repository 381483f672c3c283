"""What a plugin can declare, and the registry of what is declared.

A plugin brings typed documents (content units, remotes, repositories, publish settings) and task types. Everything
that is specific to them in the API, the command line and the documentation is derived from these declarations.
"""

from headbox.kinds.contexts import PublishContext, SyncContext, TaskContext
from headbox.kinds.core import CORE_TASKS, GarbageCollection, Reclaim, Repair, ScopedTask, TaskPurge
from headbox.kinds.declared import DeclaredArtifact, DeclaredContent
from headbox.kinds.documents import (
    ClientSetup,
    ContentUnit,
    Document,
    FromUpload,
    RemoteDocument,
    RepositoryDocument,
    SettingsDocument,
)
from headbox.kinds.plugin import Example, Plugin
from headbox.kinds.registry import PluginInvalid, Registry
from headbox.kinds.tasks import (
    AddTask,
    AppliedPlan,
    ClaimTemplate,
    CopyTask,
    PublishTask,
    SyncTask,
    TaskType,
    VersionTask,
    exclusive,
    shared,
)

__all__ = [
    "CORE_TASKS",
    "AddTask",
    "AppliedPlan",
    "ClaimTemplate",
    "ClientSetup",
    "ContentUnit",
    "CopyTask",
    "DeclaredArtifact",
    "DeclaredContent",
    "Document",
    "Example",
    "FromUpload",
    "GarbageCollection",
    "Plugin",
    "PluginInvalid",
    "PublishContext",
    "PublishTask",
    "Reclaim",
    "Registry",
    "RemoteDocument",
    "Repair",
    "RepositoryDocument",
    "ScopedTask",
    "SettingsDocument",
    "SyncContext",
    "SyncTask",
    "TaskContext",
    "TaskPurge",
    "TaskType",
    "VersionTask",
    "exclusive",
    "shared",
]
