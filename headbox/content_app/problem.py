"""Answers that are not what was asked for: each says what to do next."""

from __future__ import annotations

from headbox.errors import (
    Canceled,
    ErrorCode,
    HeadboxError,
    RequestError,
    StorageFull,
    StorageUnavailable,
    TimedOut,
)

#: When to come again while the database is away, in seconds: it is mostly started again.
RETRY_AFTER_SECONDS = "2"
#: When to ask again for what somebody must bring again, in seconds.
DAMAGED_RETRY_AFTER_SECONDS = "300"


class Problem(Exception):
    """An answer without the bytes that were asked for.

    Attributes:
        status: HTTP status.
        code: What went wrong, for machines.
        headers: What the status asks for besides.
    """

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class NotServed(Problem):
    """Nothing is at this path."""

    def __init__(self, message: str) -> None:
        super().__init__(404, "NOT_FOUND", message)


class BadRequest(Problem):
    """The request makes no sense, whatever is served."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "INVALID", message)


def storage_failed() -> Problem:
    """Return the answer for bytes that the storage does not give now."""
    return Problem(
        503, ErrorCode.STORAGE_UNAVAILABLE.value, "headbox cannot reach what keeps its files. Try again in a moment."
    )


def damaged() -> Problem:
    """Return the answer for bytes that were stored, are wrong now, and can be had nowhere else.

    Not 404: whoever mirrors from here would delete the file. It comes back when somebody brings the bytes again.
    """
    return Problem(
        503,
        ErrorCode.ARTIFACT_DAMAGED.value,
        "The stored bytes of this file are damaged or lost, and no remote gives them again. Ask the operator to bring"
        " them again, and to run createRepair.",
        **{"retry-after": DAMAGED_RETRY_AFTER_SECONDS},
    )


def database_failed() -> Problem:
    """Return the answer for what is not known while the database is away."""
    message = "headbox cannot reach its database. Try again in a moment."
    return Problem(503, ErrorCode.DATABASE_UNAVAILABLE.value, message, **{"retry-after": RETRY_AFTER_SECONDS})


def upstream_failed(error: HeadboxError) -> Problem:
    """Return the answer for bytes that could not be fetched, without the error's own words: they name the upstream."""
    code = error.code.value
    if isinstance(error, StorageFull):
        return Problem(503, code, "headbox has no space left to take this file from its upstream. Ask its operator.")
    if isinstance(error, StorageUnavailable):
        return storage_failed()
    if isinstance(error, TimedOut):
        return Problem(504, code, "The upstream of this file did not answer in time. Try again later.")
    if isinstance(error, Canceled):
        return Problem(503, code, "headbox is being stopped. Try again in a moment.")
    if isinstance(error, RequestError):
        return Problem(502, code, "headbox must not fetch this file from its upstream. Ask its operator.")
    return Problem(
        502,
        code,
        f"The upstream did not give this file as it was synced ({code}). Try again later; if that does not help, "
        "sync and publish the repository again, or look at its remote.",
    )
