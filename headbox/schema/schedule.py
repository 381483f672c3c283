"""Schedules."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import schedule as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, page_arguments
from headbox.schema.enums import MissedRuns, ScheduleOutcome
from headbox.schema.errors import Expected, UserError
from headbox.schema.fields import field, mutation
from headbox.schema.filters import ScheduleFilter
from headbox.schema.info import Info
from headbox.schema.inputs import IDEMPOTENCY_KEY, LABELS, plain
from headbox.schema.node import Node
from headbox.schema.scalars import JSON
from headbox.schema.task import Task

Row = strawberry.Parent[models.Schedule]
ScheduleId = Annotated[strawberry.ID, strawberry.argument(description="Id of the schedule.")]
NAME = "Its name: no other schedule has it; 1 to 255 characters."
CRON = (
    "When it is due: minute, hour, day of the month, month and day of the week, as crontab(5) has them, such as"
    " `30 3 * * MON-FRI`; at most 255 characters."
)
TIME_ZONE = (
    "The time zone that `cron` is read in, as the IANA database names it, such as `Europe/Berlin`. What is due at a"
    " fixed hour is due once on days when clocks are set forward or back."
)
MISSED_RUNS = "What becomes of runs that nobody made in time, because no worker ran: within a minute, a run is in time."
ENABLED = "False pauses it."


@strawberry.type(description="A task that is created whenever a cron expression says so.")
class Schedule(Node):
    """Stands over `models.Schedule`."""

    name: str = strawberry.field(description=NAME)
    labels: JSON = strawberry.field(description=LABELS)
    revision: int = strawberry.field(description="One more at every change of the schedule itself; from 1.")
    created_at: datetime = strawberry.field(description="When it was created.")
    cron: str = strawberry.field(description=CRON)
    time_zone: str = strawberry.field(description=TIME_ZONE)
    missed_runs: MissedRuns = strawberry.field(description=MISSED_RUNS)
    enabled: bool = strawberry.field(description=ENABLED)
    task_kind: str = strawberry.field(description="Kind of the tasks that it creates, such as `file.sync`.")
    task_input: JSON = strawberry.field(
        description="What it creates: the input `task`, as the client gave it. It is checked again whenever it is due."
    )
    next_run_at: datetime | None = strawberry.field(
        description="When it is due next; null while it is paused, and when `cron` never holds again."
    )
    last_run_at: datetime | None = strawberry.field(description="When it last ran or was due; null before that.")
    last_outcome: ScheduleOutcome | None = strawberry.field(description="What came of that; null before it.")
    last_error: UserError | None = strawberry.field(
        description="Why no task could be created then; null when one was, or none was to be."
    )

    @field(
        description="The user who created it or changed it last; that of its tasks. Null where nobody was named.",
        graphql_type=str | None,
    )
    @staticmethod
    def user(root: Row) -> str | None:
        return root.requested_by

    @field(
        description="The task that it created last. While that is not finished, no other one is created when it is"
        " due. Null when it created none, or that is gone.",
        graphql_type=Task | None,
    )
    @staticmethod
    def last_task(root: Row, info: Info) -> Awaitable[models.Task | None] | None:
        return info.context.loaders.task.load(root.last_task_id) if root.last_task_id else None


@strawberry.type(description="What became of a creation.")
class CreateSchedulePayload:
    """See `resolvers.schedule.create`."""

    schedule: Schedule | None = strawberry.field(description="The schedule; null when there is none.")
    errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type(description="What became of an update.")
class UpdateSchedulePayload:
    """See `resolvers.schedule.update`."""

    schedule: Schedule | None = strawberry.field(description="The schedule; null when nothing was changed.")
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="What became of a deletion.")
class DeleteSchedulePayload:
    """See `resolvers.schedule.delete`."""

    schedule: Schedule | None = strawberry.field(description="The schedule as it was; null when it still is.")
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type(description="What became of a run that was asked for.")
class RunSchedulePayload:
    """See `resolvers.schedule.run`."""

    schedule: Schedule | None = strawberry.field(description="The schedule; null when no task was created.")
    task: Task | None = strawberry.field(description="The task; null when there is none.")
    errors: list[UserError] = strawberry.field(description="Why there is none.")


@strawberry.input(description="A schedule, as far as it tells when it is due.")
class PlanScheduleInput:
    """See `resolvers.schedule.plan`."""

    cron: str = strawberry.field(description=CRON)
    time_zone: str = strawberry.field(description=TIME_ZONE, default="UTC")
    runs: int = strawberry.field(description=f"How many runs are told; at most {resolver.MAX_RUNS}.", default=5)


@strawberry.type(description="When a schedule would be due.")
class SchedulePlan:
    """See `resolvers.schedule.plan`."""

    runs: list[datetime] = strawberry.field(
        description="When it would be due, the soonest first; fewer than asked for where one is 50 years away."
    )
    errors: list[UserError] = strawberry.field(description="Why it is not known.")


async def _plan(
    info: Info, input: Annotated[PlanScheduleInput, strawberry.argument(description="Which schedule.")]
) -> dict[str, Any]:
    return {"runs": await resolver.plan(info.context, input.cron, input.time_zone, input.runs)}


@strawberry.type
class ScheduleQueries:
    """Where schedules are found."""

    plan_schedule: SchedulePlan = strawberry.field(
        resolver=_plan,
        graphql_type=SchedulePlan,
        description="When a schedule would be due, before it is created or changed.",
        extensions=[Expected(runs=[])],
    )

    @field(description="All schedules, by name.", graphql_type=Connection[Schedule])
    async def schedules(
        self,
        info: Info,
        filter: Annotated[ScheduleFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), filter=plain(filter) or None)

    @field(description="The schedule with a name; null where there is none.", graphql_type=Schedule | None)
    async def schedule(
        self, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> models.Schedule | None:
        return await resolver.find(name)


@strawberry.type
class ScheduleMutations:
    """What can be done with a schedule, whatever it creates."""

    @mutation(description="Delete a schedule; the tasks that it created stay.", graphql_type=DeleteSchedulePayload)
    async def delete_schedule(self, info: Info, id: ScheduleId) -> dict[str, Any]:
        return {"schedule": await resolver.delete(info.context, id)}

    @mutation(
        description="Create the task of a schedule now, whether it is due or paused, or its last task is not finished.",
        graphql_type=RunSchedulePayload,
    )
    async def run_schedule(
        self,
        info: Info,
        id: ScheduleId,
        idempotency_key: Annotated[str | None, strawberry.argument(description=IDEMPOTENCY_KEY)] = UNSET,
    ) -> dict[str, Any]:
        schedule, task = await resolver.run(info.context, id, idempotency_key or None)
        return {"schedule": schedule, "task": task}
