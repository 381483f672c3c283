"""Tasks: the interface of all task types, their progress, and what can be done with any of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.kinds import TaskType as DeclaredTask
from headbox.resolvers import task as resolver
from headbox.resolvers import task_log, watch
from headbox.resolvers.paging import Page
from headbox.resolvers.task_log import LogPage
from headbox.schema.connection import After, Before, Connection, First, Last, page_arguments
from headbox.schema.enums import ActionState, ProgressUnit, TaskPriority, TaskState, TotalKind
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation, subscription
from headbox.schema.filters import TaskFilter
from headbox.schema.info import Info, lazy, list_of
from headbox.schema.inputs import IDEMPOTENCY_KEY, LABELS, plain
from headbox.schema.names import creation_name
from headbox.schema.node import Node
from headbox.schema.scalars import JSON, BigInt
from headbox.schema.streams import begun
from headbox.types import UNFINISHED_STATES

Row = strawberry.Parent[models.Task]
GroupRow = strawberry.Parent[models.TaskGroup]
TaskId = Annotated[strawberry.ID, strawberry.argument(description="Id of the task.")]
Filter = Annotated[TaskFilter | None, strawberry.argument(description="Which of them.")]


@strawberry.type(description="A hold on a resource: a task runs when nobody before it has one that conflicts.")
class Claim:
    """Stands over `models.TaskClaim`."""

    resource: str = strawberry.field(description="Type and identifier of the resource.")
    exclusive: bool = strawberry.field(description="Whether it is for this task alone; shared ones do not conflict.")

    @field(
        description="The repository, where the resource is one.",
        graphql_type=lazy("Repository", "repository") | None,
    )
    @staticmethod
    def repository(root: strawberry.Parent[models.TaskClaim], info: Info) -> Awaitable[models.Repository | None] | None:
        repository_id = root.repository_id
        return info.context.loaders.repository.load(repository_id) if repository_id else None


@strawberry.type(description="How far a part of an action is.")
class ProgressReport:
    """Stands over a report of a task's progress document."""

    code: str = strawberry.field(
        description="What is counted, for machines, such as `sync.download.artifacts`; stable."
    )
    message: str = strawberry.field(description="What is counted, for people.")
    state: ActionState = strawberry.field(description="Where it stands.")
    unit: ProgressUnit = strawberry.field(description="What `done` and `total` count.")
    done: BigInt = strawberry.field(description="How many are done.")
    total: BigInt | None = strawberry.field(description="How many there are; null while that can't be known.")
    total_kind: TotalKind = strawberry.field(description="How far `total` can be trusted.")
    rate: float | None = strawberry.field(description="Units a second, over the last few seconds.")
    eta_seconds: float | None = strawberry.field(description="How long it will still take, in seconds, at this rate.")
    suffix: str | None = strawberry.field(description="What to show behind the numbers.")


@strawberry.type(description="A stage of a task.")
class Action:
    """Stands over an action of a task's progress document."""

    name: str = strawberry.field(description="Such as `sync`, `publish` or `distribute`.")
    state: ActionState = strawberry.field(description="Where it stands.")
    started_at: datetime | None = strawberry.field(description="When it began; null when it has not.")
    finished_at: datetime | None = strawberry.field(description="When it ended; null when it has not.")
    reports: list[ProgressReport] = strawberry.field(description="How far its parts are, in the order they began.")


