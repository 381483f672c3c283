"""How the queues are doing."""

from __future__ import annotations

from datetime import datetime

import strawberry

from headbox.resolvers import queue_stats as resolver
from headbox.resolvers.queue_stats import Shown, ShownStats
from headbox.schema.enums import TaskPriority
from headbox.schema.fields import field
from headbox.schema.info import Info

Part = strawberry.Parent[Shown | ShownStats]
_WAIT = (
    " before a worker first took them, in seconds: of those that run, and of the 500 that completed last and the 500"
    " that failed last, within an hour. Null when there are none."
)


@strawberry.type
class QueueFigures:
    """Stands over `services.queue_stats.Figures`."""

    @field(description="How many wait for nothing but a worker.", graphql_type=int)
    @staticmethod
    def runnable(root: Part) -> int:
        return root.figures.runnable

    @field(description="How many wait for other tasks; `blockedBy` of each says for which.", graphql_type=int)
    @staticmethod
    def blocked(root: Part) -> int:
        return root.figures.blocked

    @field(description="How many run, with those that are being canceled.", graphql_type=int)
    @staticmethod
    def running(root: Part) -> int:
        return root.figures.running

    @field(
        description="When the oldest one that waits was created; null when none waits.", graphql_type=datetime | None
    )
    @staticmethod
    def oldest(root: Part) -> datetime | None:
        return root.figures.oldest

    @field(description=f"How long half of them waited at the most{_WAIT}", graphql_type=float | None)
    @staticmethod
    def wait_p50_seconds(root: Part) -> float | None:
        return root.figures.wait_seconds(0.5)

    @field(description=f"How long 95 of 100 of them waited at the most{_WAIT}", graphql_type=float | None)
    @staticmethod
    def wait_p95_seconds(root: Part) -> float | None:
        return root.figures.wait_seconds(0.95)


@strawberry.type(description="How the tasks of one kind are doing.")
class KindQueueStats(QueueFigures):
    """Stands over `resolvers.queue_stats.Shown`."""

    kind: str = strawberry.field(description="The kind, such as `file.sync`.")


@strawberry.type(description="How the tasks of one priority are doing: they have a queue of their own.")
class PriorityQueueStats(QueueFigures):
    """Stands over `resolvers.queue_stats.Shown`."""

    priority: TaskPriority = strawberry.field(description="The priority.")


@strawberry.type(description="How the queues of tasks are doing.")
class QueueStats(QueueFigures):
    """Stands over `resolvers.queue_stats.ShownStats`."""

    as_of: datetime = strawberry.field(
        description="When they were looked up. Whoever asks within ten times the time that this took, or a second, gets"
        " the same: with a few hundred unfinished tasks that is some milliseconds."
    )
    by_kind: list[KindQueueStats] = strawberry.field(
        description="The same by kind of task, of each kind that has unfinished tasks or had some lately."
    )
    by_priority: list[PriorityQueueStats] = strawberry.field(description="The same by priority, the highest first.")


@strawberry.type
class QueueStatsQueries:
    """Where the figures of the queues are found."""

    @field(description="How the queues of tasks are doing now.", graphql_type=QueueStats)
    async def queue_stats(self, info: Info) -> ShownStats:
        return await resolver.shown(info.context)
