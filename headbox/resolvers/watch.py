"""What subscriptions see: the state first, then every later one that the client can keep up with.

Whoever watches listens to the bus before reading the row, so that nothing falls in between, and reads the row again
from time to time: the bus may lose events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from headbox.errors import NotFound
from headbox.filters.conditions import Condition, every, one_of, some
from headbox.models import Repository, Task
from headbox.models.database import fetch, now
from headbox.resolvers import task as tasks
from headbox.resolvers.context import Context
from headbox.tasking import bus as topics
from headbox.tasking.bus import Payload, Subscription
from headbox.tasking.snapshot import apply_snapshot
from headbox.types import FINAL_STATES, UNFINISHED_STATES

#: Silence after which a row is read again, in seconds.
REREAD_SECONDS = 5.0
#: Most unfinished tasks that a subscription to many begins with.
MAX_TASKS_AT_FIRST = 1000

_UNFINISHED = one_of("task.state", sorted(UNFINISHED_STATES))


async def task(context: Context, id: str) -> AsyncGenerator[Task, None]:
    """Yield the states of a task, its final one last.

    Raises:
        NotFound: There is none with this id; before the first state.
        WrongType: It is the id of something else; before the first state.
    """
    identifier = context.types.decode(id, Task, path=("id",))
    with context.engine.bus.subscribe(topics.TASK, str(identifier)) as events:
        state = await Task.get_or_none(id=identifier)
        if state is None or context.types.name_of(state) is None:
            raise NotFound(what="Task", key=id, path=("id",))
        while True:
            context.refresh()
            yield state
            if state.state.is_final:
                return
            later = await _later(events, state)
            if later is None:
                return
            state = later


async def _later(events: Subscription, state: Task) -> Task | None:
    """Wait for another state of a task; None when the task is gone."""
    while True:
        event = await events.next(REREAD_SECONDS)
        if event is not None:
            later = apply_snapshot(state, event[1])
            if later is not state:
                return later
            continue
        row = await Task.get_or_none(id=state.id)
        if row is None:
            return None
        if _differs(row, state):
            return row


def _differs(row: Task, state: Task) -> bool:
    return _has_moved(row, state) or row.actions != state.actions


def _has_moved(row: Task, state: Task) -> bool:
    return (row.state, row.attempt) != (state.state, state.attempt)


async def repository(context: Context, id: str) -> AsyncGenerator[Repository, None]:
    """Yield a repository as it is now, and whenever it gets a version or a publication or is changed; ends with it.

    Raises:
        NotFound: There is none with this id; before the first state.
        WrongType: It is the id of something else; before the first state.
    """
    identifier = context.types.decode(id, Repository, path=("id",))
    with context.engine.bus.subscribe(topics.REPOSITORY, str(identifier)) as events:
        state = await Repository.get_or_none(id=identifier)
        if state is None or context.types.name_of(state) is None:
            raise NotFound(what="Repository", key=id, path=("id",))
        while state is not None:
            context.refresh()
            yield state
            state = await _later_repository(events, state)


async def _later_repository(events: Subscription, state: Repository) -> Repository | None:
    while True:
        is_told = await events.next(REREAD_SECONDS) is not None
        row = await Repository.get_or_none(id=state.id)
        if row is None or is_told or (row.revision, row.latest_number) != (state.revision, state.latest_number):
            return row


def matching_tasks(context: Context, filter: Mapping[str, Any] | None) -> AsyncGenerator[Task, None]:
    """Return every task that matches a filter: the unfinished ones as they are, then whichever is created or changes.

    Raises:
        LimitExceeded: The filter is too large; before there is a stream.
    """
    return _matching_tasks(context, _Matching(context, tasks.condition(context, filter)))


async def _matching_tasks(context: Context, matching: _Matching) -> AsyncGenerator[Task, None]:
    with context.engine.bus.subscribe(topics.TASK) as events:
        for state in await matching.unfinished():
            context.refresh()
            yield state
        reread = asyncio.get_running_loop().time() + REREAD_SECONDS
        while True:
            event = await events.next(REREAD_SECONDS)
            if event is not None:
                later = await matching.after(UUID(event[0]), event[1])
                if later is not None:
                    context.refresh()
                    yield later
            # Not only in silence: there are always events of other tasks.
            if event is None or asyncio.get_running_loop().time() > reread:
                for state in await matching.missed():
                    context.refresh()
                    yield state
                reread = asyncio.get_running_loop().time() + REREAD_SECONDS


class _Matching:
    """The tasks that match a filter, as far as they are known to a subscription."""

    def __init__(self, context: Context, condition: Condition) -> None:
        self._context = context
        self._condition = every([one_of("task.kind", context.types.kinds_of(Task)), condition])
        # Unfinished tasks: the state last seen, and whether it matched. What a filter asks for changes only with the
        # task's state and worker; while both stay, progress needs no query.
        self._seen: dict[UUID, tuple[Task, bool]] = {}
        # Of this look and the one before: when they were, and which ends were told since. What is looked for goes back
        # to the one before, because a transaction shows its end later than it dates it.
        self._looks: deque[datetime] = deque(maxlen=2)
        self._told: deque[set[UUID]] = deque([set()], maxlen=2)

    async def unfinished(self) -> list[Task]:
        """Return the unfinished tasks that match, the oldest first."""
        self._looks.append(await now(self._context.connection))
        found = await self._find(_UNFINISHED)
        self._remember(found)
        return found

    async def missed(self) -> list[Task]:
        """Return the tasks that match and whose rows say what no event has said, the oldest first."""
        time = await now(self._context.connection)
        ended = one_of("task.state", sorted(FINAL_STATES)) & Condition("task.finished_at >= ?", (self._looks[0],))
        new = [task for task in await self._find(some([_UNFINISHED, ended])) if self._is_news(task)]
        self._looks.append(time)
        self._told.append(set())
        self._remember(new)
        return new

    def _is_news(self, task: Task) -> bool:
        if self._is_told(task.id):
            return False
        # Not by its progress: events are ahead of the rows by up to a second.
        return task.id not in self._seen or _has_moved(task, self._seen[task.id][0])

    def _is_told(self, id: UUID) -> bool:
        return any(id in told for told in self._told)

    async def _find(self, condition: Condition) -> list[Task]:
        where = every([condition, self._condition])
        rows = await fetch(
            self._context.connection,
            f"SELECT task.id FROM task WHERE {where.sql} ORDER BY task.id LIMIT {MAX_TASKS_AT_FIRST}",  # noqa: S608
            where.parameters,
        )
        return list(await Task.filter(id__in=[row["id"] for row in rows]).order_by("id"))

    def _remember(self, tasks: Iterable[Task], *, are_matching: bool = True) -> None:
        for task in tasks:
            if not task.state.is_final:
                self._seen[task.id] = task, are_matching
                continue
            self._seen.pop(task.id, None)
            if are_matching:
                self._told[-1].add(task.id)

    async def after(self, id: UUID, snapshot: Payload) -> Task | None:
        """Return a task in the state of an event, or None when it does not match or this state is no news."""
        if self._is_told(id):
            # A look at the rows was faster than the event.
            return None
        known = self._seen.get(id)
        row = known[0] if known else await Task.get_or_none(id=id)
        if row is None:
            return None
        state = apply_snapshot(row, snapshot)
        if known and state is row:
            return None
        is_same = known is not None and (row.state, row.worker_id) == (state.state, state.worker_id)
        is_matching = known[1] if known is not None and is_same else await self._matches(id)
        self._remember([state], are_matching=is_matching)
        return state if is_matching else None

    async def _matches(self, id: UUID) -> bool:
        where = every([Condition("task.id = ?", (str(id),)), self._condition])
        return bool(await fetch(self._context.connection, f"SELECT 1 FROM task WHERE {where.sql}", where.parameters))  # noqa: S608
