"""What a repository misses."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

import strawberry

from headbox import models
from headbox.resolvers.current_remote import CurrentRemote
from headbox.schema.enums import ErrorCode
from headbox.schema.fields import field
from headbox.schema.info import Info, lazy

Row = strawberry.Parent[models.OpenIssue]


@strawberry.type(description="What a repository misses because its syncs left it out.")
class OpenIssue:
    """Stands over `models.OpenIssue`."""

    code: ErrorCode = strawberry.field(description="What went wrong the last time, for machines; stable.")
    message: str = strawberry.field(description="What went wrong the last time, for people.")
    retryable: bool = strawberry.field(description="Whether another sync may get it with nothing changed.")
    attempts: int = strawberry.field(description="How many syncs in a row have met it.")
    last_seen_at: datetime = strawberry.field(description="When a sync met it last.")
    next_try_at: datetime | None = strawberry.field(
        description="When the repository is synced again by itself to get it, unless somebody else syncs it before, or"
        " the server is set to do no such thing; null where that comes to the same until the metadata changes."
    )

    @field(description="When a sync met it first.", graphql_type=datetime)
    @staticmethod
    def first_seen_at(root: Row) -> datetime:
        return root.created_at

    @field(description="Address that it has to do with.", graphql_type=str | None)
    @staticmethod
    def url(root: Row) -> str | None:
        return root.url or None

    @field(description="Path of what is missing, where it is known.", graphql_type=str | None)
    @staticmethod
    def relative_path(root: Row) -> str | None:
        return root.relative_path or None

    @field(description="The remote that declared it.", graphql_type=lazy("Remote", "remote"))
    @staticmethod
    def remote(root: Row, info: Info) -> Awaitable[CurrentRemote | None]:
        return info.context.loaders.remote.load(root.remote_id)

    @field(description="The sync that met it last; null when that is gone.", graphql_type=lazy("Task", "task") | None)
    @staticmethod
    def task(root: Row, info: Info) -> Awaitable[models.Task | None]:
        return info.context.loaders.task.load(root.task_id)
