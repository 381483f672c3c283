"""A plugin with a task type that does nothing until a test lets it."""

from __future__ import annotations

import asyncio
import logging

from pydantic import Field

from headbox.plugin_api import MetadataInvalid, Plugin, TaskContext, TaskType, exclusive

log = logging.getLogger(__name__)


class Gate:
    """Where tasks wait for a test.

    Attributes:
        began: Texts of the tasks that came, in order.
        ended: Texts of the tasks that went through, in order.
        waiting: Tasks that wait now.
        peak: Most tasks that waited side by side.
    """

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.waiting = 0
        self.peak = 0
        self._is_open = asyncio.Event()
        self._moved = asyncio.Condition()

    def open(self) -> None:
        """Let everybody through, now and later."""
        self._is_open.set()

    async def holds(self, waiting: int) -> None:
        """Return once so many tasks wait here."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.waiting == waiting)

    async def pass_through(self, text: str) -> None:
        """Wait until the gate is open."""
        self.began.append(text)
        await self._move(1)
        self.peak = max(self.peak, self.waiting)
        try:
            await self._is_open.wait()
        finally:
            await self._move(-1)
        self.ended.append(text)

    async def _move(self, step: int) -> None:
        self.waiting += step
        async with self._moved:
            self._moved.notify_all()


#: The gates of this process by name; a test uses a name of its own.
gates: dict[str, Gate] = {}


class WaitTask(TaskType, kind="gate.wait", claims=(exclusive("resource"),)):
    """Wait at a gate, holding a resource."""

    resource: str = Field("anything", description="What the task holds.")
    gate: str = Field(description="Name of the gate.")
    text: str = Field("", description="What the gate notes.")
    says: str = Field("", description="What it logs before and behind the gate.")
    fails: bool = Field(False, description="Whether it fails behind the gate.")

    async def run(self, ctx: TaskContext) -> None:
        """See `TaskType.run`."""
        report = ctx.report("gate.wait", "Waiting", total=2)
        (ctx.working_folder / "scratch").write_bytes(b"scratch")
        report.add()
        self._say("before")
        await gates[self.gate].pass_through(self.text)
        self._say("behind")
        report.add()
        if self.fails:
            raise MetadataInvalid(url="gate:", reason="a test wants it so")

    def _say(self, where: str) -> None:
        if self.says:
            log.warning("%s the gate: %s", where, self.says, extra={"where": where})


gate_plugin = Plugin(
    name="gate",
    version="1",
    description="Tasks that wait.",
    documents=(),
    tasks=(WaitTask,),
)
