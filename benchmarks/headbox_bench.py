"""A plugin whose task does as little as a task can: what is measured is all that is around it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pydantic import Field

import headbox.plugin_api as api

#: Between two steps that are told of: more often than states are sent.
STEP_MILLISECONDS = 50


class BenchTask(api.TaskType, kind="bench.task", claims=(api.exclusive("repository"),)):
    """Hold a repository for a while, or do nothing at all."""

    repository: UUID = Field(description="Repository that is held.")
    milliseconds: int = Field(0, description="How long it is held.")
    reports: bool = Field(False, description="Whether it tells how far it is, twenty times a second.")

    async def run(self, ctx: api.TaskContext) -> None:
        """See `TaskType.run`."""
        if self.reports:
            steps = self.milliseconds // STEP_MILLISECONDS
            report = ctx.report("steps", "Holding the repository", total=steps)
            for _ in range(steps):
                await asyncio.sleep(STEP_MILLISECONDS / 1000)
                report.add()
        elif self.milliseconds:
            await asyncio.sleep(self.milliseconds / 1000)


plugin = api.Plugin(
    name="bench",
    version="1.0.0",
    description="Tasks that do next to nothing.",
    documents=(),
    tasks=(BenchTask,),
)
