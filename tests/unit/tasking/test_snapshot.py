"""Snapshots: the state of a task as an event, applied to what a watcher has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headbox.models import Task
from headbox.models.database import Database
from headbox.settings import Settings
from headbox.tasking.snapshot import apply_snapshot, snapshot_of
from headbox.types import TaskState


@pytest.fixture(autouse=True)
async def connected(data_dir: Path) -> AsyncIterator[None]:
    """Rows know their foreign keys only where there is a database."""
    async with Database.of(Settings(data_dir=data_dir)).connected():
        yield


def task(state: TaskState, attempt: int = 1) -> Task:
    return Task(kind="file.sync", state=state, attempt=attempt, correlation_id="test", actions=[{"name": "sync"}])


async def test_later_state_is_applied_to_a_copy() -> None:
    before, after = task(TaskState.RUNNING), task(TaskState.COMPLETED)

    applied = apply_snapshot(before, snapshot_of(after))

    assert (applied.state, before.state) == (TaskState.COMPLETED, TaskState.RUNNING)
    assert applied.id == before.id


async def test_state_of_an_older_attempt_is_no_news() -> None:
    before = task(TaskState.WAITING, attempt=2)

    assert apply_snapshot(before, snapshot_of(task(TaskState.RUNNING, attempt=1))) is before


async def test_nothing_follows_a_final_state() -> None:
    before = task(TaskState.CANCELED)

    assert apply_snapshot(before, snapshot_of(task(TaskState.RUNNING))) is before
