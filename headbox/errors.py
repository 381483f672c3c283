"""Everything that headbox expects to go wrong, as one tree.

    HeadboxError
    ├── RequestError            a request that cannot be honoured; nothing was changed
    │   ├── NotFound            WrongType            Invalid            Required
    │   ├── NameTaken           BasePathTaken        BasePathOverlaps
    │   ├── RevisionConflict    NoRemote             NoDistribution
    │   ├── RemoteNotSyncable   InUse                NotCancelable
    │   ├── NotPermitted        LimitExceeded        IdempotencyConflict
    │   ├── UploadIncomplete    ContentConflict      RepositoryIncomplete
    │   ├── PlanOutdated        TooManyPlans         NotChangeable
    │   └── SlotTaken           UnitNeeded
    └── TaskError               a task that ended without doing its work
        ├── RemoteUnreachable   RemoteResponse       MetadataInvalid    UnitConflict
        ├── ArtifactInvalid     DigestMismatch       StorageFull        TooLarge
        ├── WorkerLost          TimedOut             Canceled           Internal
        ├── StorageUnavailable  ArtifactDamaged     UnitChanged
        └── DatabaseUnavailable ChangeUnconfirmed

An error knows no HTTP status and no GraphQL: the edges translate it. Whatever is not in this tree is a bug.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, ClassVar

from headbox.types import storable

#: What the operating system says when a file system, a quota or the largest size of a file is used up.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ErrorCode(StrEnum):
    """What went wrong, for machines; stable for ever."""

    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NAME_TAKEN = "NAME_TAKEN"
    BASE_PATH_TAKEN = "BASE_PATH_TAKEN"
    BASE_PATH_OVERLAPS = "BASE_PATH_OVERLAPS"
    REVISION_CONFLICT = "REVISION_CONFLICT"
    NO_REMOTE = "NO_REMOTE"
    NO_DISTRIBUTION = "NO_DISTRIBUTION"
    REMOTE_NOT_SYNCABLE = "REMOTE_NOT_SYNCABLE"
    WRONG_TYPE = "WRONG_TYPE"
    MIRROR_ONLY = "MIRROR_ONLY"
    UNIT_CONFLICT = "UNIT_CONFLICT"
    DIGEST_MISMATCH = "DIGEST_MISMATCH"
    UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"
    NOT_CANCELABLE = "NOT_CANCELABLE"
    NOT_PERMITTED = "NOT_PERMITTED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    REMOTE_UNREACHABLE = "REMOTE_UNREACHABLE"
    REMOTE_RESPONSE = "REMOTE_RESPONSE"
    METADATA_INVALID = "METADATA_INVALID"
    ARTIFACT_INVALID = "ARTIFACT_INVALID"
    ARTIFACT_DAMAGED = "ARTIFACT_DAMAGED"
    STORAGE_FULL = "STORAGE_FULL"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    UNCONFIRMED = "UNCONFIRMED"
    WORKER_LOST = "WORKER_LOST"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"
    INTERNAL = "INTERNAL"


class PlanMoved(StrEnum):
    """What is no longer what it was when a plan was made."""

    EXPIRED = "expired"
    INPUT = "input"
    REPOSITORY = "repository"
    REMOTE = "remote"
    UPSTREAM = "upstream"


class HeadboxError(Exception):
    """An expected failure.

    Attributes:
        code: What went wrong, for machines.
        values: What the message is made of, by name.
        path: The input field at fault, outermost first; empty when no field is.
        hint: What to do next, or None when the message says it all.
        retryable: Whether the same request may succeed later with nothing changed.
    """

    code: ClassVar[ErrorCode]
    template: ClassVar[str]
    default_hint: ClassVar[str | None] = None
    retryable: bool = False

    def __init__(self, *, path: Sequence[str] = (), hint: str | None = None, **values: Any) -> None:
        # Much of it is what strangers wrote, and whatever that is, the error must be told.
        self.values = {name: storable(value) if isinstance(value, str) else value for name, value in values.items()}
        self.path = tuple(path)
        self.hint = hint or self.default_hint
        super().__init__(storable(self.template.format(**values)))

    @property
    def message(self) -> str:
        """Say what happened in one sentence, for people."""
        return str(self)

    def at(self, *path: str) -> HeadboxError:
        """Return this error, pointing at an input field."""
        self.path = path
        return self

    def as_document(self) -> dict[str, Any]:
        """Return the error as it is stored in a task's row and sent to clients."""
        return {
            "code": self.code.value,
            "message": self.message,
            "path": list(self.path),
            "hint": self.hint,
            "retryable": self.retryable,
            "values": {name: value for name, value in self.values.items() if isinstance(value, str | int | float)},
        }


