"""Syncs that nobody asked for: of repositories that miss content which another try may get."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple
from uuid import UUID

from headbox.errors import HeadboxError
from headbox.kinds import SyncTask
from headbox.models import Remote, RemoteRevision, Repository, Task
from headbox.models.database import Connection, fetch, lock_row, now
from headbox.services import open_issue as open_issues
from headbox.services import task as tasks
from headbox.services.task import SyncRequest
from headbox.tasking import correlation
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import UNFINISHED_STATES, OnError, SyncMode, TaskPriority

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
    rows = await fetch(
        connection,
        f"SELECT DISTINCT repository_id, remote_id FROM open_issue WHERE next_try_at <= ? LIMIT {BATCH}",  # noqa: S608
        [await now(connection)],
    )
    for row in rows:
        due = Due(UUID(str(row["repository_id"])), UUID(str(row["remote_id"])))
        with correlation.correlated(correlation.accepted(None)):
            await _retry(engine, due)


class Due(NamedTuple):
    """A repository that misses content of a remote, which another try may get."""

    repository_id: UUID
    remote_id: UUID


async def _retry(engine: Engine, due: Due) -> None:
    try:
        await engine.transact(lambda work: _create(work, due))
    except (HeadboxError, ExceptionGroup) as error:
        # What keeps it from being synced may be mended some day: it is asked for again, ever more rarely.
        log.warning(
            "missing content cannot be tried again", exc_info=error, extra={"repository": str(due.repository_id)}
        )
        await engine.transact(lambda work: _postpone(work, due))


async def _create(work: UnitOfWork, due: Due) -> None:
    await lock_row(work.connection, "repository", due.repository_id)
    repository = await Repository.get_or_none(id=due.repository_id, using_db=work.connection)
    if repository is None or not await _is_due(work.connection, due):
        return
    task_type = _sync_task(work, repository)
    if task_type is not None and await _is_synced(work.connection, task_type, due):
        return
    await _postpone(work, due)
    if task_type is not None:
        request = SyncRequest(
            repository,
            remote=await Remote.get(id=due.remote_id, using_db=work.connection),
            # Nobody has said that the repository is to mirror another remote than its own.
            mode=None if due.remote_id == repository.remote_id else SyncMode.ADDITIVE,
            on_error=OnError.SKIP,
            priority=TaskPriority.LOW,
            labels=LABELS,
        )
        await tasks.create_sync(work, task_type, request)


async def _postpone(work: UnitOfWork, due: Due) -> None:
    time = await now(work.connection)
    await open_issues.postpone(work.connection, work.settings.sync, due.repository_id, due.remote_id, time)


def _sync_task(work: UnitOfWork, repository: Repository) -> type[SyncTask[Any, Any]] | None:
    """Return what syncs a repository; None when its plugin is not installed."""
    declared = work.registry.all(SyncTask)
    return next((task for task in declared if task.repository_type().kind == repository.kind), None)


async def _is_due(connection: Connection, due: Due) -> bool:
    statement = "SELECT 1 FROM open_issue WHERE repository_id = ? AND remote_id = ? AND next_try_at <= ? LIMIT 1"
    return bool(await fetch(connection, statement, [*map(str, due), await now(connection)]))


async def _is_synced(connection: Connection, task_type: type[SyncTask[Any, Any]], due: Due) -> bool:
    """Tell whether a sync waits or runs: it will tell what is missing then."""
    unfinished = Task.filter(repository_id=due.repository_id, kind=task_type.kind, state__in=list(UNFINISHED_STATES))
    revisions = await unfinished.using_db(connection).values_list("remote_revision_id", flat=True)
    return await RemoteRevision.filter(id__in=revisions, remote_id=due.remote_id).using_db(connection).exists()
