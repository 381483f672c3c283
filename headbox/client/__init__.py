"""A client of headbox for Python programs: async as `Client`, blocking as `SyncClient`.

It needs nothing of the server: importing it imports no other part of headbox.
"""

from headbox.client.client import Client
from headbox.client.errors import (
    ClientError,
    FileChanged,
    MutationRefused,
    NotAuthorized,
    NotHeadbox,
    OperationRefused,
    ProfileInvalid,
    ServerUnreachable,
    TaskCanceled,
    TaskFailed,
    UploadRefused,
    UserError,
    VersionMismatch,
)
from headbox.client.journal import UploadJournal
from headbox.client.profiles import Profile, Profiles
from headbox.client.sync import SyncClient
from headbox.client.tasks import TaskState
from headbox.client.uploads import LocalFile, UploadSummary

__all__ = [
    "Client",
    "ClientError",
    "FileChanged",
    "LocalFile",
    "MutationRefused",
    "NotAuthorized",
    "NotHeadbox",
    "OperationRefused",
    "Profile",
    "ProfileInvalid",
    "Profiles",
    "ServerUnreachable",
    "SyncClient",
    "TaskCanceled",
    "TaskFailed",
    "TaskState",
    "UploadJournal",
    "UploadRefused",
    "UploadSummary",
    "UserError",
    "VersionMismatch",
]