class RequestError(HeadboxError):
    """A request that cannot be honoured; nothing was changed."""


class NotFound(RequestError):
    code = ErrorCode.NOT_FOUND
    template = "There is no {what} {key!r}."


class WrongType(RequestError):
    code = ErrorCode.WRONG_TYPE
    template = "{key!r} is a {actual}; a {expected} is needed here."


class Invalid(RequestError):
    code = ErrorCode.INVALID
    template = "{field} is not valid: {reason}."


class Required(RequestError):
    code = ErrorCode.REQUIRED
    template = "{field} is required."


class NameTaken(RequestError):
    code = ErrorCode.NAME_TAKEN
    template = "A {what} named {name!r} exists already."
    default_hint = "Choose another name, or update the one that exists."


class BasePathTaken(RequestError):
    code = ErrorCode.BASE_PATH_TAKEN
    template = "The base path {base_path!r} is taken by the distribution {other!r}."


class BasePathOverlaps(RequestError):
    code = ErrorCode.BASE_PATH_OVERLAPS
    template = "The base path {base_path!r} overlaps {other!r}."
    default_hint = "No base path may lie below another one."


class RevisionConflict(RequestError):
    code = ErrorCode.REVISION_CONFLICT
    template = "The {what} is at revision {current}; the update was made for revision {expected}."
    default_hint = "Read it again and repeat the update on what it is now."


class NoRemote(RequestError):
    code = ErrorCode.NO_REMOTE
    template = "The repository {repository!r} has no remote to sync from."
    default_hint = "Give it a remote, or name one for this sync."


class NoDistribution(RequestError):
    code = ErrorCode.NO_DISTRIBUTION
    template = "Nothing distributes the repository {repository!r}."
    default_hint = "Create a distribution that follows it, or ask for PUBLISH."


class RemoteNotSyncable(RequestError):
    code = ErrorCode.REMOTE_NOT_SYNCABLE
    template = "The remote {remote!r} cannot be synced from: {reason}."


class InUse(RequestError):
    code = ErrorCode.INVALID
    template = "The {what} {name!r} is in use by {users}."
    default_hint = "Change or delete what uses it first."


class NotCancelable(RequestError):
    code = ErrorCode.NOT_CANCELABLE
    template = "The task is {state} already."


class NotPermitted(RequestError):
    code = ErrorCode.NOT_PERMITTED
    template = "{what} is not permitted: {reason}."


class LimitExceeded(RequestError):
    code = ErrorCode.LIMIT_EXCEEDED
    template = "{what} exceeds the limit of {limit}."


class IdempotencyConflict(RequestError):
    code = ErrorCode.INVALID
    template = "The idempotency key {key!r} was used for another request."
    default_hint = "Use a new key for each new request."


class NotChangeable(RequestError):
    code = ErrorCode.MIRROR_ONLY
    template = "Content comes into {kind} by sync alone."


class SlotTaken(RequestError):
    code = ErrorCode.UNIT_CONFLICT
    template = "{unit} would take the place of {other}."
    default_hint = "Remove the one that stands there, or let it be overwritten."


class UnitNeeded(RequestError):
    """Content units that cannot go because others of the version need them.

    Attributes:
        needed: "Type:id" of those that were to go, separated by spaces, at most 100, among its values.
        needed_by: The same of those that need them.
    """

    code = ErrorCode.UNIT_CONFLICT
    template = "Content units that are to go ({number}) are needed by others: {names}."
    default_hint = "Remove those that need them too, or let them stay."


class RepositoryIncomplete(RequestError):
    """A repository that is only published when nothing of it is missing.

    Attributes:
        open_issues: How much is missing, among its values.
    """

    code = ErrorCode.INVALID
    template = "The repository {repository!r} is not published while it misses content (open issues: {open_issues})."
    default_hint = "Its openIssues say what is missing. Sync it again, or let it be published without."


class PlanOutdated(RequestError):
    """A plan that can no longer be applied as it was made.

    Attributes:
        moved: Because of what: a `PlanMoved`, among its values.
    """

    code = ErrorCode.REVISION_CONFLICT
    template = "The plan cannot be applied any more: {reason}."
    default_hint = "Make a new plan, and look at it before it is applied."

    def __init__(self, *, moved: PlanMoved, reason: str, path: Sequence[str] = ()) -> None:
        super().__init__(moved=moved.value, reason=reason, path=path)


class TooManyPlans(RequestError):
    code = ErrorCode.LIMIT_EXCEEDED
    template = "{limit} plans are being computed already, which is the limit."
    default_hint = "Try again in a moment."
    retryable = True


class UploadIncomplete(RequestError):
    code = ErrorCode.UPLOAD_INCOMPLETE
    template = "The upload has {received} of its {size} bytes."
    default_hint = "Send the rest; an upload that has all of its bytes is complete when the last request is answered."


