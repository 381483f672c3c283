"""From a task's row to the code that does its work."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from headbox.errors import NO_SPACE, HeadboxError, Internal, NotFound, StorageFull
from headbox.kinds import GarbageCollection, PublishTask, Reclaim, Repair, SyncTask, TaskPurge, TaskType, VersionTask
from headbox.models.database import TRANSIENT, is_full
from headbox.pipeline.run import Run
from headbox.services.addition import run_addition
from headbox.services.garbage import run_garbage_collection
from headbox.services.publish import run_publish
from headbox.services.purge import run_purge
from headbox.services.reclaim import run_reclaim
from headbox.services.repair import run_repair
from headbox.services.sync import run_sync
from headbox.tasking.lifecycle import Outcome

log = logging.getLogger(__name__)

#: Whose work is not their own to do. Each is handed the parameters, does the work, and finishes the task.
_RUNNERS: Mapping[type[TaskType], Callable[[Run, Any], Awaitable[None]]] = {
    SyncTask: run_sync,
    VersionTask: run_addition,
    PublishTask: run_publish,
    TaskPurge: run_purge,
    GarbageCollection: run_garbage_collection,
    Repair: run_repair,
    Reclaim: run_reclaim,
}


async def execute(run: Run) -> None:
    """Do the work of a task, and finish it in the transaction that makes the work visible.

    Raises:
        HeadboxError: It cannot be done.
        AttemptOver: This attempt no longer counts.
    """
    task_type = run.engine.registry.find(run.task.kind, TaskType)
    if task_type is None:
        raise NotFound(
            what="task type", key=run.task.kind, hint="Install the plugin that brings it; then repeat the task."
        )
    parameters = task_type.read(run.task.input)
    for base, run_task in _RUNNERS.items():
        if isinstance(parameters, base):
            await run_task(run, parameters)
            return
    with run.progress.action(run.task.kind.partition(".")[2]):
        await parameters.run(run)
    await run.finish(Outcome())


def expected(error: Exception, correlation_id: str) -> HeadboxError:
    """Return the error to show for whatever ended a task; a bug is logged here and shown without its insides."""
    if isinstance(error, HeadboxError):
        return error
    if isinstance(error, ExceptionGroup):
        return expected(error.exceptions[0], correlation_id)
    if is_full(error) or (isinstance(error, OSError) and error.errno in NO_SPACE):
        return StorageFull(what="the task's data")
    if is_transient(error):
        log.warning("a task could not go on without its database", exc_info=error)
        return Internal(correlation_id=correlation_id)
    log.error("a task failed for a reason that headbox does not know", exc_info=error)
    return Internal(correlation_id=correlation_id)


def is_transient(error: BaseException | None) -> bool:
    """Tell whether a task ended for a reason that lies in the database, and may not be there the next time."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_transient(inner) for inner in error.exceptions)
    return isinstance(error, TRANSIENT)
