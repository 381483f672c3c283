"""The task types of core itself: what no plugin needs to bring."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from headbox.kinds.tasks import TaskType
from headbox.types import TaskState

#: The plugin name that kinds of core begin with; no plugin has it.
CORE = "core"
#: Longest grace of a garbage collection, in seconds: ten years.
MAX_GRACE_SECONDS = 315_360_000
#: Longest age that a reclaim asks for, in days: a thousand years.
MAX_RECLAIM_DAYS = 365_000


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


class ScopedTask(TaskType):
    """A task of core that is about stored artifacts: all of them, or those of a repository or a version."""

    repository: UUID | None = Field(
        None, description="Repository whose artifacts it is about: those of all of its versions and publications."
    )
    repository_version: UUID | None = Field(
        None, description="Repository version whose artifacts it is about. All artifacts where neither is given."
    )

    @field_validator("repository_version")
    @classmethod
    def _check_is_alone(cls, value: UUID | None, info: ValidationInfo) -> UUID | None:
        if value is not None and info.data.get("repository") is not None:
            raise ValueError("it goes in place of a repository, not with one")
        return value


class Repair(ScopedTask, kind="core.repair"):
    """Compare stored bytes with what they should be, and fetch those that are damaged or missing again."""

    check_digests: bool = Field(
        True,
        description="Whether all bytes are read and compared with their digests; else sizes alone are compared, and"
        " digests of what is known to be damaged.",
    )
    dry_run: bool = Field(False, description="Whether it only looks, and changes nothing.")


class Reclaim(ScopedTask, kind="core.reclaim"):
    """Free the space of stored bytes that remotes can give again; they are fetched when somebody asks for them."""

    older_than_days: float | None = Field(
        None,
        ge=0,
        le=MAX_RECLAIM_DAYS,
        description="How many days ago the bytes must have been stored, at least; any number when null.",
    )
    dry_run: bool = Field(False, description="Whether it only counts what could be freed.")


#: All of them.
CORE_TASKS: tuple[type[TaskType], ...] = (TaskPurge, GarbageCollection, Repair, Reclaim)
