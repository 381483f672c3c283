"""How much is stored."""

from __future__ import annotations

from datetime import datetime

import strawberry

from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.schema.scalars import BigInt
from headbox.services import storage_stats as service


@strawberry.type(description="How much is stored.")
class StorageStats:
    """Stands over `services.storage_stats.StorageStats`."""

    as_of: datetime = strawberry.field(description="When it was counted; at most a minute ago.")
    artifacts: BigInt = strawberry.field(description="How many artifacts are stored.")
    bytes: BigInt = strawberry.field(description="Their sizes together.")
    unused_artifacts: BigInt = strawberry.field(
        description="How many of them nothing needed when a garbage collection looked last: the next ones delete them."
    )
    unused_bytes: BigInt = strawberry.field(description="The sizes of those together.")
    damaged_artifacts: BigInt = strawberry.field(
        description="How many of them are known to be missing or damaged: `createRepair` fetches them again."
    )
    uploads: BigInt = strawberry.field(description="How many uploads are not finished.")
    upload_bytes: BigInt = strawberry.field(description="How many bytes of those have come so far.")


@strawberry.type
class StorageStatsQueries:
    """Where it is found how much is stored."""

    @field(description="How much is stored.", graphql_type=StorageStats)
    async def storage_stats(self, info: Info) -> service.StorageStats:
        return await info.context.looks.storage.ask(info.context.connection)
