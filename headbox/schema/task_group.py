"""Task groups: where they are found, and how they are canceled."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import task_group as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, page_arguments
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.info import Info
from headbox.schema.task import TaskGroup


@strawberry.type(description="What became of a creation.")
class CreateTaskGroupPayload:
    """See `resolvers.task_group.create`."""

    task_group: TaskGroup | None = strawberry.field(description="The group with its tasks; null when there is none.")
    errors: list[UserError] = strawberry.field(description="Why there is none.")


@strawberry.type(description="What became of a cancellation.")
class CancelTaskGroupPayload:
    """See `resolvers.task_group.cancel`."""

    task_group: TaskGroup | None = strawberry.field(description="The group; null when nothing was canceled.")
    errors: list[UserError] = strawberry.field(description="Why nothing was canceled.")


@strawberry.type
class TaskGroupQueries:
    """Where task groups are found."""

    @field(description="All groups of tasks, the newest first.", graphql_type=Connection[TaskGroup])
    async def task_groups(self, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after))


@strawberry.type
class TaskGroupMutations:
    """What can be done with a group of tasks."""

    @mutation(
        description="End all waiting tasks of a group at once, and ask the running ones to end; those that are finished"
        " stay as they are.",
        graphql_type=CancelTaskGroupPayload,
    )
    async def cancel_task_group(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the group.")]
    ) -> dict[str, models.TaskGroup]:
        return {"task_group": await resolver.cancel(info.context, id)}
