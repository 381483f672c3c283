"""Open issues: what a repository misses because its syncs could not get it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from headbox.errors import ErrorCode, RepositoryIncomplete
from headbox.kinds import SyncTask
from headbox.models import OpenIssue, Remote, Repository, SyncIssue
from headbox.models.database import Connection, execute, fetch, insert_new, now
from headbox.settings import SyncSettings
from headbox.tasking.engine import UnitOfWork
from headbox.types import SyncMode, derived_id

#: Failures that may heal while the metadata stays as it is. Others heal with the metadata, which every sync reads.
HEALING = frozenset(
    {
        ErrorCode.REMOTE_UNREACHABLE,
        ErrorCode.REMOTE_RESPONSE,
        ErrorCode.TIMED_OUT,
        ErrorCode.ARTIFACT_INVALID,
        ErrorCode.DIGEST_MISMATCH,
    }
)
#: Doublings after which the longest wait is reached, whatever the settings say.
MAX_DOUBLINGS = 30


async def settle(work: UnitOfWork, sync: SyncTask[Any, Any], task_id: UUID, *, left_out: int) -> None:
    """Let the open issues of a repository be what a sync left out: new ones, those that it met again, and no others.

    Those of other remotes stay, unless the repository is to mirror this one.

    Args:
        work: The transaction in which the sync becomes visible.
        sync: It has the repository for itself, and has read everything that the remote declares.
        task_id: Its task.
        left_out: How many units it left out.
    """
    if left_out:
        await _meet(work, sync, task_id)
    of_remote, values = ("", []) if sync.mode is SyncMode.MIRROR else (" AND remote_id = ?", [str(sync.remote)])
    await execute(
        work.connection,
        f"DELETE FROM open_issue WHERE repository_id = ? AND task_id <> ?{of_remote}",  # noqa: S608
        [str(sync.repository), str(task_id), *values],
    )


async def stays_incomplete(connection: Connection, sync: SyncTask[Any, Any]) -> bool:
    """Tell whether a repository misses content of other remotes, which a sync that left out nothing does not bring."""
    others = OpenIssue.filter(repository_id=sync.repository).exclude(remote_id=sync.remote)
    return sync.mode is not SyncMode.MIRROR and await others.using_db(connection).exists()


async def _meet(work: UnitOfWork, sync: SyncTask[Any, Any], task_id: UUID) -> None:
    connection = work.connection
    if await Remote.filter(id=sync.remote, deleted_at__not_isnull=True).using_db(connection).exists():
        return  # Nobody can get it any more.
    time = await now(connection)
    attempts = await _attempts(connection, sync.repository)
    rows: dict[str, tuple[Any, ...]] = {}
    async for issue in SyncIssue.filter(task_id=task_id).using_db(connection):
        key = _issue_id(sync, issue)
        tries = attempts.get(key, 0) + 1
        next_try = time + retry_wait(work.settings.sync, tries) if issue.code in HEALING else None
        text = (issue.code.value, issue.message, issue.url or "", issue.relative_path or "", issue.retryable)
        rows[key] = (key, *text, tries, next_try)
    columns = ("id", "code", "message", "url", "relative_path", "retryable", "attempts", "next_try_at")
    renewed = ("task_id", "last_seen_at", "code", "message", "retryable", "attempts", "next_try_at")
    await insert_new(
        connection,
        "open_issue",
        columns,
        [rows[key] for key in sorted(rows)],
        constants={
            "repository_id": str(sync.repository),
            "remote_id": str(sync.remote),
            "task_id": str(task_id),
            "created_at": time,
            "last_seen_at": time,
        },
        on_conflict=f"(id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in renewed)}",
    )


def _issue_id(sync: SyncTask[Any, Any], issue: SyncIssue) -> str:
    """Return what is the same for an issue in every sync of a repository with a remote that meets it."""
    # Without a path, it is known by its words alone.
    about = issue.relative_path or f"\0{issue.message}"
    return str(derived_id("open issue", str(sync.repository), str(sync.remote), issue.url or "", about))


def retry_wait(settings: SyncSettings, attempts: int) -> timedelta:
    """Return how long to wait before the next try after so many."""
    seconds = settings.retry_seconds * 2 ** min(attempts - 1, MAX_DOUBLINGS)
    return timedelta(seconds=min(seconds, settings.retry_max_seconds))


async def postpone(
    connection: Connection, settings: SyncSettings, repository_id: UUID, remote_id: UUID, time: datetime
) -> None:
    """Move the next tries of a repository with a remote that are due to as long from now as they were last met ago.

    That doubles the wait however the sync ends that tries now: one that fails meets none of them.
    """
    due = OpenIssue.filter(repository_id=repository_id, remote_id=remote_id, next_try_at__lte=time)
    due = due.using_db(connection)
    latest = await due.order_by("-last_seen_at").first()
    if latest is None:
        return
    shortest, longest = (timedelta(seconds=each) for each in (settings.retry_seconds, settings.retry_max_seconds))
    wait = min(max(time - latest.last_seen_at, shortest), longest)
    await due.update(next_try_at=time + wait)


async def check_complete(connection: Connection, repository_id: UUID, *path: str) -> None:
    """Make sure that nothing keeps a repository from being published.

    Raises:
        RepositoryIncomplete: Content of it is missing, and it requires to be complete.
    """
    repository = await Repository.get_or_none(id=repository_id, using_db=connection)
    if repository is None or not repository.require_complete:
        return
    if missing := await OpenIssue.filter(repository_id=repository_id).using_db(connection).count():
        raise RepositoryIncomplete(repository=repository.name, open_issues=missing, path=path)


async def holding_back(connection: Connection, repository_id: UUID) -> int:
    """Return how many open issues keep a repository from being published: 0 where it is published all the same."""
    try:
        await check_complete(connection, repository_id)
    except RepositoryIncomplete as error:
        return int(error.values["open_issues"])
    return 0


async def _attempts(connection: Connection, repository_id: UUID) -> dict[str, int]:
    statement = "SELECT id, attempts FROM open_issue WHERE repository_id = ?"
    return {str(row["id"]): row["attempts"] for row in await fetch(connection, statement, [str(repository_id)])}
