"""How many tasks ended lately, minute by minute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headbox.models.database import Connection, fetch, is_sqlite, now
from headbox.types import TaskState

#: How far back is looked.
MINUTES = 60

_ENDED = (TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED)
#: One state after the other, each from the index of what is finished. SQLite keeps a time as text.
_MINUTE = {True: "substr(finished_at, 1, 16)", False: "to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"}
_COUNT = " UNION ALL ".join(
    f"SELECT '{state}' AS state, {{minute}} AS minute, COUNT(*) AS tasks FROM task"  # noqa: S608 - names of our own
    f" WHERE state = '{state}' AND finished_at >= ? GROUP BY {{minute}}"
    for state in _ENDED
)


@dataclass(frozen=True, slots=True)
class Minute:
    """The tasks that ended within a minute.

    Attributes:
        since: When it began; the last one is not over yet.
        completed: How many completed.
        failed: How many failed.
        canceled: How many were canceled.
    """

    since: datetime
    completed: int
    failed: int
    canceled: int


async def look(connection: Connection) -> list[Minute]:
    """Return the last minutes, the oldest first, also those in which nothing ended.

    Args:
        connection: Outside of a transaction.
    """
    last = (await now(connection)).astimezone(UTC).replace(second=0, microsecond=0)
    minutes = [last - timedelta(minutes=ago) for ago in reversed(range(MINUTES))]
    counts: Counter[tuple[str, str]] = Counter()
    statement = _COUNT.format(minute=_MINUTE[is_sqlite(connection)])
    for row in await fetch(connection, statement, [minutes[0]] * len(_ENDED)):
        counts[row["state"], row["minute"].replace("T", " ")] += row["tasks"]
    return [Minute(minute, *(counts[state, f"{minute:%Y-%m-%d %H:%M}"] for state in _ENDED)) for minute in minutes]
