"""What watchers see of a running sync: state, with totals that say how far they can be trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from headbox.models import Task
from headbox.tasking.bus import TASK
from headbox.tasking.redis_bus import RedisBus
from headbox.types import FINAL_STATES, Automation, OnError, TaskState
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, serve
from tests.support.upstream import Slow, Status, Upstream
from tests.support.waiting import PATIENCE_SECONDS, until

FILES = {f"{number}.txt": b"file %d" % number for number in range(5)}

#: How long it may take until Redis has been told that somebody listens, in seconds.
TOLD_SECONDS = 1.0


@asynccontextmanager
async def watched(engine: LocalEngine) -> AsyncIterator[list[dict[str, Any]]]:
    """Keep every state of the tasks that is told, to the end of the last one."""
    states: list[dict[str, Any]] = []
    listens = asyncio.Event()

    async def watch() -> None:
        with engine.bus.subscribe(TASK) as events:
            if isinstance(engine.bus, RedisBus):
                # What comes before Redis has been told is lost. It says so, unless it had been told before.
                await events.next(TOLD_SECONDS)
            listens.set()
            async for event in events:
                states.extend([event[1]] if event else [])

    watching = asyncio.create_task(watch())
    await listens.wait()
    try:
        yield states
        await until(lambda: states[-1]["state"] in FINAL_STATES)
    finally:
        watching.cancel()


def report(state: dict[str, Any], code: str) -> dict[str, Any] | None:
    """Return a progress report of a state, or None when there is none."""
    for action in state["actions"]:
        for found in action["reports"]:
            if found["code"] == code:
                return dict(found)
    return None


def totals(states: list[dict[str, Any]], code: str) -> list[tuple[str, int | None]]:
    """Return the totals of a report as they were told, each once."""
    told = [(found["total_kind"], found["total"]) for state in states if (found := report(state, code))]
    return list(dict.fromkeys(told))


async def test_total_is_unknown_then_estimated_from_the_last_sync_and_exact_in_the_end(
    engine: LocalEngine, mirror: Mirror
) -> None:
    mirror.upstream.fault(MANIFEST, Slow(0.2))

    async with watched(engine) as first:
        await mirror.sync(FILES)
    async with watched(engine) as second:
        await mirror.sync(FILES | {"one-more.txt": b"one more"})

    code = "sync.discover.content"
    assert totals(first, code) == [("unknown", None), ("exact", 5)]
    assert totals(second, code) == [("estimated", 5), ("exact", 6)]


async def test_downloads_are_counted_while_they_run(engine: LocalEngine, mirror: Mirror) -> None:
    mirror.upstream.fault("4.txt", Slow(0.4))

    async with watched(engine) as states:
        await mirror.sync(FILES)

    told = [found for state in states if (found := report(state, "sync.download.artifacts"))]
    running = {"done": 4, "total": 5, "total_kind": "exact", "state": "running"}
    assert any(running.items() <= found.items() for found in told)
    assert {"done": 5, "total": 5, "state": "completed"}.items() <= told[-1].items()
    size = sum(map(len, FILES.values()))
    assert totals(states, "sync.download.bytes")[-1] == ("exact", size)


async def test_actions_come_in_order_and_end_with_their_task(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror", automation=Automation.DISTRIBUTE)

    async with watched(engine) as states:
        task = await mirror.sync(FILES)

    assert [(action["name"], action["state"]) for action in task.actions] == [
        ("sync", "completed"),
        ("publish", "completed"),
        ("distribute", "completed"),
    ]
    assert [state["state"] for state in states][-1] == TaskState.COMPLETED
    assert states[-1]["actions"] == task.actions
    assert states[-1]["result"] == task.result


async def is_written(task: Task, **fields: int) -> bool:
    """Tell whether the row of a task that runs has what its downloads have come to."""
    row = await Task.get(id=task.id)
    found = report({"actions": row.actions}, "sync.download.artifacts") or {}
    return row.state is TaskState.RUNNING and fields.items() <= found.items()


async def test_progress_is_written_to_the_row(engine: LocalEngine, mirror: Mirror) -> None:
    serve(mirror.upstream, FILES)
    mirror.upstream.fault("4.txt", Slow(60), times=1)
    task = await make_sync(engine, mirror.repository)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_written(task, done=4, total=5):  # noqa: ASYNC110 - nothing tells of a row
            await asyncio.sleep(0.05)

    await engine.cancel(task)
    await engine.finished(task)


async def test_left_out_units_are_counted(engine: LocalEngine, mirror: Mirror) -> None:
    mirror.upstream.fault("1.txt", Status(404))

    task = await mirror.sync(FILES, on_error=OnError.SKIP)

    found = report({"actions": task.actions}, "sync.issues")
    assert found is not None
    assert found["done"] == 1


async def test_failed_sync_shows_no_report_that_runs_on(engine: LocalEngine, mirror: Mirror) -> None:
    serve(mirror.upstream, FILES)
    mirror.upstream.fault("1.txt", Status(404))

    await mirror.sync_badly()

    [task] = await Task.all()
    states = {part["state"] for action in task.actions for part in (action, *action["reports"])}
    assert states == {"failed"}
