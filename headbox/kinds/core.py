"""The task types of core itself: what no plugin needs to bring."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from headbox.kinds.tasks import TaskType
from headbox.types import TaskState

#: The plugin name that kinds of core begin with; no plugin has it.
CORE = "core"


class TaskPurge(TaskType, kind="core.purge"):
    """Delete finished tasks, with their logs and issues."""

    finished_before: datetime = Field(description="Tasks that ended before this are deleted.")
    states: tuple[TaskState, ...] = Field(description="States that they ended in.")
    kinds: tuple[str, ...] | None = Field(None, description="Kinds of tasks, such as `file.sync`; all when null.")


#: All of them.
CORE_TASKS: tuple[type[TaskType], ...] = (TaskPurge,)
