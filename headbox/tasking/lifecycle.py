"""The life of a task: created, taken, finished, canceled, given back, taken from a lost worker.

Every change is one guarded UPDATE: it happens in the state and for the attempt that it was meant for, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from headbox.errors import Canceled, HeadboxError, NotCancelable, WorkerLost
from headbox.models import Task, Worker
from headbox.models.database import Connection, clock, end_sessions, execute, fetch, model_from, row_lock
from headbox.tasking import claims
from headbox.tasking.claims import Claim
from headbox.tasking.engine import UnitOfWork
from headbox.types import TaskState


class AttemptOver(Exception):
    """This attempt at a task no longer counts: the task was canceled, or taken by another worker."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One worker's go at one task; the fence of every write that it makes."""

    task_id: UUID
    number: int


@dataclass(slots=True)
class Outcome:
    """What a task made.

    Attributes:
        result: By the names of the task type's result fields.
        created: "Type:id" of what was created, in order.
    """

    result: dict[str, Any] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)


async def create(work: UnitOfWork, task: Task, held: Iterable[Claim]) -> Task:
    """Save a new task and put it into the queues of what it claims."""
    await task.save(using_db=work.connection, force_create=True)
    work.task_waits(task, can_run=await claims.enqueue(work.connection, task.id, held))
    return task


async def take(work: UnitOfWork, task_id: UUID, worker: Worker) -> Task | None:
    """Take a waiting task for a worker, with one statement; None when somebody else has it, or nobody can."""
    time, values = clock(work.connection)
    rows = await fetch(
        work.connection,
        "UPDATE task SET state = 'running', attempt = attempt + 1, worker_id = ?,"  # noqa: S608
        f" started_at = COALESCE(started_at, {time}) WHERE id = ? AND state = 'waiting' RETURNING *",
        [str(worker.id), *values, str(task_id)],
    )
    if not rows:
        return None
    task = model_from(Task, rows[0])
    work.task_changed(task)
    return task


async def next_in_line(connection: Connection, task_id: UUID, limit: int, *, offset: int = 0) -> list[Task]:
    """Return the tasks that wait right behind one for the only resource that it claims, in their order.

    Args:
        connection: Any.
        task_id: The one that they wait for.
        limit: Most that are returned.
        offset: How many of them are passed over.
    """
    rows = await fetch(
        connection,
        "SELECT task.* FROM task_claim mine JOIN task_claim later"
        " ON later.resource = mine.resource AND later.sequence > mine.sequence"
        " JOIN task ON task.id = later.task_id WHERE mine.task_id = ? ORDER BY later.sequence LIMIT ? OFFSET ?",
        [str(task_id), limit, offset],
    )
    return [model_from(Task, row) for row in rows]


async def take_along(work: UnitOfWork, leader: Task, task_ids: Sequence[UUID]) -> list[Task]:
    """Take tasks that wait for nobody but a running one, on its worker; return those that still wait.

    Args:
        work: The transaction.
        leader: The running task, held in the transaction. The others are ended together with it.
        task_ids: The others.
    """
    time, values = clock(work.connection)
    rows = await fetch(
        work.connection,
        "UPDATE task SET state = 'running', attempt = attempt + 1, worker_id = ?,"  # noqa: S608
        f" started_at = COALESCE(started_at, {time})"
        f" WHERE id IN ({', '.join('?' * len(task_ids))}) AND state = 'waiting' RETURNING *",
        [str(leader.worker_id), *values, *map(str, task_ids)],
    )
    taken = [model_from(Task, row) for row in rows]
    for task in taken:
        work.task_changed(task)
    return taken


