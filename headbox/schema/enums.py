"""The enumerations of the API: those of the domain, with what each value means.

Types of the schema import them from here, so that they are declared before they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from inspect import cleandoc
from typing import Any

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from headbox.errors import ErrorCode, PlanMoved
from headbox.resolvers.search import MatchedBy
from headbox.resolvers.version import ContentChangeKind
from headbox.types import (
    ActionState,
    Automation,
    Availability,
    DownloadPolicy,
    MissedRuns,
    OnError,
    Origin,
    ProgressUnit,
    ScheduleOutcome,
    SyncMode,
    TaskPriority,
    TaskState,
    TotalKind,
    WebhookDeliveryState,
    WebhookEvent,
    WebhookState,
)

__all__ = [
    "ActionState",
    "Automation",
    "Availability",
    "ContentChangeKind",
    "DownloadPolicy",
    "ErrorCode",
    "MatchedBy",
    "MissedRuns",
    "OnError",
    "Origin",
    "PlanMoved",
    "ProgressUnit",
    "ScheduleOutcome",
    "SyncMode",
    "TaskPriority",
    "TaskState",
    "TotalKind",
    "WebhookDeliveryState",
    "WebhookEvent",
    "WebhookState",
]

MEANINGS: Mapping[type[Enum], Mapping[str, str]] = {
    ErrorCode: {
        "NOT_FOUND": "There is no such thing.",
        "INVALID": "A value is not what its field takes.",
        "REQUIRED": "A value is missing.",
        "NAME_TAKEN": "Another one has this name.",
        "BASE_PATH_TAKEN": "Another distribution has this base path.",
        "BASE_PATH_OVERLAPS": "The base path lies above or below that of another distribution.",
        "REVISION_CONFLICT": "It was changed since the revision that the update was made for.",
        "NO_REMOTE": "There is no remote to sync from.",
        "NO_DISTRIBUTION": "There is no distribution to serve the result.",
        "REMOTE_NOT_SYNCABLE": "The remote cannot be synced from.",
        "WRONG_TYPE": "The id is that of something else.",
        "MIRROR_ONLY": "The repository is changed by syncs in mirror mode alone.",
        "UNIT_CONFLICT": "Two content units want the same place.",
        "DIGEST_MISMATCH": "Bytes do not have the digest that was declared for them.",
        "UPLOAD_INCOMPLETE": "The upload does not have all of its bytes.",
        "NOT_CANCELABLE": "The task is finished.",
        "NOT_PERMITTED": "The server's settings or the client's rights do not permit it.",
        "LIMIT_EXCEEDED": "It is more than the server takes.",
        "REMOTE_UNREACHABLE": "The remote cannot be reached.",
        "REMOTE_RESPONSE": "The remote answered something else than what was asked for.",
        "METADATA_INVALID": "The metadata of the remote cannot be read.",
        "ARTIFACT_INVALID": "An artifact does not have the size that was declared for it.",
        "STORAGE_FULL": "There is no space left.",
        "STORAGE_UNAVAILABLE": "The storage of artifacts does not do what it is asked for.",
        "DATABASE_UNAVAILABLE": "The database is away, or busy with others; nothing was changed.",
        "UNCONFIRMED": "The database went away while the change was made: look whether it was.",
        "WORKER_LOST": "The worker was lost too often while it ran the task.",
        "TIMED_OUT": "The remote took too long.",
        "CANCELED": "The task was canceled.",
        "INTERNAL": "headbox failed; its log has more under the correlation id.",
    },
    TaskState: {
        "WAITING": "For its turn, or for a worker.",
        "RUNNING": "A worker does it.",
        "CANCELING": "It was asked to end and has not yet.",
        "COMPLETED": "It did its work; final.",
        "FAILED": "It ended with an error and changed nothing; final.",
        "CANCELED": "It ended because it was asked to and changed nothing; final.",
    },
    TaskPriority: {
        "HIGH": "Before all others.",
        "NORMAL": "As they come.",
        "LOW": "When nothing else waits.",
    },
    ActionState: {
        "WAITING": "Not begun.",
        "RUNNING": "Under way.",
        "COMPLETED": "Done.",
        "FAILED": "Ended by an error.",
        "CANCELED": "Ended because the task was canceled.",
        "SKIPPED": "Not needed, or held back.",
    },
    ProgressUnit: {"ITEMS": "Things that its message names.", "BYTES": "Bytes."},
    TotalKind: {
        "EXACT": "It is known.",
        "ESTIMATED": "It is what the last run of the same repository counted.",
        "UNKNOWN": "It cannot be known yet.",
    },
    Automation: {
        "NONE": "It is kept, and nothing more.",
        "PUBLISH": "It is published and held back from the distributions that follow, until releasePublication.",
        "DISTRIBUTE": "It is published, and the distributions that follow the repository serve it.",
    },
    SyncMode: {
        "ADDITIVE": "They stay.",
        "MIRROR": "They are removed, unless they were uploaded.",
    },
    OnError: {
        "FAIL": "All of it fails, and nothing is changed.",
        "SKIP": (
            "What is at fault is left out, and said; the rest goes on. In a sync: what the metadata"
            " describes badly or cannot be downloaded is left out and listed as an issue; more than"
            " 10,000 of them end it. What has the place of a unit that cannot be downloaded stays, in mirror mode too."
        ),
    },
    PlanMoved: {
        "EXPIRED": "It is too old, or was never made.",
        "INPUT": "Something else is asked for now than what it was made for.",
        "REPOSITORY": "The repository has another latest version.",
        "REMOTE": "The remote was changed.",
        "UPSTREAM": "The remote holds something else.",
    },
    MissedRuns: {
        "SKIP": "They are left out; the next run is the next one that is due.",
        "RUN_ONCE": "One task is created for all of them, as soon as one can be.",
    },
    ScheduleOutcome: {
        "CREATED": "It created a task.",
        "OVERLAPPED": "It created none, because the task before was not finished.",
        "MISSED": "It created none, because it was too late and missed runs are skipped.",
        "FAILED": "It created none, because none could be created; `lastError` says why.",
    },
    WebhookEvent: {
        "TASK_CREATED": "A task waits for its turn.",
        "TASK_STARTED": "A worker has taken a task: once more where it was given back.",
        "TASK_FINISHED": "A task has completed, failed or been canceled.",
        "REPOSITORY_VERSION_CREATED": "A repository has a new version.",
        "PUBLICATION_CREATED": "A version was published, perhaps held back.",
        "PUBLICATION_RELEASED": "A publication that was held back is so no more.",
        "DISTRIBUTION_UPDATED": "A distribution serves another publication, or at another base path.",
        "PING": "`testWebhook` was asked for.",
    },
    WebhookState: {
        "ACTIVE": "It is told.",
        "PAUSED": "It is told when it is resumed; what happens meanwhile is kept.",
        "DISABLED": "It failed for too long, or its receiver is gone: what happens is not kept for it.",
    },
    WebhookDeliveryState: {
        "WAITING": "For its first try, or the next one.",
        "DELIVERED": "The receiver has answered that it has it.",
        "FAILED": "It was given up.",
    },
    Origin: {
        "SYNC": "From a remote.",
        "UPLOAD": "From a client.",
        "COPY": "From another repository.",
    },
    DownloadPolicy: {
        "IMMEDIATE": "By the sync itself.",
        "ON_DEMAND": "When a client first asks for them; then they are kept.",
        "STREAMED": "Whenever a client asks for them; they are never kept.",
    },
    Availability: {
        "LOCAL": "They are stored here.",
        "REMOTE": "They can be fetched from a remote.",
        "MISSING": "Nobody has them, or they are damaged and nobody has them to give again: see `createRepair`.",
    },
    MatchedBy: {
        "NAME": "Its name.",
        "BASE_PATH": "The base path of a distribution.",
        "SHA256": "The digest of one of a content unit's files.",
        "RELATIVE_PATH": "The path of one of a content unit's files.",
        "FIELD": "A field that its kind of content is searched by.",
    },
    ContentChangeKind: {
        "PRESENT": "All units of the version.",
        "ADDED": "Units that the version has and the one that it is compared with has not.",
        "REMOVED": "Units that the version that it is compared with has and this one has not.",
    },
}


def declare(enum: type[Enum], meanings: Mapping[str, str]) -> None:
    """Let an enumeration of the domain be one of the API.

    Args:
        enum: The enumeration; its docstring describes it.
        meanings: What each value means, by name; others are described by their names.
    """
    strawberry.enum(enum, description=cleandoc(enum.__doc__ or "").partition("\n")[0])
    definition: StrawberryEnumDefinition = _definition(enum)
    for value in definition.values:
        value.description = meanings.get(value.name) or f"{value.name.replace('_', ' ').capitalize()}."


def is_declared(enum: type[Enum]) -> bool:
    """Tell whether an enumeration is one of the API already."""
    return hasattr(enum, "__strawberry_definition__")


def _definition(enum: Any) -> StrawberryEnumDefinition:
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__
    return definition


for _enum, _meanings in MEANINGS.items():
    declare(_enum, _meanings)
