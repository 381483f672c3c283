"""Questions about tasks that more than one place asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from headbox.models import TaskClaim, Worker
from headbox.models.database import Connection, fetch, now
from headbox.tasking.lifecycle import lost_before
from headbox.types import TaskState

#: Most queries in one UNION: below SQLite's limit of 500.
MAX_UNION = 100


async def claims_of(task_ids: Sequence[UUID]) -> dict[UUID, list[TaskClaim]]:
    """Return the claims of each unfinished task, by resource; finished tasks have none."""
    found: defaultdict[UUID, list[TaskClaim]] = defaultdict(list)
    for claim in await TaskClaim.filter(task_id__in=task_ids).order_by("resource"):
        found[claim.task_id].append(claim)
    return found


async def blockers_of(connection: Connection, task_ids: Sequence[UUID], limit: int) -> dict[UUID, list[UUID]]:
    """Return the tasks that each task waits for: the first ones of its queues, the oldest first.

    Args:
        connection: The database.
        task_ids: Tasks; those that wait for nothing are left out of the answer.
        limit: Most tasks for each.
    """
    mine = await fetch(
        connection,
        f"SELECT task_id, resource, sequence, exclusive FROM task_claim WHERE task_id IN ({_marks(task_ids)})",  # noqa: S608
        [str(task_id) for task_id in task_ids],
    )
    # Everybody in a queue waits for the same ones at its head: they are read once for each queue, however long it is.
    heads = {
        is_exclusive: await _heads(
            connection,
            {claim["resource"] for claim in mine if bool(claim["exclusive"]) is is_exclusive},
            limit,
            # A shared claim waits for exclusive ones alone.
            "" if is_exclusive else " AND exclusive",
        )
        for is_exclusive in (True, False)
    }
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for claim in mine:
        head = heads[bool(claim["exclusive"])][claim["resource"]]
        before = {task_id for sequence, task_id in head if sequence < claim["sequence"]}
        if before:
            found[_uuid(claim["task_id"])] |= before
    return {task_id: sorted(before)[:limit] for task_id, before in found.items()}


async def _heads(
    connection: Connection, resources: Collection[str], limit: int, condition: str
) -> dict[str, list[tuple[int, UUID]]]:
    """Return sequence number and task of the first claims of each resource."""
    heads: defaultdict[str, list[tuple[int, UUID]]] = defaultdict(list)
    names = sorted(resources)
    for start in range(0, len(names), MAX_UNION):
        some = names[start : start + MAX_UNION]
        part = (
            "SELECT * FROM (SELECT resource, sequence, task_id FROM task_claim"  # noqa: S608
            f" WHERE resource = ?{condition} ORDER BY sequence LIMIT {limit}) AS head"
        )
        for row in await fetch(connection, " UNION ALL ".join([part] * len(some)), some):
            heads[row["resource"]].append((row["sequence"], _uuid(row["task_id"])))
    return heads


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _uuid(value: str | UUID) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


async def task_counts(connection: Connection) -> dict[TaskState, int]:
    """Return how many tasks are in each state."""
    rows = await fetch(connection, "SELECT state, COUNT(*) AS tasks FROM task GROUP BY state")
    return dict.fromkeys(TaskState, 0) | {TaskState(row["state"]): row["tasks"] for row in rows}


async def group_counts(connection: Connection, group_ids: Sequence[UUID]) -> dict[UUID, dict[TaskState, int]]:
    """Return how many tasks of each group are in each state."""
    rows = await fetch(
        connection,
        "SELECT group_id, state, COUNT(*) AS tasks FROM task"  # noqa: S608
        f" WHERE group_id IN ({_marks(group_ids)}) GROUP BY group_id, state",
        [str(group_id) for group_id in group_ids],
    )
    counts = {group_id: dict.fromkeys(TaskState, 0) for group_id in group_ids}
    for row in rows:
        counts[_uuid(row["group_id"])][TaskState(row["state"])] = row["tasks"]
    return counts


async def workers_online(connection: Connection, lost_after_seconds: float) -> list[Worker]:
    """Return the workers that were seen lately and have not stopped, oldest first."""
    since = lost_before(await now(connection), lost_after_seconds)
    return list(await Worker.filter(stopped_at__isnull=True, last_seen_at__gte=since).order_by("id"))
