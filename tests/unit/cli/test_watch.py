from __future__ import annotations

import io
from typing import Any, cast

import pytest
from rich.console import Console

from headbox.cli.watch import TaskView, watch
from headbox.client import Client, OperationRefused
from headbox.client.tasks import TaskState
from tests.support.scripted import Scripted, Stream, events

STARTED, FINISHED = "2026-01-31T12:00:00+00:00", "2026-01-31T12:00:02.500000+00:00"


def report(message: str, state: str = "RUNNING", **values: Any) -> dict[str, Any]:
    nothing = {"unit": "ITEMS", "done": 0, "total": None, "totalKind": "UNKNOWN", "rate": None, "etaSeconds": None}
    return {"code": "x", "message": message, "state": state, "suffix": None, **nothing, **values}


def action(name: str, state: str, *reports: dict[str, Any]) -> dict[str, Any]:
    finished = None if state == "RUNNING" else FINISHED
    return {"name": name, "state": state, "startedAt": STARTED, "finishedAt": finished, "reports": list(reports)}


def task(state: str, *actions: dict[str, Any], **values: Any) -> TaskState:
    nothing: dict[str, Any] = {"blockedBy": [], "createdResources": [], "error": None}
    finished = FINISHED if state in ("COMPLETED", "FAILED", "CANCELED") else None
    known: dict[str, Any] = {
        "id": "T",
        "kind": "file.sync",
        "state": state,
        "startedAt": None if state == "WAITING" else STARTED,
        "finishedAt": finished,
        "actions": list(actions),
    }
    return cast("TaskState", known | nothing | values)


def drawn(shown: TaskState, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(TaskView(shown))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_reports_are_bars_grouped_by_action() -> None:
    shown = task(
        "COMPLETED",
        action("sync", "COMPLETED", report("Files", "COMPLETED", done=2014, total=2014, totalKind="EXACT")),
        action("publish", "SKIPPED"),
    )

    title, sync, files, publish = drawn(shown)
    assert title == "file.sync  completed  2.5 s"
    assert sync.split() == ["✓", "sync", "2.5", "s"]
    assert files.split() == ["Files", "━" * 24, "2,014"]
    assert publish.split() == ["-", "publish", "2.5", "s"]


def test_states_that_only_a_later_server_knows_are_shown_too() -> None:
    title, action_line, _ = drawn(task("PAUSED", action("sync", "PAUSED", report("Files", "PAUSED", done=1))))

    assert title.startswith("file.sync  paused")
    assert action_line.split()[:2] == ["?", "sync"]


def test_totals_are_shown_for_what_they_are() -> None:
    exact = report("Exact", done=10, total=40, totalKind="EXACT", rate=5.0, etaSeconds=6.0)
    estimated = report("Estimated", done=50, total=40, totalKind="ESTIMATED")
    unknown = report("Unknown", done=1_500_000, unit="BYTES", rate=1000.0)

    _, _, *lines = drawn(task("RUNNING", action("sync", "RUNNING", exact, estimated, unknown)))

    assert lines[0].split("━")[-1].split() == ["10", "/", "40", "5/s", "0:06", "left"]
    assert lines[1].split("━")[-1].split() == ["50", "/", "~40"]
    assert lines[2].split("━")[-1].split() == ["1.5", "MB", "1.0", "kB/s"]
    assert "%" not in "".join(lines)


def test_a_failed_task_says_why_and_what_to_do() -> None:
    error = {"code": "X", "message": "It is \x1b[31mdown.", "hint": "Wait.", "path": [], "retryable": True}

    lines = drawn(task("FAILED", action("sync", "FAILED", report("Files", "FAILED", done=3)), error=error))

    assert lines[-2:] == ["  ✗ It is \N{REPLACEMENT CHARACTER}[31mdown.", "    Hint: Wait."]


def test_a_waiting_task_says_what_it_waits_for() -> None:
    blocker = {"id": "B", "kind": "file.publish", "state": "RUNNING"}

    lines = drawn(task("WAITING", blockedBy=[blocker]))
    assert [line for line in lines if line] == ["file.sync  waiting", "  waits for file.publish (running)"]


async def test_watching_ends_with_the_final_state_and_tells_each_change_once() -> None:
    running = task("RUNNING", action("sync", "RUNNING", report("Files", done=1)))
    done = action("sync", "COMPLETED", report("Files", "COMPLETED", done=2), report("Bytes", "COMPLETED", done=9))
    async with Scripted().running() as server, Client(server.url) as client:
        states = [task("WAITING"), running, running, task("COMPLETED", done)]
        server.answers.append(events(*({"task": state} for state in states), is_complete=True))
        console = Console(file=io.StringIO())

        assert await watch(client, "T", console) == states[-1]

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "file.sync: waiting",
        "file.sync: sync running",
        "file.sync: running",
        "file.sync: sync completed: Files 2, Bytes 9",
        "file.sync: completed",
    ]
    assert server.requests[0]["variables"] == {"id": "T"}


async def test_watching_on_a_terminal_leaves_the_final_picture() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        states = [task("RUNNING"), task("CANCELED")]
        server.answers.append(events(*({"task": state} for state in states), is_complete=True))
        console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)

        assert (await watch(client, "T", console))["state"] == "CANCELED"

    assert isinstance(console.file, io.StringIO)
    assert "file.sync  canceled  2.5 s" in console.file.getvalue()


async def test_a_task_that_is_not_there_is_refused() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        error = {"message": "There is no task 'T'.", "extensions": {"code": "NOT_FOUND"}}
        server.answers.append(Stream([{"type": "error", "payload": [error]}]))

        with pytest.raises(OperationRefused, match="There is no task 'T'"):
            await watch(client, "T", Console(file=io.StringIO()))
