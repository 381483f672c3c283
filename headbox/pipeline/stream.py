"""The beginning of the stream: what a plugin declares, checked, in batches.

A sync saves the batches, a plan compares them; both see the same ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

from headbox.errors import HeadboxError, LimitExceeded, TaskError, UnitConflict
from headbox.kinds import ContentUnit, DeclaredContent
from headbox.pipeline.batch import Batch, Unit, prepare
from headbox.pipeline.run import Reading
from headbox.types import OnError, TotalKind, storable

#: Units that go through the pipeline together: few at first, so that nobody waits for long, and then twice as many each
#: time, for the more there are, the less the database has to do for each.
FIRST_BATCH_UNITS, BATCH_UNITS = 1000, 8000
#: Units that are parsed before everything else on the event loop gets its turn.
UNITS_A_TURN = 100
#: Units that one sync leaves out; where there are more, its remote is not what it was taken for.
MAX_ISSUES = 10_000


class LeftOut(NamedTuple):
    """A unit that is left out, and why."""

    error: HeadboxError
    relative_path: str | None


class UnitStream:
    """What a remote declares.

    Args:
        reading: Whoever reads it.
        kinds: Kinds of content that the repository holds.
        on_error: What to do about a unit that cannot be had.
        estimated_units: Units of the last sync, or None.

    Attributes:
        issues: What was left out and nobody has taken from here yet.
        issue_count: How many units were left out.
        unit_count: How many units the batches had.
    """

    def __init__(
        self,
        reading: Reading,
        *,
        kinds: tuple[type[ContentUnit], ...],
        on_error: OnError,
        estimated_units: int | None,
    ) -> None:
        self._reading = reading
        self._kinds = kinds
        self._on_error = on_error
        self.issues: list[LeftOut] = []
        self.issue_count = 0
        self.unit_count = 0
        self._is_ending = False
        # Units on their way to the database. What was left out stays here: it is left out wherever it is declared.
        self._under_way: dict[str, Unit] = {}
        self._discovered = reading.report("sync.discover.content", "Reading what the remote holds")
        self._discovered.expect(estimated_units, TotalKind.ESTIMATED)

    def issue(self, error: HeadboxError, *, relative_path: str | None = None) -> None:
        """Note a unit that is left out, or end the sync with its error; see `SyncContext.issue`."""
        if self._on_error is OnError.FAIL:
            raise error
        self.issue_count += 1
        if self.issue_count > MAX_ISSUES:
            raise LimitExceeded(what="The number of units left out", limit=MAX_ISSUES)
        self._reading.report("sync.issues", "Left out").add()
        self.issues.append(LeftOut(error, relative_path and storable(relative_path)))

    def leave_out(self, batch: Batch, failures: Mapping[str, tuple[HeadboxError, str]]) -> None:
        """Take units out of a batch.

        Args:
            batch: The batch.
            failures: Unit id -> why, and the path that it is about.
        """
        for error, relative_path in failures.values():
            self.issue(error, relative_path=relative_path)
        if failures:
            batch.units = [unit for unit in batch.units if unit.id not in failures]

    def arrived(self, batch: Batch) -> None:
        """Say that the units of a batch can be looked up by now."""
        for unit in batch.units:
            del self._under_way[unit.id]

    def end(self) -> None:
        """Let the stream end where it is, and the plugin's generator be closed."""
        self._is_ending = True

    def all_discovered(self) -> None:
        """Say that no more batches will come."""
        self._discovered.expect(self.unit_count)

    async def batches(self, declared: AsyncGenerator[DeclaredContent, None]) -> AsyncGenerator[Batch, None]:
        """Yield what is declared, each unit once for as long as it is on its way.

        Raises:
            LimitExceeded: The remote declares more units than are taken.
        """
        limit = self._reading.engine.settings.download.max_units
        units: list[Unit] = []
        # Closed here, and not when it is collected: what a plugin does at the end belongs to its task.
        async with aclosing(_turns(declared)) as turns:
            async for turn in turns:
                if self._is_ending:
                    return
                units += self._new_units(turn)
                if len(units) >= min(max(self.unit_count, FIRST_BATCH_UNITS), BATCH_UNITS):
                    yield self._batch(units, limit)
                    units = []
        if units:
            yield self._batch(units, limit)

    def _new_units(self, declared: Sequence[DeclaredContent]) -> list[Unit]:
        """Return what of these can be and was not declared before."""
        units: list[Unit] = []
        prepared = prepare(declared, self._kinds, max_bytes=self._reading.engine.settings.download.max_artifact_bytes)
        for unit, (_, artifacts) in zip(prepared, declared, strict=True):
            if isinstance(unit, TaskError):
                self.issue(unit, relative_path=artifacts[0].relative_path if artifacts else None)
            elif (first := self._under_way.setdefault(unit.id, unit)) is unit:
                units.append(unit)
            elif path := unit.contradicted_by({known.relative_path: known.sha256 for known in first.artifacts}):
                self.issue(UnitConflict(what=path), relative_path=path)
        self._discovered.add(len(units))
        return units

    def _batch(self, units: list[Unit], limit: int) -> Batch:
        batch = Batch(units, first_ordinal=self.unit_count)
        self.unit_count += len(units)
        if self.unit_count > limit:
            raise LimitExceeded(what="The number of content units that the remote declares", limit=limit)
        return batch


async def _turns(declared: AsyncGenerator[DeclaredContent, None]) -> AsyncGenerator[list[DeclaredContent], None]:
    """Yield what is declared, some at a time, and let everything else on the event loop have its turn in between.

    A generator that only parses never waits: without this, nothing else would move on meanwhile.
    """
    turn: list[DeclaredContent] = []
    async with aclosing(declared):
        async for content in declared:
            turn.append(content)
            if len(turn) == UNITS_A_TURN:
                yield turn
                turn = []
                await asyncio.sleep(0)
    if turn:
        yield turn
