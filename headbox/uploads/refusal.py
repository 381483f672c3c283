"""Requests that are not honoured: each says what is wrong."""

from __future__ import annotations

from headbox.errors import (
    DigestMismatch,
    HeadboxError,
    LimitExceeded,
    NotFound,
    RequestError,
    StorageFull,
)

#: What the protocol has for bytes that are not what they should be.
CHECKSUM_MISMATCH = 460


class Refused(Exception):
    """A request that is not honoured.

    Attributes:
        status: HTTP status of the answer.
        headers: Headers of the answer, besides those that all have.
    """

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Disconnected(Exception):
    """The client is gone, in the middle of a body."""


def no_upload() -> Refused:
    """Return the answer for an upload that never was, or is no more."""
    return Refused(404, "There is no such upload. It may have expired, or its bytes were not the declared ones.")


def wrong_checksum() -> Refused:
    """Return the answer for a body that is not what it should be."""
    return Refused(CHECKSUM_MISMATCH, "The bytes do not have the declared checksum. None of them is kept.")


def database_failed() -> Refused:
    """Return the answer for what cannot be noted while the database is away."""
    text = "headbox cannot reach its database. Ask for the offset in a moment, and go on from there."
    return Refused(503, text, Retry_After="2")


def refusal_of(error: HeadboxError) -> Refused:
    """Return the answer for an expected failure."""
    text = f"{error.message} {error.hint}" if error.hint else error.message
    match error:
        case NotFound():
            return no_upload()
        case DigestMismatch():
            return Refused(CHECKSUM_MISMATCH, text)
        case LimitExceeded():
            return Refused(413 if error.path == ("size",) else 429, text)
        case StorageFull():
            return Refused(507, text)
        case RequestError():
            return Refused(400, text)
        case _:
            return Refused(503, text)
