from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from headbox.cli import logs
from headbox.settings import LogSettings
from headbox.tasking.correlation import correlated
from headbox.tasking.user import acting_for

log = logging.getLogger("headbox.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(LogSettings(**settings), stream)
    return stream


def test_lines_are_json_where_nobody_reads_along() -> None:
    stream = configured()

    with correlated("abc123"), acting_for("alice"):
        log.info("fetched %s", "a.txt", extra={"size_bytes": 3, "labels": {"a": 1}})

    [line] = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "fetched a.txt",
        "level": "info",
        "logger": "headbox.test",
        "size_bytes": 3,
        "labels": {"a": 1},
        "correlation_id": "abc123",
        "user": "alice",
    }


def test_words_of_strangers_do_not_steer_the_terminal() -> None:
    stream = Terminal()
    logs.configure(LogSettings(), stream)

    log.error("failed\x1b[2J", extra={"path": "a\x1b[2J"}, exc_info=ValueError("wrong\x1b[2J"))

    assert "\x1b[2J" not in stream.getvalue()
    assert "ValueError: wrong" in stream.getvalue()


@pytest.mark.parametrize("nasty", ["\ud800", 2**64])
def test_line_is_told_whatever_is_in_it(nasty: object) -> None:
    stream = configured()

    log.info("fetched", extra={"what": nasty})

    [line] = lines(stream)
    assert (line["event"], line["what"]) == ("fetched", nasty)


def test_lines_are_text_on_a_terminal() -> None:
    stream = Terminal()
    logs.configure(LogSettings(), stream)

    log.warning("slow", extra={"seconds": 3})

    text = stream.getvalue()
    assert "\x1b[" in text
    assert "slow" in text
    assert "seconds" in text


def test_text_is_without_colours_elsewhere() -> None:
    stream = configured(format="text")

    log.warning("slow", extra={"seconds": 3})

    assert "slow" in stream.getvalue()
    assert "seconds=3" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("format", ["json", "text"])
def test_credentials_are_masked_everywhere(format: str) -> None:
    stream = configured(format=format)

    try:
        int("https://user:hunter2@example.org/")
    except ValueError:
        log.exception(
            "GET %s",
            "https://user:hunter2@example.org/",
            extra={"url": "http://user:hunter2@example.org", "password": "hunter2", "nested": {"token": "hunter2"}},
        )

    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("https://***@example.org/") >= 2
    assert "Traceback" in stream.getvalue()


def test_requests_are_told_by_fields_and_without_query() -> None:
    stream = configured()

    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", "/graphql?query=secret", "1.1", 200
    )

    [line] = lines(stream)
    del line["timestamp"]
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "uvicorn.access",
        "method": "GET",
        "path": "/graphql",
        "status": 200,
        "client": "127.0.0.1:5",
    }


def test_level_is_honoured_and_libraries_are_quiet() -> None:
    stream = configured(level="debug")

    log.debug("shown")
    for name in ("dramatiq", "aiosqlite", "tortoise"):
        logging.getLogger(name).info("hidden")

    assert [line["event"] for line in lines(stream)] == ["shown"]
