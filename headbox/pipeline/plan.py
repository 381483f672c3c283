"""The stream of a plan: what a sync would save is compared with what stands, and nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from headbox.errors import UnitConflict
from headbox.kinds import DeclaredContent
from headbox.models.database import fetch
from headbox.pipeline.batch import Batch
from headbox.pipeline.download import stored_sizes
from headbox.pipeline.fingerprint import Fingerprint
from headbox.pipeline.planned import Amount, Planned, PlannedArtifact, PlannedUnit, Standing
from headbox.pipeline.save import known_artifacts
from headbox.pipeline.stream import MAX_ISSUES, UnitStream
from headbox.tasking.engine import Engine
from headbox.tasking.progress import Progress, ProgressReport
from headbox.types import Origin, ProgressUnit

#: Memberships that are read at a time.
PAGE = 10_000


@dataclass(slots=True)
class PlanReading:
    """Implements `Reading` for a plan, whose progress nobody watches."""

    engine: Engine
    working_folder: Path
    progress: Progress = field(default_factory=Progress)

    def report(
        self, code: str, message: str, *, unit: ProgressUnit = ProgressUnit.ITEMS, total: int | None = None
    ) -> ProgressReport:
        """See `TaskContext.report`."""
        return self.progress.report(code, message, unit=unit, total=total)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The version that a plan is computed against, and what a sync does with what it holds.

    Attributes:
        going: How units came in that are removed where they are not declared.
    """

    repository_id: UUID
    number: int
    going: frozenset[Origin]


class PlanPipeline:
    """Takes everything that a remote declares to where sets can be compared, outside of the database.

    Args:
        engine: Has the database, which is only read.
        stream: What the remote declares.
        planned: Where it goes.
        fingerprint: Is told of every unit that was taken.
        baseline: What it is compared with.
    """

    def __init__(
        self, engine: Engine, stream: UnitStream, planned: Planned, fingerprint: Fingerprint, baseline: Baseline
    ) -> None:
        self._connection = engine.database.connection
        self._stream = stream
        self._planned = planned
        self._fingerprint = fingerprint
        self._baseline = baseline

    async def take(self, declared: AsyncIterator[DeclaredContent]) -> None:
        """Compare everything that is declared.

        Args:
            declared: What `SyncTask.declare` returns: an async generator. It has ended when this ends.

        Raises:
            HeadboxError: Metadata cannot be had.
            LimitExceeded: The remote declares more units than are taken, or too many of them are wrong.
        """
        generator = cast("AsyncGenerator[DeclaredContent, None]", declared)
        async with aclosing(self._stream.batches(generator)) as batches:
            async for batch in batches:
                await self._process(batch)
        if self._baseline.going:
            await self._take_in_what_goes()
        await asyncio.to_thread(self._planned.complete)
        await self._leave_out_conflicts()

    async def _process(self, batch: Batch) -> None:
        known = await known_artifacts(self._connection, batch.units)
        declared = await asyncio.to_thread(self._planned.known, [unit.id for unit in batch.units])
        batch.known = known | declared
        self._stream.leave_out(batch, batch.contradictions())
        if not batch.units:
            return
        await self._fingerprint.add(batch.units)
        stored = await stored_sizes(self._connection, batch)
        standing = await self._standing([unit.slot for unit in batch.units])
        await asyncio.to_thread(self._planned.add, batch, stored, standing)
        self._stream.arrived(batch)

    async def _standing(self, slots: Sequence[str]) -> list[Standing]:
        """Return the units that have these slots in the version."""
        marks = ", ".join("?" * len(slots))
        repository_id, number = str(self._baseline.repository_id), self._baseline.number
        # What a sync that runs has closed for the version that it prepares still stands.
        rows = await fetch(
            self._connection,
            "SELECT member.content_id, member.slot, member.origin, content.kind FROM ("  # noqa: S608
            " SELECT content_id, slot, origin FROM membership"
            f" WHERE repository_id = ? AND removed_in IS NULL AND slot IN ({marks}) AND added_in <= ?"
            " UNION ALL SELECT content_id, slot, origin FROM membership"
            f" WHERE repository_id = ? AND removed_in > ? AND slot IN ({marks}) AND added_in <= ?"
            ") AS member JOIN content ON content.id = member.content_id",
            [repository_id, *slots, number, repository_id, number, *slots, number],
        )
        return [self._standing_of(row) for row in rows]

    async def _take_in_what_goes(self) -> None:
        """Take in everything that a mirror removes unless it is declared."""
        repository_id, number = str(self._baseline.repository_id), self._baseline.number
        going = sorted(origin.value for origin in self._baseline.going)
        last = str(UUID(int=0))
        while rows := await fetch(
            self._connection,
            "SELECT membership.content_id, membership.slot, membership.origin, content.kind FROM membership"  # noqa: S608
            " JOIN content ON content.id = membership.content_id"
            " WHERE membership.repository_id = ? AND membership.content_id > ? AND membership.added_in <= ?"
            " AND (membership.removed_in IS NULL OR membership.removed_in > ?)"
            f" AND membership.origin IN ({', '.join('?' * len(going))})"
            f" ORDER BY membership.content_id LIMIT {PAGE}",
            [repository_id, last, number, number, *going],
        ):
            last = str(rows[-1]["content_id"])
            await asyncio.to_thread(self._planned.stand, [self._standing_of(row) for row in rows])

    def _standing_of(self, row: dict[str, Any]) -> Standing:
        goes = row["origin"] in self._baseline.going
        return Standing(str(row["content_id"]), row["kind"], str(row["slot"]), goes)

    async def _leave_out_conflicts(self) -> None:
        """Let no two units take the same place: the first one that was declared stays."""
        conflicts = await asyncio.to_thread(self._planned.conflicts, MAX_ISSUES + 1)
        for _, path in conflicts:
            self._stream.issue(UnitConflict(what=repr(path)), relative_path=path)
        left_out = [unit_id for unit_id, _ in conflicts]
        await self._fingerprint.leave_out(left_out)
        await asyncio.to_thread(self._planned.leave_out, left_out)

    async def removed(self, shown: int) -> tuple[dict[str, Amount], list[PlannedUnit]]:
        """Return what would be removed by kind, and the first units of it."""
        amounts: dict[str, Amount] = {}
        first: list[PlannedUnit] = []
        last = ""
        while page := await asyncio.to_thread(self._planned.removed, last):
            last = page[-1].id
            units = {unit.id: unit for unit in page}
            await self._find_artifacts(units)
            for unit in page:
                amount = amounts.setdefault(unit.kind, Amount())
                amount.count += 1
                for artifact in unit.artifacts:
                    amount.bytes += artifact.size or 0
                    amount.unknown_sizes += artifact.size is None
            first += page[: shown - len(first)]
        return amounts, first

    async def _find_artifacts(self, units: dict[str, PlannedUnit]) -> None:
        rows = await fetch(
            self._connection,
            "SELECT content_id, relative_path, sha256, size FROM content_artifact"  # noqa: S608
            f" WHERE content_id IN ({', '.join('?' * len(units))}) ORDER BY content_id, relative_path",
            list(units),
        )
        for row in rows:
            artifact = PlannedArtifact(row["relative_path"], row["sha256"], row["size"])
            units[str(row["content_id"])].artifacts.append(artifact)
