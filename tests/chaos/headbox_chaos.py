"""A plugin whose tasks write down that they hold what they claim, in a file that only grows.

It is laid beside headbox as a distribution of its own; the processes that run it find the file by CHAOS_RECORD.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from uuid import UUID

from pydantic import Field

import headbox.plugin_api as api


class _Holding(api.TaskType):
    """Hold something for a while."""

    repository: UUID = Field(description="Repository that is held.")
    milliseconds: int = Field(description="How long it is held.")

    async def run(self, ctx: api.TaskContext) -> None:
        """See `TaskType.run`."""
        # The working folder is named for the task and the attempt.
        task, _, attempt = ctx.working_folder.name.rpartition(".")
        entry = {"task": task, "attempt": int(attempt), "pid": os.getpid(), "repository": str(self.repository)}
        entry["is_exclusive"] = isinstance(self, ChaosHold)
        report = ctx.report("chaos.hold", "Holding", total=2)
        end = "ended"
        _write({**entry, "event": "began"})
        try:
            report.add()
            await asyncio.sleep(self.milliseconds / 1000)
            report.add()
        except asyncio.CancelledError:
            end = "interrupted"
            raise
        finally:
            _write({**entry, "event": end})


class ChaosHold(_Holding, kind="chaos.hold", claims=(api.exclusive("repository"),)):
    """Hold a repository alone."""


class ChaosLook(_Holding, kind="chaos.look", claims=(api.shared("repository"),)):
    """Hold a repository together with others."""


def _write(entry: dict[str, object]) -> None:
    """Append one line in one write, which the system does not mix with those of other processes."""
    # The clock is the same for all processes of a machine.
    line = json.dumps({"at": time.monotonic(), **entry}) + "\n"
    file = os.open(os.environ["CHAOS_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


plugin = api.Plugin(
    name="chaos",
    version="1.0.0",
    description="Tasks that hold what they claim, and say so.",
    documents=(),
    tasks=(ChaosHold, ChaosLook),
)
