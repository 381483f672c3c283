"""Filters on tasks, asked of a task as it was: the same answers as `resolvers.task.condition` gives for a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any


def matches(condition: Mapping[str, Any], task: Mapping[str, Any]) -> bool:
    """Tell whether a filter holds for a task.

    Args:
        condition: A filter as clients send it, with values of states in place of states, ids of rows in place of global
            ids (empty for one of something else), and times in the ISO format. Fields that are None are passed over.
        task: The columns of a task by name, as JSON: `kind`, `state`, `labels`, `requested_by`, `created_at`,
            `repository_id`, `worker_id` and `group_id`.
    """
    return all(_holds(name, value, task) for name, value in condition.items() if value is not None)


def _holds(name: str, value: Any, task: Mapping[str, Any]) -> bool:
    if name == "and":
        return all(matches(part, task) for part in value)
    if name == "or":
        return any(matches(part, task) for part in value)
    if name == "not":
        return not matches(value, task)
    return _LEAVES[name](value, task)


def _has_labels(wanted: Sequence[Mapping[str, Any]], task: Mapping[str, Any]) -> bool:
    labels = task["labels"]
    return all(label["key"] in labels and label.get("value") in (None, labels[label["key"]]) for label in wanted)


_LEAVES: Mapping[str, Callable[[Any, Mapping[str, Any]], bool]] = {
    "kind": lambda kinds, task: task["kind"] in kinds,
    "state": lambda states, task: task["state"] in states,
    "repository": lambda key, task: task["repository_id"] == key,
    "worker": lambda key, task: task["worker_id"] == key,
    "group": lambda key, task: task["group_id"] == key,
    "user": lambda name, task: task["requested_by"] == name,
    "created_after": lambda time, task: datetime.fromisoformat(task["created_at"]) > datetime.fromisoformat(time),
    "created_before": lambda time, task: datetime.fromisoformat(task["created_at"]) < datetime.fromisoformat(time),
    "label": _has_labels,
}
