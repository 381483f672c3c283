"""Workers."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

import strawberry

from headbox import models
from headbox.resolvers import worker as resolver
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy
from headbox.schema.node import Node

Row = strawberry.Parent[models.Worker]


@strawberry.type(description="A process that does tasks. A process that starts again is another worker.")
class Worker(Node):
    """Stands over `models.Worker`."""

    name: str = strawberry.field(description="Host and process.")
    last_seen_at: datetime = strawberry.field(description="When it last said that it lives.")

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
    def current_task(root: Row, info: Info) -> Awaitable[models.Task | None]:
        return info.context.loaders.current_task.load(root.id)


@strawberry.type
class WorkerQueries:
    """Where workers are found."""

    @field(description="The workers that live, the oldest first.", graphql_type=list[Worker])
    async def workers(self, info: Info) -> list[models.Worker]:
        return await resolver.online(info.context)
