"""Content units that a task is to add: staged when it is created, so that nothing of them goes while it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from headbox.errors import NotFound
from headbox.models.database import Connection, fetch, insert_new
from headbox.models.database.sql import MAX_PARAMETERS
from headbox.pipeline.keeping import keep_content


@dataclass(frozen=True, slots=True)
class StoredUnit:
    """What a row of `content` says of its place."""

    kind: str
    slot: str


async def units_of(connection: Connection, ids: Sequence[UUID]) -> dict[str, StoredUnit]:
    """Return those of some content units that are there, by their ids."""
    found: dict[str, StoredUnit] = {}
    for start in range(0, len(ids), MAX_PARAMETERS):
        some = [str(key) for key in ids[start : start + MAX_PARAMETERS]]
        statement = f"SELECT id, kind, slot FROM content WHERE id IN ({', '.join('?' * len(some))})"  # noqa: S608
        rows = await fetch(connection, statement, some)
        found |= {str(row["id"]): StoredUnit(row["kind"], str(row["slot"])) for row in rows}
    return found


async def stage(connection: Connection, task_id: UUID, content_ids: Sequence[UUID]) -> None:
    """Stage what a new task is to add.

    Raises:
        NotFound: One of the units is gone.
    """
    units = await units_of(connection, content_ids)
    rows = [(key, units[key].slot) for key in sorted(units)]
    await insert_new(connection, "staged_content", ("content_id", "slot"), rows, constants={"task_id": str(task_id)})
    # In this order: what is referred to first cannot go unseen afterwards.
    gone = await keep_content(connection, list(units))
    if missing := gone or {str(key) for key in content_ids} - units.keys():
        raise NotFound(what="content unit", key=min(missing), path=("add",))
