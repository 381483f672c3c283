"""A plugin whose task does as little as a task can: what is measured is all that is around it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pydantic import Field

import headbox.plugin_api as api


class BenchTask(api.TaskType, kind="bench.task", claims=(api.exclusive("repository"),)):
    """Hold a repository for a while, or do nothing at all."""

    repository: UUID = Field(description="Repository that is held.")
    milliseconds: int = Field(0, description="How long it is held.")

    async def run(self, ctx: api.TaskContext) -> None:
        """See `TaskType.run`."""
        if self.milliseconds:
            await asyncio.sleep(self.milliseconds / 1000)


plugin = api.Plugin(
    name="bench",
    version="1.0.0",
    description="Tasks that do next to nothing.",
    documents=(),
    tasks=(BenchTask,),
)
