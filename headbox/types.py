"""Value types that every layer shares: identifiers, digests and paths."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, GetCoreSchemaHandler, StringConstraints
from pydantic_core import core_schema

#: Largest whole number that every JSON parser keeps exactly.
#: Source: RFC 8259, section 6.
MAX_SAFE_INTEGER = 2**53
#: Longest relative path, in bytes of UTF-8: PostgreSQL takes 2,704 bytes into an index, and two identifiers go with it.
MAX_PATH_BYTES = 2_600
#: Longest segment of a path, in bytes of UTF-8: NAME_MAX on Linux.
MAX_SEGMENT_BYTES = 255

#: First digit of the fourth group of a UUID: its two upper bits say which variant it is.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

_uuid7_lock = threading.Lock()
_last_uuid7 = 0

_is_sha256 = re.compile(r"[0-9a-f]{64}").fullmatch
_are_sha256 = re.compile(r"[0-9a-f]{64}(?:\n[0-9a-f]{64})*").fullmatch
_NO_DIGEST = "a SHA-256 digest has 64 hexadecimal digits"
#: What a relative path must not hold: control characters, line breaks, lone surrogates, and segments that are empty,
#: "." or "..".
_find_bad_path = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|(?:^|/)\.{0,2}(?:/|$)").search
#: The same for many paths, one a line.
_find_bad_character = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search
_BAD_SEGMENTS = frozenset({"", ".", ".."})
#: What no text may hold that is stored or sent: PostgreSQL takes no NUL, and half of a character is not UTF-8.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


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
        raise ValueError(_NO_DIGEST)
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


def are_relative_paths(values: Sequence[str]) -> bool:
    """Tell whether `check_relative_path` takes all of these paths, in a fraction of the time.

    A no may be wrong, and is to be looked into path by path.
    """
    text = "\n".join(values)
    segments = text.replace("/", "\n").split("\n")
    return not values or (
        _BAD_SEGMENTS.isdisjoint(segments)
        and max(map(len, segments)) * 4 <= MAX_SEGMENT_BYTES
        and max(map(len, values)) * 4 <= MAX_PATH_BYTES
        and text.count("\n") == len(values) - 1
        and not _find_bad_character(text)
    )


def are_sha256(values: Sequence[str]) -> bool:
    """Tell whether all of these are 64 lower-case hexadecimal digits."""
    return not values or _are_sha256("\n".join(values)) is not None


def is_storable(text: str) -> bool:
    """Tell whether a text of a stranger can be stored and sent as it is."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return a text of a stranger with U+FFFD in place of what can be neither stored nor sent."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@dataclass(frozen=True, slots=True)
class Explained:
    """Annotation: what to say when a value is refused, where the constraint itself would speak of patterns."""

    message: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """See pydantic."""
        return core_schema.custom_error_schema(
            handler(source), custom_error_type="refused", custom_error_message=self.message
        )


#: SHA-256 as 64 lower-case hexadecimal digits. By a pattern, which is checked without calling Python.
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True), Explained(_NO_DIGEST)]
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


class SearchedField(NamedTuple):
    """A field that lists of a kind of content can be filtered by.

    Attributes:
        kind: The kind; a name that the registry has checked.
        name: Name of the field, an identifier.
        is_number: Whether it holds numbers.
        is_text: Whether it holds texts.
    """

    kind: str
    name: str
    is_number: bool = False
    is_text: bool = True


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


class WebhookEvent(StrEnum):
    """What happened."""

    TASK_CREATED = "task.created"
    TASK_STARTED = "task.started"
    TASK_FINISHED = "task.finished"
    REPOSITORY_VERSION_CREATED = "repository_version.created"
    PUBLICATION_CREATED = "publication.created"
    PUBLICATION_RELEASED = "publication.released"
    DISTRIBUTION_UPDATED = "distribution.updated"
    PING = "ping"


class WebhookState(StrEnum):
    """Whether a webhook is told of what happens."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class WebhookDeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
