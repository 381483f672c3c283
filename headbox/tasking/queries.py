"""Questions about tasks that more than one place asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from headbox.models import TaskClaim, Worker
from headbox.models.database import Connection, fetch, now
from headbox.tasking.lifecycle import lost_before
from headbox.types import TaskState


async def claims_of(task_ids: Sequence[UUID]) -> dict[UUID, list[TaskClaim]]:
    """Return the claims of each unfinished task, by resource; finished tasks have none."""
    found: defaultdict[UUID, list[TaskClaim]] = defaultdict(list)
    for claim in await TaskClaim.filter(task_id__in=task_ids).order_by("resource"):
        found[claim.task_id].append(claim)
    return found


async def task_counts(connection: Connection, group_id: UUID | None = None) -> dict[TaskState, int]:
    """Return how many tasks are in each state; of one group, or of all."""
    condition, parameters = ("WHERE group_id = ?", [str(group_id)]) if group_id else ("", [])
    rows = await fetch(connection, f"SELECT state, COUNT(*) AS tasks FROM task {condition} GROUP BY state", parameters)  # noqa: S608
    return dict.fromkeys(TaskState, 0) | {TaskState(row["state"]): row["tasks"] for row in rows}


async def workers_online(connection: Connection, lost_after_seconds: float) -> list[Worker]:
    """Return the workers that were seen lately and have not stopped, oldest first."""
    since = lost_before(await now(connection), lost_after_seconds)
    return list(await Worker.filter(stopped_at__isnull=True, last_seen_at__gte=since).order_by("id"))
