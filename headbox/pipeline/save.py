"""Writing a batch of content units: rows, not objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from headbox.kinds import ContentUnit
from headbox.models.database import Connection, Insert, fetch, insert_all
from headbox.models.database.sql import MAX_PARAMETERS
from headbox.pipeline.batch import Batch, Unit
from headbox.pipeline.keeping import UNMARK_ARTIFACT, Collected, check_stored, keep_artifacts, keep_content
from headbox.storage.interface import ArtifactStorage

CONTENT = "content"
#: Unit and path of a row of an artifact.
_PLACE = itemgetter(0, 1)


class NewlyKnown(Exception):
    """Units were saved or collected since it was looked up which of them are known."""


async def known_artifacts(connection: Connection, units: Sequence[Unit]) -> dict[str, dict[str, str | None]]:
    """Return the units that the database has: id -> relative path -> SHA-256, or None where it is not known."""
    known: dict[str, dict[str, str | None]] = {}
    for start in range(0, len(units), MAX_PARAMETERS):
        ids = [unit.id for unit in units[start : start + MAX_PARAMETERS]]
        marks = ", ".join("?" * len(ids))
        statement = f"""
            SELECT content.id, content_artifact.relative_path, content_artifact.sha256
            FROM content LEFT JOIN content_artifact ON content_artifact.content_id = content.id
            WHERE content.id IN ({marks})
        """  # noqa: S608
        for row in await fetch(connection, statement, ids):
            artifacts = known.setdefault(str(row["id"]), {})
            if row["relative_path"] is not None:
                artifacts[row["relative_path"]] = row["sha256"]
    return known


def inserts_of(batch: Batch, task_id: UUID, remote_id: UUID) -> list[Insert]:
    """Return what is to be written of a batch that is looked up and downloaded.

    Args:
        batch: The batch.
        task_id: The sync that stages.
        remote_id: Where the bytes can be fetched again.
    """
    # In the order of their ids: indexes grow at one place at a time, and two syncs never lock each other out. For that,
    # kinds and the artifacts of a unit have an order too, whichever the remote has.
    units = sorted(batch.units, key=attrgetter("id"))
    time = datetime.now(UTC)
    content: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for unit in units:
        if unit.id not in batch.known:
            content[unit.content.kind].append((unit.id, unit.document, unit.slot))
    return [
        Insert("artifact", ("sha256", "size"), sorted(batch.stored.items()), {"created_at": time}, UNMARK_ARTIFACT),
        *(
            Insert(CONTENT, ("id", "document", "slot"), rows, {"kind": kind, "created_at": time, "labels": "{}"})
            for kind, rows in sorted(content.items())
        ),
        Insert("content_need", ("content_id", "needed_id"), list(needs_of(units, batch.known))),
        Insert(
            "content_artifact",
            ("content_id", "relative_path", "sha256", "size"),
            sorted(_content_artifacts(units, batch), key=_PLACE),
            # A unit that was known, but not by its bytes, is told which ones it has.
            on_conflict="(content_id, relative_path) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size"
            " WHERE content_artifact.sha256 IS NULL",
        ),
        Insert(
            "artifact_source",
            ("content_id", "relative_path", "url"),
            sorted(
                ((unit.id, artifact.relative_path, artifact.url) for unit in units for artifact in unit.artifacts),
                key=_PLACE,
            ),
            {"remote_id": str(remote_id)},
            # What failed at another address says nothing about this one.
            on_conflict="(content_id, relative_path, remote_id) DO UPDATE SET url = excluded.url, failed_at = NULL,"
            " error = NULL WHERE artifact_source.url <> excluded.url",
        ),
        Insert(
            "artifact_source",
            ("content_id", "relative_path", "url", "error"),
            [
                (unit.id, artifact.relative_path, artifact.url, batch.failed_sources[place])
                for unit in units
                for artifact in unit.artifacts
                if (place := (unit.id, artifact.relative_path)) in batch.failed_sources
            ],
            {"remote_id": str(remote_id), "failed_at": time},
            on_conflict="(content_id, relative_path, remote_id) DO UPDATE SET failed_at = excluded.failed_at,"
            " error = excluded.error",
        ),
        Insert(
            "staged_content",
            ("content_id", "ordinal", "slot"),
            [(unit.id, ordinal, unit.slot) for ordinal, unit in enumerate(batch.units, batch.first_ordinal)],
            {"task_id": str(task_id)},
        ),
    ]


async def save(connection: Connection, inserts: Sequence[Insert]) -> None:
    """Write what is new of a batch, and stage all of it, inside of a transaction.

    Raises:
        NewlyKnown: What is known of the batch is out of date; the transaction must be taken back.
    """
    changed = await insert_all(connection, inserts)
    for insert, rows in zip(inserts, changed, strict=True):
        if insert.table == CONTENT and rows < len(insert.rows):
            raise NewlyKnown


async def keep_known(connection: Connection, batch: Batch) -> None:
    """Keep the known units of a batch from the garbage collection, in the transaction that is about to write the batch.

    Raises:
        NewlyKnown: Some were collected since they were looked up; the transaction must be taken back.
    """
    if await keep_content(connection, [unit.id for unit in batch.units if unit.id in batch.known]):
        raise NewlyKnown


async def keep_stored(connection: Connection, storage: ArtifactStorage, batch: Batch) -> None:
    """Keep the bytes that a batch counts on, in the transaction that has written the batch.

    Raises:
        Collected: Some that were stored are not any more; the transaction must be taken back.
    """
    if batch.stored:
        await check_stored(connection, storage, batch.stored)
    counted_on = {
        batch.digests[place][0]
        for unit in batch.units
        for artifact in unit.artifacts
        if (place := (unit.id, artifact.relative_path)) in batch.digests
    }
    if gone := await keep_artifacts(connection, counted_on - batch.stored.keys()):
        raise Collected(gone)


def needs_of(units: Iterable[Unit], known: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield the rows that say what new units need."""
    for unit in units:
        # Hardly any kind needs anything: the others are passed over by their class.
        if type(unit.content).needed is not ContentUnit.needed and unit.id not in known:
            for needed in sorted(set(unit.content.needed())):
                yield unit.id, needed


def _content_artifacts(units: Sequence[Unit], batch: Batch) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of new units, and of known ones those whose bytes have become known."""
    for unit in units:
        known = batch.known.get(unit.id)
        for artifact in unit.artifacts:
            place = (unit.id, artifact.relative_path)
            if known is None:
                yield *place, *batch.digests.get(place, (artifact.sha256, artifact.size))
            elif known[artifact.relative_path] is None and place in batch.digests:
                yield *place, *batch.digests[place]