@strawberry.interface(description="A piece of work that a mutation creates and a worker does.")
class Task(Node):
    """Stands over `models.Task`."""

    kind: str = strawberry.field(description="Its kind: plugin and task type, such as `file.sync`.")
    state: TaskState = strawberry.field(description="Where it stands in its life.")
    priority: TaskPriority = strawberry.field(description="Which tasks it goes before.")
    created_at: datetime = strawberry.field(description="When it was created.")
    started_at: datetime | None = strawberry.field(description="When a worker first took it.")
    finished_at: datetime | None = strawberry.field(description="When it came to its final state.")
    attempt: int = strawberry.field(
        description="Number of the attempt that runs, or ran last, from 1; 0 before that. Another one begins where a"
        " worker was lost or stopped, or the database was away."
    )
    actions: list[Action] = strawberry.field(description="Its progress, by action, in the order they began.")
    error: UserError | None = strawberry.field(description="Why it failed or ended.")
    labels: JSON = strawberry.field(description=LABELS)
    correlation_id: str = strawberry.field(description="Names it in all logs, with the request that created it.")

    @field(
        description="The user who asked for it, or for the schedule that created it, as the proxy in front of the"
        " server named them: see the setting `HEADBOX_USER_HEADER`. Null where nobody was named, or nobody asked.",
        graphql_type=str | None,
    )
    @staticmethod
    def user(root: Row) -> str | None:
        return root.requested_by

    @field(
        description="What it created and is still there, in the order in which it did.",
        graphql_type=list[Node],
    )
    @staticmethod
    async def created_resources(root: Row, info: Info) -> list[Any]:
        return await resolver.created_resources(info.context, root)

    @field(description="What it holds or waits for, by resource; none once it is finished.", graphql_type=list[Claim])
    @staticmethod
    def claims(root: Row, info: Info) -> Awaitable[list[models.TaskClaim]]:
        return info.context.loaders.claims.load(root.id)

    @field(
        description="Why it still waits: the unfinished tasks before it with a claim that conflicts, the oldest first,"
        " at most 100.",
        graphql_type=list_of(lazy("Task", "task")),
    )
    @staticmethod
    def blocked_by(root: Row, info: Info) -> Awaitable[list[models.Task]]:
        return info.context.loaders.blockers.load(root.id)

    @field(
        description="The repository that it works on; null when it works on none.",
        graphql_type=lazy("Repository", "repository") | None,
    )
    @staticmethod
    def repository(root: Row, info: Info) -> Awaitable[models.Repository | None] | None:
        return info.context.loaders.repository.load(root.repository_id) if root.repository_id else None

    @field(description="The task that it repeats.", graphql_type=lazy("Task", "task") | None)
    @staticmethod
    def repeats(root: Row, info: Info) -> Awaitable[models.Task | None] | None:
        return info.context.loaders.task.load(root.repeats_id) if root.repeats_id else None

    @field(
        description="What it said while it ran, its earlier attempts too, the oldest line first. At most 1,000 lines of"
        " 256 KiB together are kept; they are written once a second.",
        graphql_type=lazy("LogLineConnection", "task_log"),
    )
    @staticmethod
    async def log(
        root: Row,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> LogPage:
        return await task_log.page(info.context, root, page_arguments(first, after, last, before))

    @field(description="The group that it belongs to.", graphql_type=lazy("TaskGroup", "task") | None)
    @staticmethod
    def group(root: Row, info: Info) -> Awaitable[models.TaskGroup | None] | None:
        return info.context.loaders.task_group.load(root.group_id) if root.group_id else None

    @field(
        description="The worker that took it last; null when none did, or that is gone.",
        graphql_type=lazy("Worker", "worker") | None,
    )
    @staticmethod
    def worker(root: Row, info: Info) -> Awaitable[models.Worker | None] | None:
        return info.context.loaders.worker.load(root.worker_id) if root.worker_id else None


@strawberry.type(description="How many tasks are in each state.")
class TaskCounts:
    """Stands over `resolvers.task.counts`."""

    waiting: int = strawberry.field(description="Waiting.")
    running: int = strawberry.field(description="Running, with those that are being canceled.")
    completed: int = strawberry.field(description="Completed.")
    failed: int = strawberry.field(description="Failed.")
    canceled: int = strawberry.field(description="Canceled.")


@strawberry.type(description="Tasks that were created together.")
class TaskGroup(Node):
    """Stands over `models.TaskGroup`."""

    description: str = strawberry.field(description="What they are for.")
    created_at: datetime = strawberry.field(description="When it was created, and all of its tasks with it.")

    @field(description="Its tasks, the newest first.", graphql_type=Connection[Task])
    @staticmethod
    async def tasks(root: GroupRow, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), group_id=root.id)

    @field(description="How many of its tasks are in each state.", graphql_type=TaskCounts)
    @staticmethod
    async def counts(root: GroupRow, info: Info) -> dict[str, int]:
        return resolver.shown_counts(await info.context.loaders.group_counts.load(root.id))

    @field(description="Whether all of its tasks are in their final states.", graphql_type=bool)
    @staticmethod
    async def finished(root: GroupRow, info: Info) -> bool:
        counts = await info.context.loaders.group_counts.load(root.id)
        return not any(counts[state] for state in UNFINISHED_STATES)


