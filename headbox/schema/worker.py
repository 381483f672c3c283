"""Workers."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import worker as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Before, Connection, First, Last, page_arguments
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy, list_of
from headbox.schema.node import Node

Row = strawberry.Parent[models.Worker]


@strawberry.type(description="A process that does tasks. A process that starts again is another worker.")
class Worker(Node):
    """Stands over `models.Worker`."""

    name: str = strawberry.field(description="Host and process.")
    last_seen_at: datetime = strawberry.field(description="When it last said that it lives.")
    stopped_at: datetime | None = strawberry.field(
        description="When it stopped in good order; null while it runs, and when it was lost."
    )

    @field(description="When it started.", graphql_type=datetime)
    @staticmethod
    def started_at(root: Row) -> datetime:
        return root.created_at

    @field(description="Whether it was seen lately and has not stopped.", graphql_type=bool)
    @staticmethod
    def online(root: Row, info: Info) -> bool:
        return resolver.is_online(info.context, root)

    @field(
        description="The task that it does now; the oldest of them when it does several.",
        graphql_type=lazy("Task", "task") | None,
    )
    @staticmethod
    async def current_task(root: Row, info: Info) -> models.Task | None:
        return next(iter(await info.context.loaders.current_tasks.load(root.id)), None)

    @field(
        description="The tasks that it does now, side by side, the oldest first.",
        graphql_type=list_of(lazy("Task", "task")),
    )
    @staticmethod
    def current_tasks(root: Row, info: Info) -> Awaitable[list[models.Task]]:
        return info.context.loaders.current_tasks.load(root.id)


@strawberry.type
class WorkerQueries:
    """Where workers are found."""

    @field(description="The workers that live, the oldest first.", graphql_type=list[Worker])
    async def workers(self, info: Info) -> list[models.Worker]:
        return await resolver.online(info.context)

    @field(
        description="All workers that are remembered, those that have stopped or were lost too, the newest first.",
        graphql_type=Connection[Worker],
    )
    async def all_workers(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after, last, before))
