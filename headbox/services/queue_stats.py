"""How the queues are doing: what could run, what waits for others, what runs, and how long tasks have waited lately."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headbox.models.database import Connection, fetch, is_sqlite, joining_sets, now, transaction
from headbox.tasking.claims import BLOCKED
from headbox.types import TaskPriority, TaskState

#: Tasks whose waits are looked at: those that run, and of each final state those that ended last.
SAMPLE = 500
#: How long ago they may have ended, in hours.
SAMPLE_HOURS = 1.0
#: How many tasks there are for each resource, at the least, where the heads of the queues are looked at alone.
LONG_QUEUE = 20
#: Above every sequence number.
MAX_SEQUENCE = 2**63 - 1

_COUNTS = """
    SELECT state, kind, priority, COUNT(*) AS tasks, MIN(created_at) AS oldest
    FROM task WHERE finished_at IS NULL AND state IN ('waiting', 'running', 'canceling')
    GROUP BY state, kind, priority
"""
_QUEUE_COUNT = "SELECT COUNT(*) AS queues FROM resource_queue"
_CLAIMING_COUNT = "SELECT COUNT(DISTINCT task_id) AS claiming FROM task_claim"
#: The claims up to the first exclusive one of each resource: behind it nothing can run. The joins are in the order that
#: both databases are to go in: SQLite keeps to it, and PostgreSQL keeps to what is materialized.
_HEADS = f"""
    WITH bound AS MATERIALIZED (
        SELECT resource, COALESCE(
            (SELECT MIN(sequence) FROM task_claim WHERE task_claim.resource = resource_queue.resource AND exclusive),
            {MAX_SEQUENCE}) AS last
        FROM resource_queue
    ), head AS MATERIALIZED (
        SELECT DISTINCT claim.task_id FROM bound CROSS JOIN task_claim claim
        WHERE claim.resource = bound.resource AND claim.sequence <= bound.last
    )
"""  # noqa: S608 - a number of our own
_HEAD_COUNT = f"{_HEADS} SELECT COUNT(*) AS heads FROM head"  # noqa: S608
_RUNNABLE = f"""
    {_HEADS}
    SELECT task.kind, task.priority, COUNT(*) AS tasks FROM head CROSS JOIN task
    WHERE task.id = head.task_id AND task.state = 'waiting' AND NOT {BLOCKED}
    GROUP BY task.kind, task.priority
"""  # noqa: S608
#: SQLite looks before each claim, in an index; PostgreSQL takes longer for that than to join sets.
_BEHIND_ONE_BY_ONE = """
    SELECT claim.task_id FROM task_claim claim WHERE EXISTS (
        SELECT 1 FROM task_claim earlier
        WHERE earlier.resource = claim.resource AND earlier.sequence < claim.sequence AND earlier.exclusive
    ) OR (claim.exclusive AND EXISTS (
        SELECT 1 FROM task_claim earlier
        WHERE earlier.resource = claim.resource AND earlier.sequence < claim.sequence
    ))
"""
_BEHIND_AS_A_SET = """
    SELECT claim.task_id FROM task_claim claim JOIN (
        SELECT resource, MIN(sequence) AS first, MIN(CASE WHEN exclusive THEN sequence END) AS first_exclusive
        FROM task_claim GROUP BY resource
    ) AS head ON head.resource = claim.resource
    WHERE claim.sequence > head.first_exclusive OR (claim.exclusive AND claim.sequence > head.first)
"""
_BLOCKED = """
    SELECT kind, priority, COUNT(*) AS tasks FROM task
    WHERE finished_at IS NULL AND state = 'waiting' AND id IN ({behind})
    GROUP BY kind, priority
