"""Garbage collections: asked for, due by the settings, planned and run."""

from __future__ import annotations

from datetime import timedelta
from weakref import WeakKeyDictionary

from headbox.errors import LimitExceeded
from headbox.kinds import GarbageCollection
from headbox.models import Task
from headbox.models.database import fetch, now
from headbox.pipeline.run import Run
from headbox.services import survey
from headbox.services import task as tasks
from headbox.services.collection import Collection
from headbox.services.documents import checked
from headbox.services.survey import Found
from headbox.settings import Settings
from headbox.storage.interface import ArtifactStorage
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import UNFINISHED_STATES, TaskPriority

#: How long a plan looks for what can go, in seconds; a dry run takes the time that it takes.
PLAN_SECONDS = 10.0
#: Most plans that one process makes at a time.
MAX_PLANS = 2

_plans_under_way: WeakKeyDictionary[Engine, int] = WeakKeyDictionary()


async def create(
    work: UnitOfWork, *, grace_seconds: float | None = None, priority: TaskPriority = TaskPriority.NORMAL
) -> Task:
    """Create a garbage collection; see `GarbageCollection` for the grace.

    Raises:
        RequestError: The grace cannot be.
    """
    return await tasks.create(work, GarbageCollection, {"grace_seconds": grace_seconds}, priority=priority)


async def create_due(engine: Engine) -> None:
    """Create a collection where the last one is as long ago as the settings say."""
    hours = engine.settings.garbage.interval_hours
    if not hours:
        return
    connection = engine.database.connection
    before = await now(connection) - timedelta(hours=hours)
    last = await Task.filter(kind=GarbageCollection.kind).using_db(connection).order_by("-id").first()
    if last is None:
        # Not as the first thing in an installation's life: workers that have stopped are remembered for days.
        is_due = bool(await fetch(connection, "SELECT 1 FROM worker WHERE created_at <= ? LIMIT 1", [before]))
    else:
        is_due = last.state not in UNFINISHED_STATES and last.created_at <= before
    if is_due:
        async with engine.unit_of_work() as work:
            await create(work, priority=TaskPriority.LOW)


async def plan(engine: Engine, storage: ArtifactStorage, grace_seconds: float | None) -> Found:
    """Return what a collection would delete now.

    Raises:
        Invalid: The grace cannot be.
        LimitExceeded: Too many plans are made at once.
        StorageUnavailable: The storage cannot be asked.
    """
    parameters = checked(GarbageCollection, {"grace_seconds": grace_seconds})
    if _plans_under_way.get(engine, 0) >= MAX_PLANS:
        raise LimitExceeded(
            what="The number of plans that are made at a time", limit=MAX_PLANS, hint="Try again later."
        )
    _plans_under_way[engine] = _plans_under_way.get(engine, 0) + 1
    try:
        grace = grace_of(parameters.grace_seconds, engine.settings)
        return await survey.survey(engine.database.connection, storage, grace, seconds=PLAN_SECONDS)
    finally:
        _plans_under_way[engine] -= 1


async def run_garbage_collection(run: Run, parameters: GarbageCollection) -> None:
    """Delete what nothing has needed for the grace, or count it, and finish the task.

    Raises:
        AttemptOver: This attempt no longer counts; what is deleted stays deleted.
        StorageUnavailable: Bytes cannot be deleted now; the next collection goes on.
    """
    grace = grace_of(parameters.grace_seconds, run.engine.settings)
    found = await (_count(run, grace) if parameters.dry_run else _collect(run, grace))
    await run.finish(Outcome(found.as_result()))


def grace_of(seconds: float | None, settings: Settings) -> timedelta:
    """Return the grace that is asked for, or else that of the settings."""
    return timedelta(hours=settings.garbage.grace_hours) if seconds is None else timedelta(seconds=seconds)


async def _count(run: Run, grace: timedelta) -> Found:
    with run.progress.action("survey"):
        report = run.report("garbage.survey.rows", "Looking for what nothing needs")
        return await survey.survey(run.engine.database.connection, run.storage, grace, on_looked_at=report.add)


async def _collect(run: Run, grace: timedelta) -> Found:
    collection = Collection(run, grace)
    with run.progress.action("mark"):
        await collection.mark()
    with run.progress.action("sweep"):
        await collection.sweep()
    return collection.found
