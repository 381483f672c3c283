"""Writing a batch of content units: rows, not objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from headbox.models.database import Connection, fetch, insert_new
from headbox.pipeline.batch import Batch, Unit

#: Parameters of one statement; SQLite took 999 before 3.32.
LOOKUP = 900


async def known_artifacts(connection: Connection, units: Sequence[Unit]) -> dict[str, dict[str, str | None]]:
    """Return the units that the database has: id -> relative path -> SHA-256, or None where it is not known."""
    known: dict[str, dict[str, str | None]] = {}
    for start in range(0, len(units), LOOKUP):
        ids = [unit.id for unit in units[start : start + LOOKUP]]
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


async def save(connection: Connection, task_id: UUID, batch: Batch, remote_id: UUID) -> None:
    """Write what is new of a batch, and stage all of it.

    Args:
        connection: Inside of a transaction.
        task_id: The sync that stages.
        batch: Looked up and downloaded.
        remote_id: Where the bytes can be fetched again.
    """
    # In the order of their ids: indexes grow at one place at a time, and two syncs never lock each other out.
    units = sorted(batch.units, key=lambda unit: unit.id)
    new = [unit for unit in units if unit.id not in batch.known]
    time = datetime.now(UTC)
    await insert_new(
        connection,
        "artifact",
        ("sha256", "size", "created_at"),
        [(*item, time) for item in sorted(batch.stored.items())],
    )
    await insert_new(
        connection,
        "content",
        ("id", "created_at", "kind", "document", "slot", "labels"),
        [(unit.id, time, unit.content.kind, unit.content.model_dump_json(), unit.slot, "{}") for unit in new],
    )
    await insert_new(
        connection,
        "content_artifact",
        ("content_id", "relative_path", "sha256", "size"),
        list(_content_artifacts(new, batch)),
    )
    await _resolve_digests(connection, [unit for unit in units if unit.id in batch.known], batch)
    await insert_new(
        connection,
        "artifact_source",
        ("content_id", "relative_path", "remote_id", "url"),
        [
            (unit.id, artifact.relative_path, str(remote_id), artifact.url)
            for unit in units
            for artifact in unit.artifacts
        ],
        on_conflict="(content_id, relative_path, remote_id) DO UPDATE SET url = excluded.url"
        " WHERE artifact_source.url <> excluded.url",
    )
    await insert_new(
        connection,
        "sync_staging",
        ("task_id", "content_id", "slot"),
        # In the order of their declaration: of two units that want one place, the first one stays.
        [(str(task_id), unit.id, unit.slot) for unit in batch.units],
    )


def _content_artifacts(units: Sequence[Unit], batch: Batch) -> Iterator[tuple[Any, ...]]:
    for unit in units:
        for artifact in unit.artifacts:
            declared = (artifact.sha256, artifact.size)
            sha256, size = batch.digests.get((unit.id, artifact.relative_path), declared)
            yield unit.id, artifact.relative_path, sha256, size


async def _resolve_digests(connection: Connection, units: Sequence[Unit], batch: Batch) -> None:
    """Tell the units that were known, but not by their bytes, which bytes they have."""
    rows = [
        [*batch.digests[unit.id, artifact.relative_path], unit.id, artifact.relative_path]
        for unit in units
        for artifact in unit.artifacts
        if batch.known[unit.id].get(artifact.relative_path) is None
        and (unit.id, artifact.relative_path) in batch.digests
    ]
    for row in rows:
        await fetch(
            connection,
            "UPDATE content_artifact SET sha256 = ?, size = ?"
            " WHERE content_id = ? AND relative_path = ? AND sha256 IS NULL RETURNING id",
            row,
        )
