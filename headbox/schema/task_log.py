"""The logs of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import strawberry

from headbox.resolvers import task_log as resolver
from headbox.resolvers.task_log import NewLines
from headbox.schema.connection import ConnectionFields, Edge
from headbox.schema.fields import subscription
from headbox.schema.info import Info
from headbox.schema.scalars import JSON, BigInt
from headbox.schema.streams import begun
from headbox.schema.task import TaskId


@strawberry.type(description="Something that a task said while it ran.")
class LogLine:
    """Stands over `models.TaskLogLine`, and over the document of one."""

    number: BigInt = strawberry.field(description="Its place in the task's log, from 1 and without gaps.")
    attempt: int = strawberry.field(description="Number of the attempt at the task that said it, from 1.")
    logged_at: datetime = strawberry.field(description="When it was said.")
    level: str = strawberry.field(description="How severe it is: `debug`, `info`, `warning`, `error` or `critical`.")
    logger: str = strawberry.field(description="Which part of headbox or of a plugin said it.")
    message: str = strawberry.field(description="What was said; at most 4,096 characters, without credentials.")
    extra: JSON = strawberry.field(
        description="What was given beside the message: an object of texts, numbers, truths and nulls by name."
    )


@strawberry.type(description="A page of a task's log.")
class LogLineConnection(ConnectionFields):
    """See `resolvers.task_log.LogPage`."""

    edges: list[Edge[LogLine]] = strawberry.field(description="What the page has, in the order of the log.")
    dropped: BigInt = strawberry.field(description="How many lines of the log are gone: the oldest ones.")


@strawberry.type(description="New lines of a task's log.")
class TaskLogUpdate:
    """See `resolvers.task_log.NewLines`."""

    lines: list[LogLine] = strawberry.field(
        description="The lines, in order; there may be none in the first message and in the last one."
    )
    dropped: BigInt = strawberry.field(
        description="How many lines between these and those of the message before are gone: it was a long log, or a"
        " slow client."
    )
    ended: bool = strawberry.field(
        description="Whether this is the last message, since the task has ended. A stream that completes without it was"
        " completed by a server that stops: subscribe again."
    )


@strawberry.type
class TaskLogSubscriptions:
    """How logs are watched."""

    @subscription(
        description="The log of a task: the first message comes at once and has all lines so far, the others have those"
        " that were written since, once a second at the most. The stream completes when the task has ended.",
        graphql_type=TaskLogUpdate,
    )
    async def task_log(self, info: Info, id: TaskId) -> AsyncIterator[NewLines]:
        return await begun(resolver.watch(info.context, id))
