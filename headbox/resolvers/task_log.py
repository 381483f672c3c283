"""The logs of tasks: read page by page, and watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from headbox.errors import NotFound
from headbox.filters.conditions import Condition
from headbox.models import Task, TaskLogLine
from headbox.models.database import now
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.tasking import bus as topics
from headbox.tasking.bus import Event, Payload, Subscription
from headbox.types import TaskState

#: Silence after which the rows are read again, in seconds.
REREAD_SECONDS = 5.0
#: How long the last lines of a task that has ended are waited for, in seconds: they are written right after or before
#: its end, unless its worker was lost.
LAST_LINES_SECONDS = 2.0

#: A line: its row, or the document in an event.
Line = TaskLogLine | dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogPage(Page[Edge[TaskLogLine]]):
    """A page of a log.

    Attributes:
        dropped: How many lines of the log are gone, the oldest ones.
    """

    dropped: int


@dataclass(frozen=True, slots=True)
class NewLines:
    """Lines of a log that a watcher has not seen.

    Attributes:
        lines: The lines, in order.
        dropped: How many lines before them nobody will see any more.
        ended: Whether they are the last ones.
    """

    lines: Sequence[Line]
    dropped: int
    ended: bool = False


async def page(context: Context, task: Task, arguments: PageArguments) -> LogPage:
    """Return a page of a task's log, the oldest line first."""
    where = Condition("task_log_line.task_id = ?", (str(task.id),))
    listing = Listing("task_log_line.*", "task_log_line", "task_log_line.number", "number", key_type=int, where=where)
    found, dropped = await asyncio.gather(
        context.loaders.page(request(listing, arguments, edges_of(TaskLogLine))),
        context.loaders.dropped_log_lines.load(task.id),
    )
    return LogPage(found.edges, found.page_info, found.listing, found.count, dropped)


async def watch(context: Context, id: str) -> AsyncGenerator[NewLines, None]:
    """Yield the lines so far, then new ones as they are written, and at the end of the task the last, if there are any.

    Raises:
        NotFound: There is no task with this id; before the first lines.
        WrongType: It is the id of something else; before the first lines.
    """
    identifier = context.types.decode(id, Task, path=("id",))
    bus = context.engine.bus
    with (
        bus.subscribe(topics.TASK_LOG, str(identifier)) as lines,
        bus.subscribe(topics.TASK, str(identifier)) as states,
    ):
        task = await Task.get_or_none(id=identifier)
        if task is None or context.types.name_of(task) is None:
            raise NotFound(what="Task", key=id, path=("id",))
        watched = _Watched(task)
        is_whole = await watched.was_over_long_ago(context)
        yield replace(await watched.read(), ended=is_whole)
        if is_whole:
            return
        while not watched.is_over:
            event, state = await _first_of(lines, states, watched.patience_seconds)
            found = await watched.after(event, state)
            if found.lines:
                yield found
        yield replace(await watched.read(), ended=True)


class _Watched:
    """What one watcher knows of a log.

    Attributes:
        is_over: Whether there will be no more lines than are in the database.
    """

    def __init__(self, task: Task) -> None:
        self._task_id: UUID = task.id
        self._seen = 0
        self._state, self._attempt = task.state, task.attempt
        # The last attempt that wrote all of its lines.
        self._written_attempt = 0
        self.is_over = False

    @property
    def patience_seconds(self) -> float:
        """How long to wait for an event."""
        return LAST_LINES_SECONDS if self._state.is_final else REREAD_SECONDS

    async def was_over_long_ago(self, context: Context) -> bool:
        """Tell whether nobody can be writing lines any more: the task never ran, or ended long enough ago."""
        if not self._state.is_final:
            return False
        ended = await Task.get_or_none(id=self._task_id).only("finished_at")
        if ended is None or ended.finished_at is None or self._attempt == 0:
            return True
        return await now(context.connection) - ended.finished_at > timedelta(seconds=LAST_LINES_SECONDS)

    async def after(self, event: Event | None, state: Event | None) -> NewLines:
        """Return the lines that are new after an event of the log or of the task; neither when none came in time."""
        if event is None and state is None:
            return await self._after_silence()
        if state is not None:
            self._state, self._attempt = TaskState(state[1]["state"]), state[1]["attempt"]
        new = NewLines((), 0)
        if event is not None:
            payload = event[1]
            if payload["is_over"]:
                self._written_attempt = payload["attempt"]
            new = await self._new(payload)
        never_ran = self._attempt == 0
        self.is_over = self._state.is_final and (never_ran or self._written_attempt >= self._attempt)
        return new

    async def _after_silence(self) -> NewLines:
        if self._state.is_final:
            # Whoever was to write the last lines is gone.
            self.is_over = True
            return NewLines((), 0)
        task = await Task.get_or_none(id=self._task_id).only("state", "attempt")
        if task is None:
            self.is_over = True
        else:
            self._state, self._attempt = task.state, task.attempt
        return await self.read()

    async def _new(self, payload: Payload) -> NewLines:
        """Return the new lines of an event; from the database where earlier ones are missing."""
        lines = [line for line in payload["lines"] if line["number"] > self._seen]
        if lines and lines[0]["number"] > self._seen + 1:
            return await self.read()
        return self._take(lines)

    async def read(self) -> NewLines:
        """Return the lines in the database that were not seen."""
        rows = await TaskLogLine.filter(task_id=self._task_id, number__gt=self._seen).order_by("number")
        return self._take(rows)

    def _take(self, lines: Sequence[Line]) -> NewLines:
        if not lines:
            return NewLines((), 0)
        dropped = _number(lines[0]) - self._seen - 1
        self._seen = _number(lines[-1])
        return NewLines(lines, dropped)


def _number(line: Line) -> int:
    number: int = line["number"] if isinstance(line, dict) else line.number
    return number


async def _first_of(first: Subscription, second: Subscription, timeout: float) -> tuple[Event | None, Event | None]:
    """Wait for an event of either subscription; None for the one that has none."""
    waiting = [asyncio.ensure_future(subscription.next(timeout)) for subscription in (first, second)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # One that waits has taken no event yet: it is there the next time.
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    event, state = (None if one.cancelled() else one.result() for one in waiting)
    return event, state
