"""Value types that every layer shares: identifiers, digests and paths."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
import uuid
from enum import StrEnum
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

#: Longest relative path, in bytes of UTF-8: PATH_MAX on Linux, less the final NUL.
MAX_PATH_BYTES = 4095
#: Longest segment of a path, in bytes of UTF-8: NAME_MAX on Linux.
MAX_SEGMENT_BYTES = 255

#: First digit of the fourth group of a UUID: its two upper bits say which variant it is.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

_uuid7_lock = threading.Lock()
_last_uuid7 = 0

_is_sha256 = re.compile(r"[0-9a-f]{64}").fullmatch
#: What a relative path must not hold: control characters, lone surrogates, and segments that are empty, "." or "..".
_find_bad_path = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|(?:^|/)\.{0,2}(?:/|$)").search


def check_sha256(value: str) -> str:
    """Return a SHA-256 digest as 64 lower-case hexadecimal digits.

    Raises:
        ValueError: It is not one.
    Source: FIPS 180-4.
    """
    if _is_sha256(value):
        return value
    digest = value.lower()
    if not _is_sha256(digest):
        raise ValueError("a SHA-256 digest has 64 hexadecimal digits")
    return digest


def check_relative_path(value: str) -> str:
    """Return a path that stays below the folder that it is joined to, unchanged.

    Segments are separated by "/"; none is empty, "." or "..", and none holds a control character.

    Raises:
        ValueError: The path is absolute, empty, climbs, or is too long for a file system.
    """
    if _find_bad_path(value):
        raise ValueError("a path must be relative, without empty segments, '.', '..' or control characters")
    if len(value) * 4 > MAX_SEGMENT_BYTES:
        encoded = value.encode()
        if len(encoded) > MAX_PATH_BYTES or max(map(len, encoded.split(b"/"))) > MAX_SEGMENT_BYTES:
            raise ValueError(f"a path has at most {MAX_PATH_BYTES} bytes, a segment at most {MAX_SEGMENT_BYTES}")
    return value


#: SHA-256 as 64 lower-case hexadecimal digits.
Digest = Annotated[str, AfterValidator(check_sha256)]
#: A path below some folder, with "/" between its segments.
RelativePath = Annotated[str, AfterValidator(check_relative_path)]


def uuid7() -> uuid.UUID:
    """Return a new identifier that sorts by the time of its making; within this process, by the order of making.

    Source: RFC 9562, sections 5.7 and 6.2 (method 2: the random bits are counted up within a millisecond).
    """
    global _last_uuid7  # noqa: PLW0603 - the order holds for the whole process
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = millis << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    with _uuid7_lock:
        _last_uuid7 = value = max(value, _last_uuid7 + 1)
    return uuid.UUID(int=value)


def derived_id(kind: str, *parts: str) -> uuid.UUID:
    """Return the identifier that these words always give: nothing needs to be looked up to know it.

    Identifiers of one kind lie together: their first 16 bits are the kind's own, see `derived_id_range`.

    Source: RFC 9562, section 5.8 (UUIDv8), over the SHA-256 of the words with NUL between them.
    """
    return uuid.UUID(derived_id_text(kind, *parts))


def derived_id_text(kind: str, *parts: str) -> str:
    """Return `derived_id` in its canonical text form.

    For bulk rows, where making UUID objects would be half of the work.
    """
    text = "\0".join((kind, *parts))
    if text.count("\0") > len(parts):
        # A part holds a NUL itself. No other text begins like this one, for the kind is never empty.
        text = "\0" + "".join(f"{len(part)}:{part}" for part in (kind, *parts))
    digits = hashlib.sha256(text.encode()).hexdigest()
    return (
        f"{_kind_prefix(kind)}{digits[4:8]}-{digits[8:12]}-8{digits[13:16]}"
        f"-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"
    )


def derived_id_range(kind: str) -> tuple[str, str]:
    """Return the lowest and the highest identifier that `derived_id` gives for a kind; others may lie in between."""
    prefix = _kind_prefix(kind)
    return f"{prefix}0000-0000-8000-8000-000000000000", f"{prefix}ffff-ffff-8fff-bfff-ffffffffffff"


@cache
def _kind_prefix(kind: str) -> str:
    return hashlib.sha256(kind.encode()).hexdigest()[:4]


class TaskState(StrEnum):
    """Where a task stands in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELING = "canceling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing will change any more."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED})
UNFINISHED_STATES = frozenset(TaskState) - FINAL_STATES


class TaskPriority(StrEnum):
    """Which queue a task waits in."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class ActionState(StrEnum):
    """Where an action or a progress report stands."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"


class ProgressUnit(StrEnum):
    """What a progress report counts."""

    ITEMS = "items"
    BYTES = "bytes"


class TotalKind(StrEnum):
    """How far the total of a progress report can be trusted."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class Automation(StrEnum):
    """How far a new repository version goes by itself."""

    NONE = "none"
    PUBLISH = "publish"
    DISTRIBUTE = "distribute"


class SyncMode(StrEnum):
    """What a sync does with units that the remote no longer holds."""

    ADDITIVE = "additive"
    MIRROR = "mirror"


class OnError(StrEnum):
    """What a sync does with a unit that cannot be had.

    SKIP leaves the unit out. Where its bytes cannot be fetched, what has its place in the latest version stays, in
    mirror mode too: the remote still holds something there.
    """

    FAIL = "fail"
    SKIP = "skip"


class Origin(StrEnum):
    """How a content unit came into a repository."""

    SYNC = "sync"
    UPLOAD = "upload"
    COPY = "copy"


class DownloadPolicy(StrEnum):
    """When the bytes of synced content are fetched."""

    IMMEDIATE = "immediate"
    ON_DEMAND = "on_demand"
    STREAMED = "streamed"


class Availability(StrEnum):
    """Where the bytes of an artifact can be had."""

    LOCAL = "local"
    REMOTE = "remote"
    MISSING = "missing"


class MissedRuns(StrEnum):
    """What a schedule does about the runs that were due while nobody could make them."""

    SKIP = "skip"
    RUN_ONCE = "run_once"


class ScheduleOutcome(StrEnum):
    """What came of a schedule's latest run."""

    CREATED = "created"
    OVERLAPPED = "overlapped"
    MISSED = "missed"
    FAILED = "failed"
