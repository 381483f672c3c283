"""Writing a batch of content units: rows, not objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from headbox.models.database import Connection, fetch, insert_new
from headbox.models.database.sql import MAX_PARAMETERS
from headbox.pipeline.batch import Batch, Unit


class NewlyKnown(Exception):
    """Another sync has saved units that were unknown when they were looked up."""


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


@dataclass(frozen=True, slots=True)
class BatchRows:
    """What is to be written of a batch, by table; made before the transaction begins, so that it only writes.

    Attributes:
        content: By kind.
    """

    task_id: UUID
    remote_id: UUID
    artifact: list[tuple[Any, ...]]
    content: dict[str, list[tuple[Any, ...]]]
    content_artifact: list[tuple[Any, ...]]
    artifact_source: list[tuple[Any, ...]]
    sync_staging: list[tuple[Any, ...]]


def rows_of(batch: Batch, task_id: UUID, remote_id: UUID) -> BatchRows:
    """Return the rows of a batch that is looked up and downloaded.

    Args:
        batch: The batch.
        task_id: The sync that stages.
        remote_id: Where the bytes can be fetched again.
    """
    # In the order of their ids: indexes grow at one place at a time, and two syncs never lock each other out.
    units = sorted(batch.units, key=attrgetter("id"))
    content: dict[str, list[tuple[Any, ...]]] = {}
    for unit in units:
        if unit.id not in batch.known:
            document = unit.content
            content.setdefault(document.kind, []).append((unit.id, document.as_json(), unit.slot))
    return BatchRows(
        task_id=task_id,
        remote_id=remote_id,
        artifact=sorted(batch.stored.items()),
        content=content,
        content_artifact=list(_content_artifacts(units, batch)),
        artifact_source=[
            (unit.id, artifact.relative_path, artifact.url) for unit in units for artifact in unit.artifacts
        ],
        sync_staging=[(unit.id, ordinal, unit.slot) for ordinal, unit in enumerate(batch.units, batch.first_ordinal)],
    )


async def save(connection: Connection, rows: BatchRows) -> None:
    """Write what is new of a batch, and stage all of it, inside of a transaction.

    Raises:
        NewlyKnown: What is known of the batch is out of date; the transaction must be taken back.
    """
    time = datetime.now(UTC)
    await insert_new(connection, "artifact", ("sha256", "size"), rows.artifact, constants={"created_at": time})
    for kind, content in rows.content.items():
        constants: dict[str, str | datetime] = {"kind": kind, "created_at": time, "labels": "{}"}
        new = await insert_new(connection, "content", ("id", "document", "slot"), content, constants=constants)
        if new < len(content):
            raise NewlyKnown
    await insert_new(
        connection,
        "content_artifact",
        ("content_id", "relative_path", "sha256", "size"),
        rows.content_artifact,
        # A unit that was known, but not by its bytes, is told which ones it has.
        on_conflict="(content_id, relative_path) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size"
        " WHERE content_artifact.sha256 IS NULL",
    )
    await insert_new(
        connection,
        "artifact_source",
        ("content_id", "relative_path", "url"),
        rows.artifact_source,
        constants={"remote_id": str(rows.remote_id)},
        on_conflict="(content_id, relative_path, remote_id) DO UPDATE SET url = excluded.url"
        " WHERE artifact_source.url <> excluded.url",
    )
    await insert_new(
        connection,
        "sync_staging",
        ("content_id", "ordinal", "slot"),
        rows.sync_staging,
        constants={"task_id": str(rows.task_id)},
    )


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
