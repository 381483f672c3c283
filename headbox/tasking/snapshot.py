"""The state of a task as an event: what changes in its row, and nothing else."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from headbox.models import Task
from headbox.tasking.bus import Payload
from headbox.types import TaskState

#: The columns that change after a task was created and are JSON already.
_PLAIN = ("attempt", "actions", "result", "created_resources", "error")
_TIMES = ("started_at", "finished_at")


def snapshot_of(task: Task) -> Payload:
    """Return the values of the columns that change, as JSON has them."""
    times = {name: getattr(task, name) for name in _TIMES}
    return {
        **{name: getattr(task, name) for name in _PLAIN},
        **{name: time.isoformat() if time else None for name, time in times.items()},
        "state": task.state.value,
        "worker_id": str(task.worker_id) if task.worker_id else None,
    }


def apply_snapshot(task: Task, snapshot: Payload) -> Task:
    """Return the task in a later state; the same task where the snapshot is older than it."""
    state = TaskState(snapshot["state"])
    if snapshot["attempt"] < task.attempt or (task.state.is_final and not state.is_final):
        return task
    later = copy.copy(task)
    for name, value in _values(snapshot).items():
        setattr(later, name, value)
    later.state = state
    return later


def _values(snapshot: Payload) -> dict[str, Any]:
    worker_id = snapshot["worker_id"]
    return {
        **{name: snapshot[name] for name in _PLAIN},
        **{name: datetime.fromisoformat(snapshot[name]) if snapshot[name] else None for name in _TIMES},
        "worker_id": UUID(worker_id) if worker_id else None,
    }
