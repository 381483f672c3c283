"""`headbox task log`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from headbox.cli.task_log import log_command
from headbox.client import subscriptions
from tests.support.scripted import Scripted, events

AT = "2026-01-31T12:00:00+00:00"


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    async with Scripted().running() as scripted:
        yield scripted


def line(number: int, message: str, **extra: Any) -> dict[str, Any]:
    return {
        "number": number,
        "attempt": 1,
        "loggedAt": AT,
        "level": "warning",
        "logger": "plugin",
        "message": message,
        "extra": extra,
    }


def update(*lines: dict[str, Any], ended: bool = False) -> dict[str, Any]:
    return {"taskLog": {"lines": lines, "ended": ended}}


def page(*lines: dict[str, Any], dropped: int = 0, after: str | None = None) -> web.Response:
    log = {
        "dropped": dropped,
        "edges": [{"node": node} for node in lines],
        "pageInfo": {"hasNextPage": after is not None, "endCursor": after},
    }
    return web.json_response({"data": {"task": {"log": log}}})


async def run(scripted: Scripted, *arguments: str) -> tuple[int, list[str], str]:
    """Run the command and return its exit code and what it printed."""
    runner = CliRunner()
    command = ["T", "--server", scripted.url, *arguments]
    result = await asyncio.to_thread(runner.invoke, log_command, command, standalone_mode=False)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout.splitlines(), result.stderr


async def test_log_is_printed_page_by_page(scripted: Scripted) -> None:
    scripted.answers += page(line(3, "one", url="u"), dropped=2, after="next"), page(line(4, "two\x1b[31m"))

    _, printed, errors = await run(scripted)

    assert [text.split(" ", 1)[1] for text in printed] == [
        "warning  one url=u",
        "warning  two\N{REPLACEMENT CHARACTER}[31m",
    ]
    assert errors == "(lines that are gone: 2)\n"
    assert [request["variables"] for request in scripted.requests] == [
        {"id": "T", "after": None},
        {"id": "T", "after": "next"},
    ]


async def test_json_is_a_line_for_each_line(scripted: Scripted) -> None:
    scripted.answers.append(page(line(1, "one"), line(2, "two")))

    _, printed, _ = await run(scripted, "--output", "json")

    assert [json.loads(text)["number"] for text in printed] == [1, 2]


async def test_followed_log_goes_on_until_the_end(scripted: Scripted) -> None:
    scripted.answers.append(
        events(update(line(1, "one")), update(line(2, "two")), update(ended=True), is_complete=True)
    )

    _, printed, errors = await run(scripted, "--follow")

    assert [text.rsplit(" ", 1)[1] for text in printed] == ["one", "two"]
    assert errors == ""


async def test_followed_log_goes_on_where_it_was_when_the_server_stops(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "RECONNECT_PAUSE_SECONDS", 0.01)
    scripted.answers += (
        events(update(line(1, "one"), line(2, "two")), is_complete=True),
        events(update(line(2, "two"), line(3, "three")), is_complete=True),
        events(update(line(6, "six"), ended=True), is_complete=True),
    )

    _, printed, errors = await run(scripted, "--follow")

    assert [text.rsplit(" ", 1)[1] for text in printed] == ["one", "two", "three", "six"]
    assert errors.splitlines() == [f"{scripted.url} has stopped; trying again"] * 2 + ["(lines that are gone: 2)"]


async def test_task_that_is_not_there_is_told(scripted: Scripted) -> None:
    scripted.answers.append(web.json_response({"data": {"task": None}}))

    with pytest.raises(Exception, match="There is no task 'T'"):
        await run(scripted)
