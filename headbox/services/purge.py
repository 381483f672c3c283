"""Purges: finished tasks that nobody needs any more are deleted, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from headbox.errors import Invalid, Required
from headbox.kinds import TaskPurge
from headbox.models import Task
from headbox.models.database import Connection, delete_in_batches, execute, fetch, now
from headbox.pipeline.run import Run
from headbox.services import task as tasks
from headbox.services.documents import checked
from headbox.services.task import Prepared
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import FINAL_STATES, UNFINISHED_STATES, TaskPriority, TaskState

#: Tasks that are deleted in one transaction.
BATCH = 200
#: Pause between two transactions, in seconds: those who wait for SQLite's only writer get their turn.
PAUSE_SECONDS = 0.02
#: Longest time that can be asked for, in days: a thousand years.
MAX_DAYS = 365_000
#: Most kinds that one purge names.
MAX_KINDS = 100


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    """A purge that a client asks for: of tasks that ended before a time, or so many days ago."""

    finished_before: datetime | None = None
    older_than_days: float | None = None
    states: Sequence[TaskState] | None = None
    kinds: Sequence[str] | None = None
    priority: TaskPriority = TaskPriority.NORMAL
    labels: dict[str, Any] | None = None
    idempotency_key: str | None = None
    group_id: UUID | None = None


async def create(work: UnitOfWork, request: PurgeRequest) -> Task:
    """Create a purge.

    Raises:
        RequestError: Something of the request cannot be.
    """
    return await tasks.create_requested(work, TaskPurge, request, prepare)


async def prepare(work: UnitOfWork, task_type: type[TaskPurge], request: PurgeRequest) -> Prepared:
    """Return the purge that a request asks for, of what has ended by now.

    Raises:
        RequestError: Something of the request cannot be.
    """
    states = request.states if request.states is not None else sorted(FINAL_STATES)
    if unfinished := sorted(set(states) & UNFINISHED_STATES):
        reason = f"tasks that are {unfinished[0].value} are not finished"
        raise Invalid(field="states", reason=reason, path=("states",))
    if request.kinds is not None and len(request.kinds) > MAX_KINDS:
        raise Invalid(field="kinds", reason=f"they are at most {MAX_KINDS}", path=("kinds",))
    values = {
        "finished_before": _finished_before(request, await now(work.connection)),
        "states": tuple(dict.fromkeys(states)),
        "kinds": request.kinds,
    }
    return Prepared(checked(task_type, values))


def _finished_before(request: PurgeRequest, time: datetime) -> datetime:
    if request.finished_before is not None:
        if request.older_than_days is not None:
            reason = "it goes in place of finishedBefore, not with it"
            raise Invalid(field="older_than_days", reason=reason, path=("older_than_days",))
        # Not later than now: what ends while the purge runs is nothing that anybody has seen yet.
        return min(request.finished_before, time)
    days = request.older_than_days
    if days is None:
        raise Required(field="Either finishedBefore or olderThanDays", path=("older_than_days",))
    if not 0 <= days <= MAX_DAYS:
        reason = f"it is a number from 0 to {MAX_DAYS}"
        raise Invalid(field="older_than_days", reason=reason, path=("older_than_days",))
    return time - timedelta(days=days)


async def run_purge(run: Run, parameters: TaskPurge) -> None:
    """Delete what a purge is to delete, and finish its task.

    Raises:
        AttemptOver: This attempt no longer counts; what is deleted stays deleted.
    """
    connection = run.engine.database.connection
    with run.progress.action("purge"):
        report = run.report("purge.delete.tasks", "Deleting tasks", total=await _count(connection, parameters))
        for state in parameters.states:
            async for task_ids in _batches(connection, state, parameters):
                await _delete(run, task_ids)
                report.add(len(task_ids))
                await asyncio.sleep(PAUSE_SECONDS)
    await run.write(lambda work: run.complete(work, Outcome()))


async def purge_old(engine: Engine) -> None:
    """Create a purge of the tasks that the settings say to keep no longer, where there are any."""
    days = engine.settings.task.keep_days
    if days is None:
        return
    connection = engine.database.connection
    time = await now(connection)
    if await _is_under_way(connection) or not await _has_finished(connection, time - timedelta(days=days)):
        return
    async with engine.unit_of_work() as work:
        await create(work, PurgeRequest(older_than_days=days, priority=TaskPriority.LOW))


async def _is_under_way(connection: Connection) -> bool:
    unfinished = Task.filter(kind=TaskPurge.kind, state__in=list(UNFINISHED_STATES)).using_db(connection)
    return await unfinished.exists()


async def _has_finished(connection: Connection, before: datetime) -> bool:
    # One state at a time, so that the index is read where it begins.
    return any([await _first(connection, state, before) for state in FINAL_STATES])


async def _first(connection: Connection, state: TaskState, before: datetime) -> bool:
    statement = "SELECT 1 FROM task WHERE state = ? AND finished_at < ? LIMIT 1"
    return bool(await fetch(connection, statement, [state.value, before]))


def _condition(state: TaskState, parameters: TaskPurge) -> tuple[str, list[Any]]:
    """Return which tasks of a state are deleted, as a condition and its parameters."""
    sql, values = "state = ? AND finished_at < ?", [state.value, parameters.finished_before]
    if parameters.kinds is not None:
        sql += f" AND kind IN ({', '.join('?' * len(parameters.kinds))})" if parameters.kinds else " AND 1 = 0"
        values += parameters.kinds
    return sql, values


async def _count(connection: Connection, parameters: TaskPurge) -> int:
    number = 0
    for state in parameters.states:
        sql, values = _condition(state, parameters)
        [row] = await fetch(connection, f"SELECT COUNT(*) AS number FROM task WHERE {sql}", values)  # noqa: S608
        number += row["number"]
    return number


async def _batches(connection: Connection, state: TaskState, parameters: TaskPurge) -> AsyncIterator[list[str]]:
    """Yield the ids of the tasks to delete, those that ended first before the others."""
    sql, values = _condition(state, parameters)
    since: Any = None
    while True:
        # Tasks of other kinds that ended earlier are not looked at again.
        later, extra = (" AND finished_at >= ?", [since]) if since is not None else ("", [])
        rows = await fetch(
            connection,
            f"SELECT id, finished_at FROM task WHERE {sql}{later} ORDER BY finished_at LIMIT {BATCH}",  # noqa: S608
            [*values, *extra],
        )
        if not rows:
            return
        since = rows[-1]["finished_at"]
        yield [str(row["id"]) for row in rows]


async def _delete(run: Run, task_ids: list[str]) -> None:
    """Delete tasks, and before them what belongs to them and may be much more than they are."""
    named = f"task_id IN ({', '.join('?' * len(task_ids))})"
    for table in ("sync_issue", "task_log_line"):
        await delete_in_batches(run.engine.database.connection, table, named, task_ids)
    statement = f"DELETE FROM task WHERE id IN ({', '.join('?' * len(task_ids))})"  # noqa: S608
    await run.write(lambda work: execute(work.connection, statement, task_ids))
