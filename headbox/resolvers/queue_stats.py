"""How the queues are doing, in all, by kind and by priority."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from headbox.resolvers.context import Context
from headbox.services.queue_stats import Figures
from headbox.types import TaskPriority


@dataclass(frozen=True, slots=True)
class Shown:
    """The figures of some tasks, as they are shown.

    Attributes:
        kind: The kind of the tasks; None where they are of several.
        priority: The priority of the tasks; None where they are of several.
        figures: The figures.
    """

    figures: Figures
    kind: str | None = None
    priority: TaskPriority | None = None


@dataclass(frozen=True, slots=True)
class ShownStats:
    """The figures of all tasks, and of parts of them, at a time."""

    as_of: datetime
    figures: Figures
    by_kind: list[Shown]
    by_priority: list[Shown]


async def shown(context: Context) -> ShownStats:
    """Return how the queues are doing."""
    total = Figures()
    kinds: defaultdict[str, Figures] = defaultdict(Figures)
    priorities: Mapping[TaskPriority, Figures] = {priority: Figures() for priority in TaskPriority}
    look = await context.looks.queues.ask(context.connection)
    for queue, figures in look.stats.items():
        for part in (total, kinds[queue.kind], priorities[queue.priority]):
            part.add(figures)
    return ShownStats(
        look.as_of,
        total,
        [Shown(kinds[kind], kind=kind) for kind in sorted(kinds)],
        [Shown(figures, priority=priority) for priority, figures in priorities.items()],
    )
