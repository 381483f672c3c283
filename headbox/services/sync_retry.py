"""Syncs that nobody asked for: of repositories that miss content which another try may get."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError
from headbox.kinds import SyncTask
from headbox.models import Repository, Task
from headbox.models.database import Connection, fetch, lock_row, now
from headbox.services import open_issue as open_issues
from headbox.services import task as tasks
from headbox.services.task import SyncRequest
from headbox.tasking import correlation
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import UNFINISHED_STATES, OnError, TaskPriority

#: Most repositories that are looked at a time; the others follow a moment later.
BATCH = 50
#: The labels of such a sync.
LABELS = {"headbox/retry": "open issues"}

log = logging.getLogger(__name__)


async def create_due(engine: Engine) -> None:
    """Create the syncs that are due; several processes may try it at once."""
    if not engine.settings.sync.retry:
        return
    connection = engine.database.connection
    statement = f"SELECT DISTINCT repository_id FROM open_issue WHERE next_try_at <= ? LIMIT {BATCH}"  # noqa: S608
    for row in await fetch(connection, statement, [await now(connection)]):
        with correlation.correlated(correlation.accepted(None)):
            await _retry(engine, UUID(str(row["repository_id"])))


async def _retry(engine: Engine, repository_id: UUID) -> None:
    try:
        await engine.transact(lambda work: _create(work, repository_id))
    except (HeadboxError, ExceptionGroup) as error:
        # What keeps it from being synced may be mended some day: it is asked for again, ever more rarely.
        log.warning("missing content cannot be tried again", exc_info=error, extra={"repository": str(repository_id)})
        await engine.transact(lambda work: _postpone(work, repository_id))


async def _create(work: UnitOfWork, repository_id: UUID) -> None:
    await lock_row(work.connection, "repository", repository_id)
    repository = await Repository.get_or_none(id=repository_id, using_db=work.connection)
    if repository is None or not await _is_due(work.connection, repository_id):
        return
    task_type = _sync_task(work, repository)
    if task_type is not None and await _is_synced(work.connection, task_type, repository_id):
        return
    await _postpone(work, repository_id)
    if task_type is not None:
        request = SyncRequest(repository, on_error=OnError.SKIP, priority=TaskPriority.LOW, labels=LABELS)
        await tasks.create_sync(work, task_type, request)


async def _postpone(work: UnitOfWork, repository_id: UUID) -> None:
    await open_issues.postpone(work.connection, work.settings.sync, repository_id, await now(work.connection))


def _sync_task(work: UnitOfWork, repository: Repository) -> type[SyncTask[Any, Any]] | None:
    """Return what syncs a repository; None when its plugin is not installed."""
    declared = work.registry.all(SyncTask)
    return next((task for task in declared if task.repository_type().kind == repository.kind), None)


async def _is_due(connection: Connection, repository_id: UUID) -> bool:
    statement = "SELECT 1 FROM open_issue WHERE repository_id = ? AND next_try_at <= ? LIMIT 1"
    return bool(await fetch(connection, statement, [str(repository_id), await now(connection)]))


async def _is_synced(connection: Connection, task_type: type[SyncTask[Any, Any]], repository_id: UUID) -> bool:
    """Tell whether a sync waits or runs: it will tell what is missing then."""
    unfinished = Task.filter(repository_id=repository_id, kind=task_type.kind, state__in=list(UNFINISHED_STATES))
    return await unfinished.using_db(connection).exists()
