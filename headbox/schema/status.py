"""The status of the server."""

from __future__ import annotations

import strawberry

from headbox import __version__
from headbox.kinds import Plugin
from headbox.resolvers import status as resolver
from headbox.resolvers import task as task_resolver
from headbox.resolvers import worker as worker_resolver
from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.schema.scalars import BigInt
from headbox.schema.task import TaskCounts


@strawberry.type(description="A plugin that is installed.")
class PluginInfo:
    """Stands over `kinds.Plugin`."""

    name: str = strawberry.field(description="Its name: the first part of all its kinds.")
    version: str = strawberry.field(description="Its version.")
    description: str = strawberry.field(description="What it is for.")


@strawberry.type(description="Whether something that the server needs works.")
class ComponentStatus:
    """Stands over `resolvers.status.ComponentStatus`."""

    name: str = strawberry.field(description="What it is.")
    ok: bool = strawberry.field(description="Whether it works.")
    detail: str | None = strawberry.field(description="What is wrong, or what else there is to know.")


@strawberry.type(description="The server as it is now. What it needs is tried when it is asked for.")
class Status:
    """Has no row: it is asked for field by field."""

    @field(description="Version of headbox.", graphql_type=str)
    @staticmethod
    def version() -> str:
        return __version__

    @field(description="The plugins that are installed, by name.", graphql_type=list[PluginInfo])
    @staticmethod
    def plugins(info: Info) -> tuple[Plugin, ...]:
        return info.context.registry.plugins

    @field(description="The database.", graphql_type=ComponentStatus)
    @staticmethod
    async def database(info: Info) -> resolver.ComponentStatus:
        return await resolver.database(info.context)

    @field(description="What carries messages to workers.", graphql_type=ComponentStatus)
    @staticmethod
    async def broker(info: Info) -> resolver.ComponentStatus:
        return await resolver.broker(info.context)

    @field(
        description="What carries events to subscriptions, and tells running tasks to end.",
        graphql_type=ComponentStatus,
    )
    @staticmethod
    async def bus(info: Info) -> resolver.ComponentStatus:
        return await resolver.bus(info.context)

    @field(description="Where artifacts are stored.", graphql_type=ComponentStatus)
    @staticmethod
    async def storage(info: Info) -> resolver.ComponentStatus:
        return await resolver.storage(info.context)

    @field(
        description="How many stored artifacts are known to be missing or damaged, and are served to nobody:"
        " `createRepair` fetches them again where it can, and tells of the rest.",
        graphql_type=BigInt,
    )
    @staticmethod
    async def damaged_artifacts(info: Info) -> int:
        return await resolver.damaged_artifacts(info.context)

    @field(description="How many workers live.", graphql_type=int)
    @staticmethod
    async def workers_online(info: Info) -> int:
        return len(await worker_resolver.online(info.context))

    @field(description="How many tasks are in each state.", graphql_type=TaskCounts)
    @staticmethod
    async def tasks(info: Info) -> dict[str, int]:
        return await task_resolver.counts(info.context.connection)


@strawberry.type
class StatusQueries:
    """Where the status is found."""

    @field(description="How the server and what it needs are doing.", graphql_type=Status)
    @staticmethod
    def status() -> object:
        return object()
