"""How many tasks ended lately."""

from __future__ import annotations

from datetime import datetime

import strawberry

from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.services.throughput import Minute


@strawberry.type(description="The tasks that ended within a minute.")
class TaskThroughput:
    """Stands over `services.throughput.Minute`."""

    since: datetime = strawberry.field(description="When the minute began.")
    completed: int = strawberry.field(description="How many completed.")
    failed: int = strawberry.field(description="How many failed.")
    canceled: int = strawberry.field(description="How many were canceled.")


@strawberry.type
class ThroughputQueries:
    """Where it is found how many tasks ended."""

    @field(
        description="How many tasks ended in each of the last 60 minutes, the oldest first; the last one is not over"
        " yet. At most a second old.",
        graphql_type=list[TaskThroughput],
    )
    async def task_throughput(self, info: Info) -> list[Minute]:
        return await info.context.looks.throughput.ask(info.context.connection)
