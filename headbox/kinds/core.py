"""The task types of core itself: what no plugin needs to bring."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from headbox.kinds.tasks import TaskType
from headbox.types import TaskState

#: The plugin name that kinds of core begin with; no plugin has it.
CORE = "core"
#: Longest grace of a garbage collection, in seconds: ten years.
MAX_GRACE_SECONDS = 315_360_000


class TaskPurge(TaskType, kind="core.purge"):
    """Delete finished tasks, with their logs and issues."""

    finished_before: datetime = Field(description="Tasks that ended before this are deleted.")
    states: tuple[TaskState, ...] = Field(description="States that they ended in.")
    kinds: tuple[str, ...] | None = Field(None, description="Kinds of tasks, such as `file.sync`; all when null.")


class GarbageCollection(TaskType, kind="core.garbage_collection"):
    """Delete content that no repository version holds, artifacts that nothing needs, and what else was left behind."""

    grace_seconds: float | None = Field(
        None,
        ge=0,
        le=MAX_GRACE_SECONDS,
        description="How long nothing must have needed what is deleted, in seconds, as far as collections have found;"
        " as the settings say when null. 0 deletes at once, even what was uploaded and is not in a version yet.",
    )
    dry_run: bool = Field(False, description="Whether it only counts what could be deleted.")


#: All of them.
CORE_TASKS: tuple[type[TaskType], ...] = (TaskPurge, GarbageCollection)
