"""The log of a task: what core and plugins say while an attempt at it runs.

Lines are numbered from 1, through all attempts. There are at most `MAX_LINES` and `MAX_BYTES` of them: the oldest ones
go, and the number of the first one that is left says how many have gone. They are written at most once a second and
when the attempt ends; whoever watches is told after that, and so can always read in the database what an event leaves
out.

Tracebacks are left out: the log of the process has them, under the task's correlation id.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from tortoise.exceptions import BaseORMException

from headbox.models import TaskLogLine
from headbox.models.database import Connection, execute, fetch, insert_new, row_lock, transaction
from headbox.tasking import bus as topics
from headbox.tasking.bus import Payload
from headbox.tasking.engine import Engine
from headbox.tasking.lifecycle import Attempt
from headbox.tasking.redaction import masked
from headbox.types import MAX_SAFE_INTEGER, storable

#: Most lines of one task, and how much they hold together, in bytes.
MAX_LINES, MAX_BYTES = 1000, 256 * 1024
#: Longest message, and longest value of a field, in characters; more is cut off.
MAX_MESSAGE, MAX_VALUE = 4096, 512
#: Most fields of one line.
MAX_FIELDS = 32
#: How often lines are written, in seconds.
WRITE_SECONDS = 1.0

#: What every record has, whatever its caller gave.
_OWN_FIELDS = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log.

    Attributes:
        number: Its place in the log, from 1.
        attempt: Number of the attempt that said it.
        logged_at: When.
        level: "debug", "info", "warning", "error" or "critical".
        logger: Who.
        message: What, in text.
        extra: What was given beside the message, by name: texts, numbers, truths and None.
    """

    number: int
    attempt: int
    logged_at: datetime
    level: str
    logger: str
    message: str
    extra: dict[str, Any]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.message.encode()) + sum(len(name) + len(str(value)) for name, value in self.extra.items())

    def document(self) -> Payload:
        """Return the line as it is sent."""
        return {
            "number": self.number,
            "attempt": self.attempt,
            "logged_at": self.logged_at.isoformat(),
            "level": self.level,
            "logger": self.logger,
            "message": self.message,
            "extra": self.extra,
        }


class TaskLog:
    """The latest lines of a task that runs; may be added to from any thread.

    Args:
        attempt: The attempt that runs.
        earlier: The lines of earlier attempts.
    """

    def __init__(self, attempt: Attempt, earlier: list[LogLine]) -> None:
        self.attempt = attempt
        self._lock = threading.Lock()
        self._lines = deque(earlier)
        self._bytes = sum(line.size for line in earlier)
        self._last = self._written = earlier[-1].number if earlier else 0

    def add(self, record: logging.LogRecord) -> None:
        """Add what somebody logged."""
        message, extra = _message(record), _extra(record)
        logged_at = datetime.fromtimestamp(record.created, UTC)
        with self._lock:
            self._last += 1
            line = LogLine(
                self._last,
                self.attempt.number,
                logged_at,
                record.levelname.lower()[:10],
                record.name[:255],
                message,
                extra,
            )
            self._lines.append(line)
            self._bytes += line.size
            while len(self._lines) > MAX_LINES or self._bytes > MAX_BYTES:
                self._bytes -= self._lines.popleft().size

    def unwritten(self) -> tuple[int, list[LogLine]]:
        """Return the number of the first line that is kept, and the lines that are not written yet."""
        with self._lock:
            first = self._lines[0].number if self._lines else 1
            return first, [line for line in self._lines if line.number > self._written]

    def written(self, last: int) -> None:
        """Note that the lines up to this one are written."""
        self._written = last


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        message = f"{message} ({record.exc_info[0].__name__})"
    return _text(masked("message", message), MAX_MESSAGE)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = [(name, value) for name, value in vars(record).items() if name not in _OWN_FIELDS]
    return {_text(name, MAX_VALUE): _plain(masked(name, value)) for name, value in given[:MAX_FIELDS]}


