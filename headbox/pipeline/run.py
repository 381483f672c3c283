"""One attempt at a task, as the code that does the work sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from headbox.models import Task
from headbox.models.database import is_sqlite
from headbox.storage.interface import ArtifactStorage
from headbox.tasking import lifecycle
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.tasking.lifecycle import Attempt, Outcome
from headbox.tasking.progress import Progress, ProgressReport
from headbox.types import ProgressUnit

ResultT = TypeVar("ResultT")


class Reading(Protocol):
    """Whoever reads what a remote holds: a running task, or a plan."""

    @property
    def engine(self) -> Engine:
        """What the process shares."""

    @property
    def working_folder(self) -> Path:
        """A private folder, removed at the end."""

    def report(
        self, code: str, message: str, *, unit: ProgressUnit = ProgressUnit.ITEMS, total: int | None = None
    ) -> ProgressReport:
        """See `TaskContext.report`."""


@dataclass(slots=True)
class Run:
    """What a running task has: implements `TaskContext`."""

    engine: Engine
    storage: ArtifactStorage
    task: Task
    working_folder: Path
    progress: Progress = field(default_factory=Progress)
    #: Set before the final state is told, so that no state of the running task is told after it.
    is_ending: bool = False
    #: Attempts at other tasks that this one ends together with its own.
    companions: list[Attempt] = field(default_factory=list)

    @property
    def attempt(self) -> Attempt:
        """The fence of every write of this run."""
        return Attempt(self.task.id, self.task.attempt)

    def report(
        self, code: str, message: str, *, unit: ProgressUnit = ProgressUnit.ITEMS, total: int | None = None
    ) -> ProgressReport:
        """See `TaskContext.report`."""
        return self.progress.report(code, message, unit=unit, total=total)

    async def write(self, step: Callable[[UnitOfWork], Awaitable[ResultT]]) -> ResultT:
        """Run a step as one transaction that counts only while this attempt does; see `Engine.transact`.

        Args:
            step: As there; the progress that it makes counts once.

        Raises:
            AttemptOver: The attempt does not count any more; nothing was written.
        """
        actions = list(self.progress.actions)

        async def held(work: UnitOfWork) -> ResultT:
            self.progress.actions[:] = actions
            await lifecycle.hold(work.connection, self.attempt)
            return await step(work)

        return await self.engine.transact(held)

    async def finish(self, outcome: Outcome) -> None:
        """Finish the task, where there is nothing to make visible with that.

        Raises:
            AttemptOver: The attempt does not count any more.
        """
        is_one_statement = not is_sqlite(self.engine.database.connection)
        await self.engine.transact(lambda work: self.complete(work, outcome), is_one_statement=is_one_statement)

    async def complete(self, work: UnitOfWork, outcome: Outcome) -> None:
        """Finish the task, in the transaction that makes its work visible."""
        self.is_ending = True
        await lifecycle.complete(work, self.attempt, outcome, self.progress.document())
