"""Content units that clients make of bytes which they brought, or which are here already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from uuid import UUID

from headbox.errors import (
    ContentConflict,
    HeadboxError,
    Invalid,
    LimitExceeded,
    NotFound,
    Required,
    SlotTaken,
    UploadIncomplete,
)
from headbox.kinds import ContentUnit, DeclaredArtifact
from headbox.models import Artifact, Repository, Upload
from headbox.models.database import Connection, Contended, fetch, insert_new, now
from headbox.pipeline.batch import Unit
from headbox.pipeline.keeping import keep_artifacts, keep_content
from headbox.pipeline.save import CONTENT, known_artifacts, needs_of
from headbox.pipeline.storing import damaged
from headbox.services.documents import checked
from headbox.tasking.engine import UnitOfWork
from headbox.types import are_sha256, check_sha256

#: Most content units that one request makes.
MAX_ITEMS = 500
#: Most digests that are asked for at a time.
MAX_DIGESTS = 1_000

_COLUMNS = ("id", "kind", "document", "slot", "labels", "created_at")


@dataclass(frozen=True, slots=True)
class NewContent:
    """A content unit to make.

    Attributes:
        values: The fields that the client gives.
        upload: The bytes, as a client brought them.
        sha256: The bytes, by the digest of an artifact that is stored. One of the two is given.
        repository: Where it is to be added.
    """

    values: dict[str, Any]
    upload: Upload | None = None
    sha256: str | None = None
    repository: Repository | None = None


@dataclass(frozen=True, slots=True)
class NotMade:
    """Why a content unit was not made."""

    errors: tuple[HeadboxError, ...]


async def create(
    work: UnitOfWork, kind: type[ContentUnit], wanted: Sequence[NewContent | NotMade]
) -> list[UUID | NotMade]:
    """Make content units; those that are there already are the same units, and no error.

    Args:
        work: The transaction. To make all of them or none, take it back where one was not made.
        kind: A kind that is made of uploads.
        wanted: What to make; what is known already not to be made stays so.

    Returns:
        For each, in their order, its id or why it was not made.
    """
    time = await now(work.connection)
    stored = await _stored(work.connection, wanted)
    prepared = [item if isinstance(item, NotMade) else _prepare(kind, item, stored, time) for item in wanted]
    prepared = _in_own_places(wanted, prepared)
    units = [unit for unit in prepared if isinstance(unit, Unit)]
    known = await _save(work.connection, units)
    await _keep(work.connection, units)
    made: list[UUID | NotMade] = []
    for unit in prepared:
        if isinstance(unit, Unit):
            conflict = _conflict(kind, unit, known[unit.id])
            made.append(NotMade((conflict,)) if conflict else UUID(unit.id))
        else:
            made.append(unit)
    return made


def check_number(items: Sequence[object]) -> None:
    """Make sure that one request does not make too many content units.

    Raises:
        LimitExceeded: It does.
    """
    if len(items) > MAX_ITEMS:
        raise LimitExceeded(what="The number of items", limit=MAX_ITEMS, path=("items",))


async def stored_digests(connection: Connection, digests: Sequence[str]) -> list[str]:
    """Return those of some digests whose bytes are stored, each once, in the order that they are asked for.

    Raises:
        LimitExceeded: There are too many.
        Invalid: One of them is none.
    """
    if len(digests) > MAX_DIGESTS:
        raise LimitExceeded(what="The number of digests", limit=MAX_DIGESTS, path=("sha256",))
    asked = dict.fromkeys(checked_digest(digest, "sha256", str(place)) for place, digest in enumerate(digests))
    # Kept, so that who is told of them has the time to say what they are for.
    gone = await keep_artifacts(connection, asked) | await damaged(connection, asked)
    return [digest for digest in asked if digest not in gone]


def checked_digest(digest: str, *path: str) -> str:
    """Return a digest that a client sent, in lower case.

    Raises:
        Invalid: It is none.
    """
    try:
        return check_sha256(digest)
    except ValueError as error:
        raise Invalid(field="sha256", reason=str(error), path=path) from None


async def _stored(connection: Connection, wanted: Iterable[NewContent | NotMade]) -> dict[str, int]:
    """Return the sizes of the artifacts that are named by their digests and are stored."""
    named = {item.sha256.lower() for item in wanted if isinstance(item, NewContent) and item.sha256}
    digests = [name for name in named if are_sha256([name])]
    artifacts = await Artifact.filter(sha256__in=digests, damaged_at__isnull=True).using_db(connection)
    return {artifact.sha256: artifact.size for artifact in artifacts}


def _prepare(kind: type[ContentUnit], new: NewContent, stored: dict[str, int], time: datetime) -> Unit | NotMade:
    roles = kind.from_upload
    assert roles is not None, "only kinds that are made of uploads get here"
    try:
        sha256, size = _bytes_of(new, stored, time)
        told = {roles.sha256: sha256, roles.size: size}
        document = checked(kind, {**new.values, **{name: value for name, value in told.items() if name is not None}})
    except HeadboxError as error:
        return NotMade((error,))
    except ExceptionGroup as group:
        return NotMade(tuple(fault for fault in group.exceptions if isinstance(fault, HeadboxError)))
    artifact = DeclaredArtifact(getattr(document, roles.relative_path), url="", sha256=sha256, size=size)
    return Unit.of(document, document.as_json(), (artifact,))


def _in_own_places(wanted: Sequence[NewContent | NotMade], prepared: Sequence[Unit | NotMade]) -> list[Unit | NotMade]:
    """Refuse units that want the place which another one of the request has in a repository: the first one has it."""
    holders: dict[tuple[UUID, str], Unit] = {}
    placed: list[Unit | NotMade] = []
    for new, unit in zip(wanted, prepared, strict=True):
        if isinstance(unit, Unit) and isinstance(new, NewContent) and new.repository is not None:
            holder = holders.setdefault((new.repository.id, unit.slot), unit)
            if holder.id != unit.id:
                placed.append(_place_taken(unit, holder))
                continue
        placed.append(unit)
    return placed


def _place_taken(unit: Unit, holder: Unit) -> NotMade:
    name, other = (repr(item.artifacts[0].relative_path) for item in (unit, holder))
    hint = "Add one of them: no version has both."
    return NotMade((SlotTaken(unit=name, other=other, path=("repository",), hint=hint),))


def _bytes_of(new: NewContent, stored: dict[str, int], time: datetime) -> tuple[str, int]:
    """Return digest and size of the bytes that a unit is to be made of.

    Raises:
        RequestError: They are not here, or not named as they should be.
    """
    if new.upload is not None and new.sha256 is not None:
        raise Invalid(field="sha256", reason="the bytes are named by upload already", path=("sha256",))
    if new.upload is not None:
        if new.upload.expires_at <= time:
            raise NotFound(what="Upload", key=str(new.upload.id), path=("upload",))
        if new.upload.completed_at is None or new.upload.sha256 is None:
            raise UploadIncomplete(received=new.upload.received, size=new.upload.size, path=("upload",))
        return new.upload.sha256, new.upload.size
    if new.sha256 is None:
        raise Required(field="upload", path=("upload",), hint="Name an upload, or the digest of bytes that are stored.")
    digest = checked_digest(new.sha256, "sha256")
    if digest not in stored:
        raise NotFound(what="artifact", key=digest, path=("sha256",), hint="Upload its bytes first.")
    return digest, stored[digest]


async def _save(connection: Connection, units: Sequence[Unit]) -> dict[str, dict[str, str | None]]:
    """Write the units that are not there yet, and the digests of those whose bytes nobody knew.

    Returns:
        What each unit consists of now, by its id: relative path -> SHA-256.
    """
    # Before they are looked up: what is found then is not on its way out.
    await keep_content(connection, {unit.id for unit in units})
    known = await known_artifacts(connection, units)
    # Of two with one id, the first one counts.
    new = {unit.id: unit for unit in reversed(units) if unit.id not in known}
    inserted = await _insert(connection, [new[unit_id] for unit_id in sorted(new)])
    told = {
        (unit.id, artifact.relative_path): (artifact.sha256, artifact.size)
        for unit in reversed(units)
        for artifact in unit.artifacts
        if unit.id in inserted or known.get(unit.id, {}).get(artifact.relative_path, "") is None
    }
    await insert_new(connection, "content_need", ("content_id", "needed_id"), list(needs_of(new.values(), ())))
    await insert_new(
        connection,
        "content_artifact",
        ("content_id", "relative_path", "sha256", "size"),
        [(*place, *told[place]) for place in sorted(told)],
        on_conflict="(content_id, relative_path) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size"
        " WHERE content_artifact.sha256 IS NULL",
    )
    # Looked up again, for somebody else may have been quicker.
    return await known_artifacts(connection, units) if new or told else known


async def _keep(connection: Connection, units: Sequence[Unit]) -> None:
    """Keep units that were written, and the bytes that they are made of, from the garbage collection.

    Raises:
        Contended: Some of them were collected; the transaction must be taken back, and may be repeated.
    """
    gone = await keep_content(connection, {unit.id for unit in units})
    digests = {artifact.sha256 for unit in units for artifact in unit.artifacts if artifact.sha256}
    if gone or await keep_artifacts(connection, digests):
        raise Contended("what content is made of was collected meanwhile")


async def _insert(connection: Connection, units: Sequence[Unit]) -> set[str]:
    """Insert units, in the order of their ids so that nobody locks another one out; return which of them were new."""
    if not units:
        return set()
    time = datetime.now(UTC)
    rows = ((unit.id, unit.content.kind, unit.document, unit.slot, "{}", time) for unit in units)
    marks = ", ".join([f"({', '.join('?' * len(_COLUMNS))})"] * len(units))
    statement = f"INSERT INTO {CONTENT} ({', '.join(_COLUMNS)}) VALUES {marks} ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608
    return {str(row["id"]) for row in await fetch(connection, statement, list(chain.from_iterable(rows)))}


def _conflict(kind: type[ContentUnit], unit: Unit, known: dict[str, str | None]) -> ContentConflict | None:
    path = unit.contradicted_by(known)
    return ContentConflict(what=kind.__name__, relative_path=path) if path is not None else None