def _plain(value: Any) -> Any:
    """Return a value that JSON has and that is not long."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return value
    return _text(str(value), MAX_VALUE)


def _text(value: str, most: int) -> str:
    """Return a text that is not long, without what a database or JSON does not take."""
    return storable(value if len(value) <= most else f"{value[: most - 1]}…")


_current: ContextVar[TaskLog | None] = ContextVar("headbox_task_log", default=None)


class _Handler(logging.Handler):
    """Gives each record to the log of the task that it is logged in, if it is in one."""

    def emit(self, record: logging.LogRecord) -> None:
        task_log = _current.get()
        if task_log is None:
            return
        try:
            task_log.add(record)
        except Exception:  # noqa: BLE001 - what is logged must never end what logs it
            self.handleError(record)


_handler = _Handler()


@asynccontextmanager
async def recorded(engine: Engine, attempt: Attempt) -> AsyncIterator[None]:
    """Let whatever is logged in the block be part of the log of a task.

    Args:
        engine: The engine.
        attempt: The attempt that the block is; once it does not count any more, it writes no lines.
    """
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)
    task_log = TaskLog(attempt, await _earlier(attempt))
    # Made before the log is the current one: what it logs itself is no part of the task.
    writing = asyncio.create_task(_write_often(engine, task_log))
    token = _current.set(task_log)
    try:
        yield
    finally:
        _current.reset(token)
        writing.cancel()
        await asyncio.wait([writing])
        await _write(engine, task_log, is_over=True)


async def _earlier(attempt: Attempt) -> list[LogLine]:
    if attempt.number == 1:
        return []
    rows = await TaskLogLine.filter(task_id=attempt.task_id).order_by("number")
    return [
        LogLine(row.number, row.attempt, row.logged_at, row.level, row.logger, row.message, row.extra) for row in rows
    ]


async def _write_often(engine: Engine, task_log: TaskLog) -> None:
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await _write(engine, task_log)


async def _write(engine: Engine, task_log: TaskLog, *, is_over: bool = False) -> None:
    """Write what is not written yet, and tell whoever watches."""
    first, lines = task_log.unwritten()
    attempt = task_log.attempt
    if lines:
        try:
            async with transaction() as connection:
                is_saved = await _save(connection, attempt, first, lines)
        except (BaseORMException, OSError):
            # Tried again with the next lines. The work goes on without its log.
            log.warning("lines of a task's log cannot be written", extra={"task": str(attempt.task_id)}, exc_info=True)
            lines = []
        else:
            task_log.written(lines[-1].number)
            if not is_saved:
                # Nobody is told either: the attempt that counts gives other lines the same numbers.
                lines = []
    if lines or is_over:
        event = {
            "attempt": attempt.number,
            "lines": [line.document() for line in lines],
            "is_over": is_over,
        }
        engine.bus.publish(topics.TASK_LOG, str(attempt.task_id), event)


async def _save(connection: Connection, attempt: Attempt, first: int, lines: list[LogLine]) -> bool:
    """Save new lines, and return whether the attempt still counts; otherwise nothing is saved."""
    # Under the lock of the task's row: another attempt that numbers its lines from here on sees these.
    task_id = str(attempt.task_id)
    counts = f"SELECT 1 AS one FROM task WHERE id = ? AND attempt = ?{row_lock(connection, 'task')}"  # noqa: S608
    if not await fetch(connection, counts, [task_id, attempt.number]):
        return False
    if first > 1:
        await execute(connection, "DELETE FROM task_log_line WHERE task_id = ? AND number < ?", [task_id, first])
    rows = [
        (
            task_id,
            line.number,
            line.attempt,
            line.logged_at,
            line.level,
            line.logger,
            line.message,
            orjson.dumps(line.extra).decode(),
        )
        for line in lines
    ]
    columns = ("task_id", "number", "attempt", "logged_at", "level", "logger", "message", "extra")
    await insert_new(connection, "task_log_line", columns, rows)
    return True