@strawberry.type(description="A type of tasks that can be created.")
class TaskType:
    """Stands over what a plugin declares."""

    kind: str = strawberry.field(description="Kind of its tasks, such as `file.sync`.")
    graphql_type: str = strawberry.field(description="Name of its type in this schema.")
    mutation: str = strawberry.field(description="Name of the mutation that creates one.")
    description: str = strawberry.field(description="What its tasks do.")


@strawberry.type(description="What became of a cancellation.")
class CancelTaskPayload:
    """See `resolvers.task.cancel`."""

    task: Task | None = strawberry.field(description="The task: canceled, or about to be; null when it is not.")
    errors: list[UserError] = strawberry.field(description="Why it is not canceled.")


@strawberry.type(description="What became of a repetition.")
class RepeatTaskPayload:
    """See `resolvers.task.repeat`."""

    task: Task | None = strawberry.field(description="The new task; null when there is none.")
    errors: list[UserError] = strawberry.field(description="Why there is none.")


@strawberry.type
class TaskQueries:
    """Where tasks are found."""

    @field(description="All tasks, the newest first.", graphql_type=Connection[Task])
    async def tasks(
        self,
        info: Info,
        filter: Filter = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[Any]:
        arguments = page_arguments(first, after, last, before)
        return await resolver.page(info.context, arguments, filter=plain(filter) or None)

    @field(description="The task with an id; null where there is none.", graphql_type=Task | None)
    async def task(self, info: Info, id: TaskId) -> models.Task | None:
        return await resolver.find(info.context, id)

    @field(description="The types of tasks that can be created, by kind.", graphql_type=list[TaskType])
    def task_types(self, info: Info) -> list[dict[str, str]]:
        return [_described(task_type) for task_type in sorted(info.context.registry.tasks, key=lambda task: task.kind)]


def _described(task_type: type[DeclaredTask]) -> dict[str, str]:
    return {
        "kind": task_type.kind,
        "graphql_type": task_type.__name__,
        "mutation": creation_name(task_type.__name__),
        "description": (task_type.__doc__ or "").strip(),
    }


@strawberry.type
class TaskMutations:
    """What can be done with a task of any type."""

    @mutation(
        description="End a waiting task at once, and ask a running one to end; it changes nothing then.",
        graphql_type=CancelTaskPayload,
    )
    async def cancel_task(self, info: Info, id: TaskId) -> dict[str, Any]:
        return {"task": await resolver.cancel(info.context, id)}

    @mutation(
        description="Create a task with the input of a finished one: the same parameters and the same pinned"
        " configuration.",
        graphql_type=RepeatTaskPayload,
    )
    async def repeat_task(
        self,
        info: Info,
        id: TaskId,
        idempotency_key: Annotated[str | None, strawberry.argument(description=IDEMPOTENCY_KEY)] = UNSET,
    ) -> dict[str, Any]:
        return {"task": await resolver.repeat(info.context, id, idempotency_key or None)}


@strawberry.type
class TaskSubscriptions:
    """How tasks are watched."""

    @subscription(
        description="State, not events: every message is the whole truth of the task at that moment. The first comes at"
        " once; the last is its final state, and then the stream completes. A slow client skips states and never falls"
        " behind; a client that reconnects has lost nothing.",
        graphql_type=Task,
    )
    async def task(self, info: Info, id: TaskId) -> AsyncIterator[models.Task]:
        return await begun(watch.task(info.context, id))

    @subscription(
        description="Every task that matches: the unfinished ones as they are now, then each whenever it is created,"
        " starts, progresses or ends. A slow client skips states of a task and never falls behind.",
        graphql_type=Task,
    )
    async def tasks(self, info: Info, filter: Filter = UNSET) -> AsyncIterator[models.Task]:
        return watch.matching_tasks(info.context, plain(filter) or None)
