"""What can go wrong between a program and a server.

ClientError
├─ ServerUnreachable    there is no answer, or the connection broke off
├─ NotHeadbox           something answers, and it is no headbox
├─ NotAuthorized        the token is missing, wrong or has expired
├─ OperationRefused     the server did not run the operation
│  └─ VersionMismatch   it is of another version, and does not know what is asked for
├─ MutationRefused      a mutation or a plan has expected failures: nothing was changed
├─ TaskFailed           a task that was waited for has failed
├─ TaskCanceled         a task that was waited for was canceled
├─ UploadRefused        the server does not take some bytes
├─ FileChanged          a file is another one than when its digest was computed
└─ ProfileInvalid       the profiles cannot be read, or there is no such profile
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ClientError(Exception):
    """What is expected to happen to a client now and then."""


class ServerUnreachable(ClientError):
    """There is no answer, or the connection broke off."""


class NotHeadbox(ClientError):
    """Something answers at the address, and it is no headbox."""


class NotAuthorized(ClientError):
    """The server wants a token, or does not take this one."""


class OperationRefused(ClientError):
    """The server did not run the operation, or ran into an error that is not part of its answer.

    Attributes:
        errors: What the server said, as in the GraphQL specification.
    """

    def __init__(self, message: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)

    @property
    def code(self) -> str | None:
        """The code of the first error, or None."""
        code = (self.errors[0].get("extensions") or {}).get("code") if self.errors else None
        return str(code) if code else None


class VersionMismatch(OperationRefused):
    """The server is of another version than this client, and does not know what is asked for."""


@dataclass(frozen=True, slots=True)
class UserError:
    """An expected failure, as the API has it.

    Attributes:
        code: What went wrong, for machines; stable. See the reference of errors.
        message: What went wrong, for people: one sentence.
        path: The input field at fault, outermost first; empty when none is.
        hint: What to do next, or None.
        retryable: Whether the same request may succeed later with nothing changed.
    """

    code: str
    message: str
    path: tuple[str, ...] = ()
    hint: str | None = None
    retryable: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> UserError:
        """Return the failure of an answer; what the document did not select has its default."""
        return cls(
            code=data.get("code", "INTERNAL"),
            message=data.get("message", ""),
            path=tuple(data.get("path") or ()),
            hint=data.get("hint"),
            retryable=bool(data.get("retryable")),
        )

    @property
    def field(self) -> str:
        """The input field at fault, as "remote.create.url"; empty when none is."""
        inner = self.path[1:] if self.path[:1] == ("input",) else self.path
        return ".".join(inner)


class MutationRefused(ClientError):
    """A mutation or a plan has expected failures: nothing was changed.

    Attributes:
        errors: The failures, at least one.
    """

    def __init__(self, errors: Sequence[UserError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = tuple(errors)

    @property
    def code(self) -> str:
        """The code of the first failure."""
        return self.errors[0].code

    @property
    def field(self) -> str:
        """The input field at fault in the first failure; empty when none is."""
        return self.errors[0].field


class TaskFailed(ClientError):
    """A task that was waited for has failed.

    Attributes:
        task: Its final state.
        error: Why it failed.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.task = task
        self.error = UserError.of(task["error"] or {"message": f"The task {task['id']} has failed."})
        super().__init__(self.error.message)


class TaskCanceled(ClientError):
    """A task that was waited for was canceled.

    Attributes:
        task: Its final state.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        super().__init__(f"The task {task['id']} was canceled.")
        self.task = task


class UploadRefused(ClientError):
    """The server does not take some bytes.

    Attributes:
        status: The HTTP status of its answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class FileChanged(ClientError):
    """A file is another one than when its digest was computed."""


class ProfileInvalid(ClientError):
    """The profiles cannot be read or written, or there is no such profile."""
