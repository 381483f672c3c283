"""Watching a task: its state as a picture for a terminal, and as lines elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from headbox.cli.failures import ExitCode
from headbox.cli.printable import printable
from headbox.client import Client, TaskState

#: How a task can have ended, and what exit code says so.
EXIT_CODES = {"COMPLETED": ExitCode.OK, "FAILED": ExitCode.FAILED, "CANCELED": ExitCode.CANCELED}

#: Width of a bar, in columns.
BAR_WIDTH = 24
FRAMES_PER_SECOND = 10

_MARKS = {
    "WAITING": ("·", "dim"),
    "COMPLETED": ("✓", "green"),
    "FAILED": ("✗", "bold red"),
    "CANCELED": ("■", "yellow"),
    "SKIPPED": ("-", "dim"),
}
#: Of a state that only a later server knows.
_OTHER = ("?", "dim")
_STATE_STYLES = {"RUNNING": "cyan", "CANCELING": "yellow"} | {state: style for state, (_, style) in _MARKS.items()}


class TaskView:
    """A task as a picture: bars grouped by action. Set `task` to its latest state, and draw it again.

    Attributes:
        task: The task, with the fields that `WATCH_TASK` selects.
        note: A line below the picture, or None.
    """

    def __init__(self, task: TaskState) -> None:
        self.task = task
        self.note: str | None = None
        # One for all actions, so that redrawing goes on with its movement.
        self._spinner = Spinner("dots", style="cyan")

    def __rich__(self) -> RenderableType:
        """Return what is drawn."""
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        yield self._title()
        yield self._bars()
        if self.task["state"] == "WAITING" and self.task["blockedBy"]:
            others = ", ".join(f"{other['kind']} ({other['state'].lower()})" for other in self.task["blockedBy"])
            yield Text(f"  waits for {others}", style="dim")
        if error := _error(self.task):
            yield Text.assemble(("  ✗ ", "bold red"), (printable(error["message"]), "red"))
            if error["hint"]:
                yield Text.assemble(("    Hint: ", "yellow"), printable(error["hint"]))
        if self.note:
            yield Text(f"  {self.note}", style="yellow")

    def _title(self) -> Text:
        state = self.task["state"]
        return Text.assemble(
            (self.task["kind"], "bold"),
            "  ",
            (state.lower(), _style(state)),
            "  ",
            (_duration(self.task["startedAt"], self.task["finishedAt"]), "dim"),
        )

    def _bars(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(width=BAR_WIDTH)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True, style="dim")
        table.add_column(justify="right", no_wrap=True, style="dim")
        for action in self.task["actions"]:
            name = Text(action["name"], style="bold" if action["state"] == "RUNNING" else _style(action["state"]))
            table.add_row(
                self._mark(action["state"]),
                name,
                None,
                None,
                _duration(action["startedAt"], action["finishedAt"]),
                None,
            )
            for report in action["reports"]:
                table.add_row(
                    None,
                    Text(f"  {printable(report['message'])}"),
                    _bar(report),
                    _count(report),
                    _rate(report),
                    _eta(report),
                )
        return table

    def _mark(self, state: str) -> RenderableType:
        return self._spinner if state == "RUNNING" else Text(*_MARKS.get(state, _OTHER))


def _style(state: str) -> str:
    return _STATE_STYLES.get(state, _OTHER[1])


def _error(task: TaskState) -> dict[str, Any] | None:
    """Return why a task has failed; that somebody canceled it is no news."""
    return task["error"] if task["state"] != "CANCELED" else None


def _bar(report: dict[str, Any]) -> ProgressBar:
    """Return a bar; one that moves to and fro while nobody knows how much there is."""
    total, done, state = report["total"], report["done"], report["state"]
    if state == "COMPLETED":
        total = done = 1
    elif total is None and state != "RUNNING":
        total, done = 1, 0
    return ProgressBar(
        # A total of 0 would be drawn as a bar without end.
        total=total if total is None else total or 1,
        completed=done,
        width=BAR_WIDTH,
        complete_style=_style(state),
        finished_style=_style(state),
        pulse_style=_style(state),
    )


def _amount(report: dict[str, Any], value: float) -> str:
    return decimal(int(value)) if report["unit"] == "BYTES" else f"{value:,.0f}"


def _count(report: dict[str, Any]) -> str:
    """Return how much is done, of how much: "12", "12 / 40", or "12 / ~40" while that is an estimate."""
    done, total = _amount(report, report["done"]), report["total"]
    if total is None or report["state"] == "COMPLETED":
        return done
    about = "~" if report["totalKind"] == "ESTIMATED" else ""
    return f"{done} / {about}{_amount(report, total)}"


def _rate(report: dict[str, Any]) -> str:
    if report["state"] != "RUNNING" or not report["rate"]:
        return printable(report["suffix"] or "")
    return f"{_amount(report, report['rate'])}/s"


def _eta(report: dict[str, Any]) -> str:
    if report["state"] != "RUNNING" or report["etaSeconds"] is None:
        return ""
    return f"{_clock(report['etaSeconds'])} left"


def _duration(started_at: str | None, finished_at: str | None) -> str:
    """Return how long a task or an action took or has been running; empty before it starts."""
    if started_at is None:
        return ""
    started = datetime.fromisoformat(started_at)
    finished = datetime.fromisoformat(finished_at) if finished_at else datetime.now(UTC)
    # The clocks of two machines differ: a task may seem to start in the future.
    seconds = max(0.0, (finished - started).total_seconds())
    return f"{seconds:.1f} s" if seconds < 60 else _clock(seconds)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


async def watch(client: Client, task_id: str, console: Console) -> TaskState:
    """Show a task until it has ended, as bars on a terminal and as lines elsewhere, and return its final state.

    Raises:
        ServerUnreachable: The server cannot be reached at first, or is away for too long.
        OperationRefused: There is no such task.
    """
    try:
        return await (_watch_live if console.is_terminal else _watch_lines)(client, task_id, console)
    except asyncio.CancelledError:
        console.print(f"The task goes on. See it again: headbox task watch {task_id}", soft_wrap=True)
        raise


async def _watch_live(client: Client, task_id: str, console: Console) -> TaskState:
    view: TaskView | None = None

    def tell_lost(reason: str) -> None:
        if view is not None:
            view.note = f"{reason}; trying again"

    with Live(console=console, refresh_per_second=FRAMES_PER_SECOND, transient=False) as live:
        async for task in client.watch(task_id, on_lost=tell_lost):
            if view is None:
                view = TaskView(task)
                live.update(view)
            view.task, view.note = task, None
    assert view is not None, "a subscription to a task starts with its state"
    return view.task


async def _watch_lines(client: Client, task_id: str, console: Console) -> TaskState:
    task: TaskState | None = None
    shown: set[str] = set()
    async for task in client.watch(task_id):
        for line in _lines(task):
            if line not in shown:
                shown.add(line)
                console.print(printable(line), highlight=False, markup=False, soft_wrap=True)
    assert task is not None, "a subscription to a task starts with its state"
    return task


def _lines(task: TaskState) -> Iterator[str]:
    """Yield what there is to say of a task so far, one line for each state of it and of its actions."""
    kind, state = task["kind"], task["state"].lower()
    for action in task["actions"]:
        line = f"{kind}: {action['name']} {action['state'].lower()}"
        if action["state"] in EXIT_CODES and action["reports"]:
            line += ": " + ", ".join(f"{report['message']} {_count(report)}" for report in action["reports"])
        yield line
    yield f"{kind}: {state}"
    if error := _error(task):
        yield f"Error: {error['message']}"
        if error["hint"]:
            yield f"Hint: {error['hint']}"