"""
_ENDED = (TaskState.COMPLETED, TaskState.FAILED)
_WAITS = " UNION ALL ".join(
    [
        "SELECT kind, priority, created_at, started_at FROM task"
        " WHERE finished_at IS NULL AND state IN ('running', 'canceling')",
        *(
            "SELECT * FROM (SELECT kind, priority, created_at, started_at FROM task"  # noqa: S608
            f" WHERE state = '{state}' AND finished_at > ? AND started_at IS NOT NULL"
            f" ORDER BY finished_at DESC LIMIT {SAMPLE}) AS {state}"
            for state in _ENDED
        ),
    ]
)


@dataclass(slots=True)
class Figures:
    """The figures of some tasks.

    Attributes:
        runnable: Tasks that wait for nothing but a worker.
        blocked: Tasks that wait for other tasks.
        running: Tasks that run, or are asked to end.
        oldest: When the oldest task that waits was created.
        waits: How long tasks waited before they were first taken, in seconds.
    """

    runnable: int = 0
    blocked: int = 0
    running: int = 0
    oldest: datetime | None = None
    waits: list[float] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        """Add the figures of other tasks."""
        self.runnable += other.runnable
        self.blocked += other.blocked
        self.running += other.running
        self.oldest = min((time for time in (self.oldest, other.oldest) if time), default=None)
        self.waits += other.waits

    def wait_seconds(self, share: float) -> float | None:
        """Return the time within which this share of the tasks was taken; None when there were none lately."""
        if not self.waits:
            return None
        # The nearest rank: a time that one of them really waited.
        return sorted(self.waits)[max(0, math.ceil(share * len(self.waits)) - 1)]


@dataclass(frozen=True, slots=True)
class Queue:
    """Tasks of one kind and priority."""

    kind: str
    priority: TaskPriority


QueueStats = dict[Queue, Figures]


@dataclass(frozen=True, slots=True)
class Look:
    """How the queues were doing at a time.

    Attributes:
        as_of: The time, on the database's clock.
        stats: The figures of each kind and priority that had any tasks; not to be changed.
    """

    as_of: datetime
    stats: QueueStats


async def look(connection: Connection) -> Look:
    """Look how the queues are doing.

    Args:
        connection: Outside of a transaction.
    """
    as_of = await now(connection)
    return Look(as_of, await _stats(connection, as_of))


async def _stats(connection: Connection, as_of: datetime) -> QueueStats:
    stats: defaultdict[Queue, Figures] = defaultdict(Figures)
    waiting: defaultdict[Queue, int] = defaultdict(int)
    for queue, row in _by_queue(await fetch(connection, _COUNTS)):
        if row["state"] == TaskState.WAITING:
            waiting[queue] = row["tasks"]
            stats[queue].oldest = _time(row["oldest"])
        else:
            stats[queue].running += row["tasks"]
    blocked = await _blocked(connection, waiting, sum(figures.running for figures in stats.values()))
    for queue, number in waiting.items():
        # Tasks may have been taken, and have ended, between the two looks.
        stats[queue].blocked = min(max(blocked[queue], 0), number)
        stats[queue].runnable = number - stats[queue].blocked
    since = as_of - timedelta(hours=SAMPLE_HOURS)
    for queue, row in _by_queue(await fetch(connection, _WAITS, [since] * len(_ENDED))):
        waited = _time(row["started_at"]) - _time(row["created_at"])
        # A task is created on the clock of an API's host, and taken on the database's.
        stats[queue].waits.append(max(0.0, waited.total_seconds()))
    return dict(stats)


async def _blocked(connection: Connection, waiting: Mapping[Queue, int], running: int) -> Mapping[Queue, int]:
    """Return how many tasks wait for others, counted the way that has less to look at."""
    unfinished = sum(waiting.values()) + running
    if await _has_few_heads(connection, unfinished):
        runnable = Counter({queue: row["tasks"] for queue, row in _by_queue(await fetch(connection, _RUNNABLE))})
        return Counter({queue: number - runnable[queue] for queue, number in waiting.items()})
    return Counter({queue: row["tasks"] for queue, row in _by_queue(await _all_blocked(connection))})


async def _all_blocked(connection: Connection) -> list[dict[str, Any]]:
    if is_sqlite(connection):
        return await fetch(connection, _BLOCKED.format(behind=_BEHIND_ONE_BY_ONE))
    # Claims come and go faster than PostgreSQL counts them: it would believe that there are hardly any.
    async with transaction() as inner, joining_sets(inner):
        return await fetch(inner, _BLOCKED.format(behind=_BEHIND_AS_A_SET))


async def _has_few_heads(connection: Connection, unfinished: int) -> bool:
    """Tell whether most tasks stand behind others, in few and long queues."""
    # What is counted soonest comes first.
    [size] = await fetch(connection, _QUEUE_COUNT)
    if LONG_QUEUE * size["queues"] > unfinished:
        return False
    # A task that claims nothing is in no queue, and can run.
    [size] = await fetch(connection, _CLAIMING_COUNT)
    if size["claiming"] < unfinished:
        return False
    [size] = await fetch(connection, _HEAD_COUNT)
    return bool(2 * size["heads"] < unfinished)


def _by_queue(rows: Sequence[dict[str, Any]]) -> Iterable[tuple[Queue, dict[str, Any]]]:
    return ((Queue(row["kind"], TaskPriority(row["priority"])), row) for row in rows)


def _time(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