class ContentConflict(RequestError):
    code = ErrorCode.UNIT_CONFLICT
    template = "There is a {what} with the same key already, which has other bytes at {relative_path!r}."
    default_hint = "A content unit never changes: give this one another key."


class TaskError(HeadboxError):
    """A task, or one unit of a sync, that ended without doing its work."""


class RemoteUnreachable(TaskError):
    code = ErrorCode.REMOTE_UNREACHABLE
    template = "{url} cannot be reached: {reason}."
    retryable = True


class RemoteResponse(TaskError):
    """The remote answered, but not with what was asked for.

    Attributes:
        status: HTTP status of the answer, or 0 when the fault is not in the status.
        retry_after_seconds: How long the remote asks to be left alone, or None when it does not say.
    """

    code = ErrorCode.REMOTE_RESPONSE
    template = "{url} answered {reason}."

    def __init__(
        self,
        *,
        url: str,
        reason: str,
        status: int = 0,
        retryable: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(url=url, reason=reason, status=status)
        self.status = status
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds


class MetadataInvalid(TaskError):
    code = ErrorCode.METADATA_INVALID
    template = "{url} cannot be read{where}: {reason}."

    def __init__(self, *, url: str, reason: str, line: int | None = None, hint: str | None = None) -> None:
        super().__init__(url=url, reason=reason, where=f" at line {line}" if line else "", hint=hint)


class UnitConflict(TaskError):
    code = ErrorCode.UNIT_CONFLICT
    template = "{what} is declared more than once, with different content."


class UnitChanged(TaskError):
    code = ErrorCode.UNIT_CONFLICT
    template = "{what} is declared with other bytes than its content unit is known with."
    default_hint = "A content unit never changes: the upstream must give what changes another key, such as a version."


class ArtifactInvalid(TaskError):
    code = ErrorCode.ARTIFACT_INVALID
    template = "{url} has {actual} bytes; {expected} were declared."


class DigestMismatch(TaskError):
    code = ErrorCode.DIGEST_MISMATCH
    template = "{url} has the digest {actual}; {expected} was declared."


class TooLarge(TaskError):
    code = ErrorCode.LIMIT_EXCEEDED
    template = "{what} is larger than the limit of {limit}."


class StorageFull(TaskError):
    code = ErrorCode.STORAGE_FULL
    template = "There is no space left to store {what}."
    default_hint = "Free space where the data folder lies; then repeat the task."
    retryable = True

    @classmethod
    @contextmanager
    def translated(cls, what: str, hint: str | None = None) -> Iterator[None]:
        """Raise this error in place of the operating system's `NO_SPACE`.

        Args:
            what: What is being stored, for the message.
            hint: What to do next, or None for what to do when a task failed.
        """
        try:
            yield
        except OSError as error:
            if error.errno in NO_SPACE:
                raise cls(what=what, hint=hint) from error
            raise


class StorageUnavailable(TaskError):
    code = ErrorCode.STORAGE_UNAVAILABLE
    template = "The storage of artifacts cannot be used: {reason}."
    default_hint = "Look at the storage and at the settings HEADBOX_STORAGE_*; then repeat the task."
    retryable = True


class ArtifactDamaged(TaskError):
    """Stored bytes that are not what they were; whatever `fault` says of them."""

    code = ErrorCode.ARTIFACT_DAMAGED
    template = "The stored bytes of the artifact {sha256} are {fault}."
    default_hint = "Sync from a remote that has them, or upload them again; createRepair fetches what it can."


class DatabaseUnavailable(TaskError):
    code = ErrorCode.DATABASE_UNAVAILABLE
    template = "The database cannot be used now; nothing was changed."
    default_hint = "Try again in a moment; `status` tells whether the database is back."
    retryable = True


class ChangeUnconfirmed(TaskError):
    code = ErrorCode.UNCONFIRMED
    template = "The database went away while the change was made: nobody knows yet whether it was."
    default_hint = "Look whether it was made before you ask for it again; with an idempotency key, ask again at once."


class WorkerLost(TaskError):
    code = ErrorCode.WORKER_LOST
    template = "The worker was lost {attempts} times while it ran this task."
    retryable = True


class TimedOut(TaskError):
    code = ErrorCode.TIMED_OUT
    template = "{url} did not answer within {seconds} seconds."
    retryable = True


class Canceled(TaskError):
    code = ErrorCode.CANCELED
    template = "The task was canceled."


class Internal(TaskError):
    code = ErrorCode.INTERNAL
    template = "headbox failed; the log has more under correlation id {correlation_id}."
    default_hint = "Report it with the log lines of this correlation id."