async def go_on(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Pass over requests to end these attempts: they come too late, for their work becomes visible now.

    Raises:
        AttemptOver: One of them does not count any more.
    """
    for attempt in attempts:
        changed = await execute(
            connection,
            "UPDATE task SET state = 'running' WHERE id = ? AND attempt = ? AND state IN ('running', 'canceling')",
            [str(attempt.task_id), attempt.number],
        )
        if not changed:
            raise AttemptOver


async def hold(connection: Connection, attempt: Attempt) -> None:
    """Make sure that this attempt still counts, and keep it so until the transaction ends.

    Raises:
        AttemptOver: It does not; nothing may be written any more.
    """
    lock = row_lock(connection, "task")
    statement = f"SELECT 1 FROM task WHERE id = ? AND attempt = ? AND state = 'running'{lock}"  # noqa: S608
    if not await fetch(connection, statement, [str(attempt.task_id), attempt.number]):
        raise AttemptOver


async def save_progress(connection: Connection, attempt: Attempt, actions: str) -> None:
    """Write the progress document, unless the attempt is over."""
    await execute(
        connection,
        "UPDATE task SET actions = ? WHERE id = ? AND attempt = ? AND state IN ('running', 'canceling')",
        [actions, str(attempt.task_id), attempt.number],
    )


async def complete(work: UnitOfWork, attempt: Attempt, outcome: Outcome, actions: list[dict[str, Any]]) -> Task:
    """Finish a task that did its work; in the transaction that makes its work visible.

    Raises:
        AttemptOver: The attempt no longer counts; the transaction must be rolled back.
    """
    task = await _finish(work, attempt, TaskState.RUNNING, TaskState.COMPLETED, actions, outcome=outcome)
    if task is None:
        raise AttemptOver
    return task


async def end(
    work: UnitOfWork, attempt: Attempt, error: HeadboxError | None, actions: list[dict[str, Any]]
) -> Task | None:
    """End an attempt that did not do its work; None when it does not count any more.

    The task is canceled where that was asked for, fails with the error where there is one, and is given back
    otherwise: it keeps its place in the queues, and another worker goes on with it.
    """
    # Locked and read in one: whatever is asked for from here on waits for what is written here.
    lock = row_lock(work.connection, "task")
    statement = f"SELECT 1 FROM task WHERE id = ? AND attempt = ? AND state IN ('running', 'canceling'){lock}"  # noqa: S608
    if not await fetch(work.connection, statement, [str(attempt.task_id), attempt.number]):
        return None
    task = await Task.get(id=attempt.task_id, using_db=work.connection)
    if task.state is TaskState.CANCELING:
        return await _finish(work, attempt, task.state, TaskState.CANCELED, actions, error=Canceled())
    if error is not None:
        return await _finish(work, attempt, task.state, TaskState.FAILED, actions, error=error)
    task.actions = actions
    return await _free(work, task)


async def cancel(work: UnitOfWork, task_id: UUID) -> Task:
    """End a waiting task at once, and ask the worker of a running one to end it.

    Raises:
        NotCancelable: It is finished already.
    """
    rows = await fetch(
        work.connection,
        "UPDATE task SET state = CASE state WHEN 'waiting' THEN 'canceled' ELSE 'canceling' END"
        " WHERE id = ? AND state IN ('waiting', 'running', 'canceling') RETURNING *",
        [str(task_id)],
    )
    if not rows:
        task = await Task.get(id=task_id, using_db=work.connection)
        raise NotCancelable(state=task.state.value)
    task = model_from(Task, rows[0])
    if task.state is TaskState.CANCELED:
        attempt = Attempt(task.id, task.attempt)
        ended = await _finish(work, attempt, task.state, task.state, task.actions, error=Canceled())
        assert ended is not None, "the row is locked since it was changed"
        return ended
    # In this order, so that no watcher hears of the end before the request.
    work.task_changed(task)
    work.cancel_requested(task_id)
    return task


#: The id of no worker.
_NOBODY = UUID(int=0)
_LOST = (
    " FROM task LEFT JOIN worker ON worker.id = task.worker_id WHERE task.state IN ('running', 'canceling')"
    " AND (worker.id IS NULL OR worker.stopped_at IS NOT NULL OR (worker.last_seen_at < ? AND worker.id <> ?))"
)


async def has_lost(connection: Connection, silent_since: datetime, *, looker: UUID = _NOBODY) -> bool:
    """Tell whether `take_back` would find anything, without a transaction."""
    return bool(await fetch(connection, f"SELECT task.id {_LOST} LIMIT 1", [silent_since, str(looker)]))


async def take_back(work: UnitOfWork, silent_since: datetime, max_attempts: int, *, looker: UUID = _NOBODY) -> None:
    """Take the tasks of lost workers back, and give up those whose workers were lost too often.

    Args:
        work: The transaction.
        silent_since: A worker that was not seen since is lost; on the database's clock.
        max_attempts: Lost workers after which a task fails.
        looker: The worker that looks: it lives, however long it waited to say so.
    """
    # In one order, so that two who look at once do not lock each other out.
    statement = f"SELECT task.id, task.attempt, task.worker_id {_LOST} ORDER BY task.id"
    rows = await fetch(work.connection, statement, [silent_since, str(looker)])
    for worker_id in {row["worker_id"] for row in rows} - {None}:
        # A process that was suspended amid a transaction keeps rows locked, and would go on with it when it comes back.
        await end_sessions(work.connection, session_name(UUID(str(worker_id))))
    for row in rows:
        await lose(work, Attempt(UUID(str(row["id"])), row["attempt"]), max_attempts)


def session_name(worker_id: UUID) -> str:
    """Return what the connections of a worker to the database are called."""
    return f"headbox worker {worker_id}"


async def lose(
    work: UnitOfWork,
    attempt: Attempt,
    max_attempts: int,
    *,
    error: HeadboxError | None = None,
    actions: list[dict[str, Any]] | None = None,
) -> Task | None:
    """Give a task back whose attempt ended by no fault of its own; None when the attempt does not count any more.

    Args:
        work: The transaction.
        attempt: The attempt.
        max_attempts: How often that may happen to a task; then it fails.
        error: What it fails with; None for a lost worker.
        actions: The progress document; None for what the row has.
    """
    # Of this attempt alone: somebody else may have taken it back meanwhile, and a living worker taken it again.
    changed = await execute(
        work.connection,
        "UPDATE task SET losses = losses + 1 WHERE id = ? AND attempt = ? AND state IN ('running', 'canceling')",
        [str(attempt.task_id), attempt.number],
    )
    if not changed:
        return None
    task = await Task.get(id=attempt.task_id, using_db=work.connection)
    is_given_up = task.state is TaskState.RUNNING and task.losses >= max_attempts
    shown = (error or WorkerLost(attempts=task.losses)) if is_given_up else None
    return await end(work, attempt, shown, task.actions if actions is None else actions)


async def _free(work: UnitOfWork, task: Task) -> Task:
    """Let a task wait again, for any worker."""
    task.state = TaskState.WAITING
    task.worker_id = None
    await task.save(using_db=work.connection, update_fields=["state", "worker_id", "actions"])
    # What is before it may have gone while it ran.
    work.task_waits(task, can_run=False)
    return task


async def _finish(
    work: UnitOfWork,
    attempt: Attempt,
    state: TaskState,
    final: TaskState,
    actions: list[dict[str, Any]],
    *,
    outcome: Outcome | None = None,
    error: HeadboxError | None = None,
) -> Task | None:
    """Write the end of a task that is in a state; None when it is not, or the attempt does not count any more."""
    if final is not TaskState.COMPLETED:
        _close(actions, final)
    outcome = outcome or Outcome()
    time, values = clock(work.connection)
    released = await claims.release(
        work.connection,
        f"UPDATE task SET state = ?, finished_at = {time}, actions = ?, result = ?, created_resources = ?, error = ?"  # noqa: S608
        " WHERE id = ? AND attempt = ? AND state = ?",
        [
            final.value,
            *values,
            *(orjson.dumps(value).decode() for value in (actions, outcome.result, outcome.created)),
            orjson.dumps(error.as_document()).decode() if error else None,
            str(attempt.task_id),
            attempt.number,
            state.value,
        ],
    )
    if released is None:
        return None
    row, gone = released
    task = model_from(Task, row)
    work.claims_released(gone)
    work.task_changed(task)
    return task


def _close(actions: list[dict[str, Any]], state: TaskState) -> None:
    """Let no action of an ended task look as if it ran on."""
    for action in actions:
        for part in (action, *action["reports"]):
            if part["state"] == "running":
                part["state"] = state.value


def lost_before(time: datetime, seconds: float) -> datetime:
    """Return the time that a worker must have been seen at to live at `time`."""
    return time - timedelta(seconds=seconds)
