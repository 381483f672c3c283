"""The state of a task as an event: what changes in its row, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

from headbox.models import Task

#: The columns that change after a task was created.
MUTABLE = (
    "state",
    "attempt",
    "worker_id",
    "started_at",
    "finished_at",
    "actions",
    "result",
    "created_resources",
    "error",
)


def snapshot_of(task: Task) -> dict[str, Any]:
    """Return the values of the columns that change."""
    return {name: getattr(task, name) for name in MUTABLE}


def apply_snapshot(task: Task, snapshot: dict[str, Any]) -> Task:
    """Return the task in a later state; the same state where the snapshot is older than the task."""
    is_older = snapshot["attempt"] < task.attempt or (task.state.is_final and not snapshot["state"].is_final)
    if is_older:
        return task
    later = copy.copy(task)
    for name, value in snapshot.items():
        setattr(later, name, value)
    return later
