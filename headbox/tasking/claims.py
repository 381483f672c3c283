"""Queues of tasks: who may run, who waits for whom, and who is free when a task ends.

A task can run when no earlier unfinished task has a conflicting claim on any of its resources: first come, first
served for each resource. Claims of finished tasks are deleted, so every row here is unfinished work.

Sequence numbers are given out under a row lock for each resource; therefore the order of numbers is the order of
commits, and a task that can run once can always run: nothing that conflicts will ever be put before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from headbox.models.database import Connection, fetch, is_sqlite
from headbox.types import TaskPriority

#: Tasks that one statement looks at, or returns of a kind, at the most.
BATCH = 1000
#: No queue has a number behind this one.
LAST_SEQUENCE = 2**63 - 1

_RELEASE = """
    WITH ended AS ({ending} RETURNING *),
    gone AS (DELETE FROM task_claim USING ended WHERE task_claim.task_id = ended.id RETURNING resource, exclusive)
    SELECT ended.*, ARRAY(SELECT resource FROM gone WHERE exclusive) AS exclusive,
           ARRAY(SELECT resource FROM gone WHERE NOT exclusive) AS shared
    FROM ended
"""

#: The condition that a task waits for others; of a row of `task`.
BLOCKED = """
    EXISTS (
        SELECT 1 FROM task_claim mine WHERE mine.task_id = task.id AND (
            EXISTS (SELECT 1 FROM task_claim earlier
                    WHERE earlier.resource = mine.resource AND earlier.sequence < mine.sequence AND earlier.exclusive)
            OR (mine.exclusive AND EXISTS (
                    SELECT 1 FROM task_claim earlier
                    WHERE earlier.resource = mine.resource AND earlier.sequence < mine.sequence))
        )
    )
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A hold that a task asks for."""

    resource: str
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Runnable:
    """A task that waits for nothing but a worker."""

    id: UUID
    priority: TaskPriority


async def enqueue(connection: Connection, task_id: UUID, claims: Iterable[Claim]) -> bool:
    """Put a new task into the queues of its resources, and return whether it waits for nobody there.

    When it does not, it never will. When it does, that may have changed by the time of the commit.
    """
    waits = False
    # In the order of their names: two tasks that claim the same resources never lock each other out.
    for claim in sorted(claims, key=lambda claim: claim.resource):
        [queue] = await fetch(
            connection,
            "INSERT INTO resource_queue (resource, sequence) VALUES (?, 1)"
            " ON CONFLICT (resource) DO UPDATE SET sequence = resource_queue.sequence + 1 RETURNING sequence",
            [claim.resource],
        )
        # A statement of its own: one that waited for the lock of the queue sees nothing that was committed meanwhile.
        [mine] = await fetch(
            connection,
            "INSERT INTO task_claim (task_id, resource, sequence, exclusive) VALUES (?, ?, ?, ?)"  # noqa: S608
            f" RETURNING EXISTS (SELECT 1 FROM task_claim earlier WHERE earlier.resource = ?"
            f" AND earlier.sequence < ?{'' if claim.exclusive else ' AND earlier.exclusive'}) AS waits",
            [str(task_id), claim.resource, queue["sequence"], claim.exclusive, claim.resource, queue["sequence"]],
        )
        waits = waits or bool(mine["waits"])
    return not waits


async def release(
    connection: Connection, ending: str, parameters: Sequence[Any]
) -> tuple[dict[str, Any], set[Claim]] | None:
    """End a task, and take it out of its queues; on PostgreSQL, with one statement.

    Args:
        connection: On SQLite, one inside of a transaction.
        ending: An UPDATE of its row, without RETURNING.
        parameters: Of the UPDATE.

    Returns:
        The row, and what the task held or waited for; or None when the UPDATE found no row.
    """
    if not is_sqlite(connection):
        rows = await fetch(connection, _RELEASE.format(ending=ending), parameters)
        return (rows[0], _claims(rows[0].pop("exclusive"), rows[0].pop("shared"))) if rows else None
    rows = await fetch(connection, f"{ending} RETURNING *", parameters)
    if not rows:
        return None
    gone = await fetch(
        connection, "DELETE FROM task_claim WHERE task_id = ? RETURNING resource, exclusive", [str(rows[0]["id"])]
    )
    return rows[0], {Claim(row["resource"], bool(row["exclusive"])) for row in gone}


def _claims(exclusive: Iterable[str], shared: Iterable[str]) -> set[Claim]:
    return {
        Claim(resource, is_exclusive)
        for names, is_exclusive in ((exclusive, True), (shared, False))
        for resource in names
    }


async def runnable_among(connection: Connection, task_ids: Collection[UUID]) -> list[Runnable]:
    """Return those of the tasks that can run now."""
    runnable = []
    rest = iter(task_ids)
    while some := [str(task_id) for task_id in islice(rest, BATCH)]:
        marks = ", ".join("?" * len(some))
        statement = f"SELECT id, priority FROM task WHERE id IN ({marks}) AND state = 'waiting' AND NOT {BLOCKED}"  # noqa: S608
        runnable += _runnable(await fetch(connection, statement, some))
    return runnable


async def runnable_heads(connection: Connection, released: Collection[Claim]) -> list[Runnable]:
    """Return the tasks that can run now because these claims are gone."""
    heads = {task_id for claim in released for task_id in await _head(connection, claim)}
    return await runnable_among(connection, heads) if heads else []


async def _head(connection: Connection, released: Claim) -> list[UUID]:
    """Return the tasks that only a claim that is gone can have kept waiting for its resource.

    The head of a queue is everything up to its first exclusive claim: what is behind that waits at least for it.
    Where a shared claim is gone, only that first exclusive one can have waited for it.
    """
    # The first exclusive claim is found once, from the front of an index, and bounds the rest: whatever the planner
    # believes of the tables, it is never looked for again for each task of a long queue.
    statement = f"""
        SELECT task_id FROM task_claim
        WHERE resource = ? {"" if released.exclusive else "AND exclusive"} AND sequence <= COALESCE(
            (SELECT first.sequence FROM task_claim first WHERE first.resource = ? AND first.exclusive
             ORDER BY first.sequence LIMIT 1),
            {LAST_SEQUENCE})
    """  # noqa: S608
    rows = await fetch(connection, statement, [released.resource, released.resource])
    return [UUID(str(row["task_id"])) for row in rows]


async def all_runnable(connection: Connection) -> list[Runnable]:
    """Return the oldest tasks of each priority that can run now, at most `BATCH` of each."""
    # Apart, so that no backlog of a priority that few workers take hides the tasks of another one.
    parts = (
        "SELECT * FROM (SELECT id, priority FROM task"  # noqa: S608
        f" WHERE state = 'waiting' AND priority = '{priority}' AND NOT {BLOCKED} ORDER BY id LIMIT {BATCH}) AS oldest"
        for priority in TaskPriority
    )
    return _runnable(await fetch(connection, " UNION ALL ".join(parts)))


def _runnable(rows: list[dict[str, Any]]) -> list[Runnable]:
    return [Runnable(UUID(str(row["id"])), TaskPriority(row["priority"])) for row in rows]
