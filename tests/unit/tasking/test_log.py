"""The lines of a task's log, as they are kept in memory."""

from __future__ import annotations

import logging
import sys
from threading import Thread
from typing import Any

import orjson
import pytest

from headbox.tasking import log as module
from headbox.tasking.lifecycle import Attempt
from headbox.tasking.log import MAX_BYTES, MAX_LINES, LogLine, TaskLog
from headbox.types import uuid7


def new_log(earlier: list[LogLine] | None = None) -> TaskLog:
    return TaskLog(Attempt(uuid7(), 2), earlier or [])


def record(message: object = "said", *args: object, **values: Any) -> logging.LogRecord:
    """Return a record as a logger makes one."""
    logger = logging.getLogger("plugin")
    exc_info, extra = values.get("exc_info"), values.get("extra")
    return logger.makeRecord("plugin", logging.WARNING, "file.py", 1, message, args, exc_info, extra=extra)


def lines(log: TaskLog) -> list[LogLine]:
    return log.unwritten()[1]


def test_line_says_who_said_what() -> None:
    log = new_log()

    log.add(record("%s of %d", "one", 2, extra={"path": "a/b", "size": 3, "found": True, "where": None}))

    [line] = lines(log)
    assert (line.number, line.attempt, line.level, line.logger, line.message) == (1, 2, "warning", "plugin", "one of 2")
    assert line.extra == {"path": "a/b", "size": 3, "found": True, "where": None}
    assert orjson.loads(orjson.dumps(line.document()))["logged_at"] == line.logged_at.isoformat()


def test_numbers_go_on_from_earlier_attempts() -> None:
    first = new_log()
    for _ in range(3):
        first.add(record())

    again = new_log(lines(first))
    again.add(record("again"))

    assert [(line.number, line.message) for line in lines(again)] == [(4, "again")]


def test_oldest_lines_go_when_there_are_too_many() -> None:
    log = new_log()

    for number in range(MAX_LINES + 5):
        log.add(record("line %d", number))

    first, kept = log.unwritten()
    assert (first, len(kept), kept[-1].number) == (6, MAX_LINES, MAX_LINES + 5)


def test_oldest_lines_go_when_they_are_too_long() -> None:
    log = new_log()

    for _ in range(100):
        log.add(record("é" * 4000))

    _, kept = log.unwritten()
    assert sum(line.size for line in kept) <= MAX_BYTES
    assert kept[-1].number == 100
    assert 20 < len(kept) < 40


def test_lines_that_are_written_are_not_written_again() -> None:
    log = new_log()
    log.add(record("a"))
    log.written(1)
    log.add(record("b"))

    assert [line.message for line in lines(log)] == ["b"]


def test_secrets_and_tracebacks_are_left_out() -> None:
    log = new_log()
    try:
        raise ValueError("hunter2")  # noqa: TRY301
    except ValueError:
        log.add(
            record(
                "GET %s",
                "http://user:hunter2@example.org",
                extra={"password": "hunter2", "nested": {"token": "hunter2"}, "url": "http://a:hunter2@b"},
                exc_info=sys.exc_info(),
            )
        )

    [line] = lines(log)
    assert "hunter2" not in str(line)
    assert line.message == "GET http://***@example.org (ValueError)"


@pytest.mark.parametrize("nasty", ["\0", "\ud800", "x" * 10_000, float("nan"), 2**200, {1: object}, b"\xff"])
def test_whatever_is_logged_can_be_stored(nasty: Any) -> None:
    log = new_log()

    log.add(record("%s", nasty, extra={"nasty": nasty, **{f"more{number}": number for number in range(50)}}))

    [line] = lines(log)
    assert "\0" not in line.message
    assert len(line.message) <= module.MAX_MESSAGE
    assert len(line.extra) <= module.MAX_FIELDS
    assert orjson.loads(orjson.dumps(line.extra)) == line.extra


def test_lines_may_come_from_any_thread() -> None:
    log = new_log()

    def say_much() -> None:
        for _ in range(100):
            log.add(record())

    threads = [Thread(target=say_much) for _ in range(5)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [line.number for line in lines(log)] == list(range(1, 501))
