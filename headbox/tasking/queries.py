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


async def task_counts(connection: Connection) -> dict[TaskState, int]:
    """Return how many tasks are in each state."""
    rows = await fetch(connection, "SELECT state, COUNT(*) AS tasks FROM task GROUP BY state")
    return dict.fromkeys(TaskState, 0) | {TaskState(row["state"]): row["tasks"] for row in rows}


async def group_counts(connection: Connection, group_ids: Sequence[UUID]) -> dict[UUID, dict[TaskState, int]]:
    """Return how many tasks of each group are in each state."""
    marks = ", ".join("?" * len(group_ids))
    rows = await fetch(
        connection,
        f"SELECT group_id, state, COUNT(*) AS tasks FROM task WHERE group_id IN ({marks}) GROUP BY group_id, state",  # noqa: S608
        [str(group_id) for group_id in group_ids],
    )
    counts = {group_id: dict.fromkeys(TaskState, 0) for group_id in group_ids}
    for row in rows:
        counts[UUID(str(row["group_id"]))][TaskState(row["state"])] = row["tasks"]
    return counts


async def workers_online(connection: Connection, lost_after_seconds: float) -> list[Worker]:
    """Return the workers that were seen lately and have not stopped, oldest first."""
    since = lost_before(await now(connection), lost_after_seconds)
    return list(await Worker.filter(stopped_at__isnull=True, last_seen_at__gte=since).order_by("id"))
