"""Schedules: tasks that are created again and again."""

from __future__ import annotations

import uuid
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row
from headbox.models.task import Task
from headbox.types import MissedRuns, ScheduleOutcome


class Schedule(Row):
    """A task to create whenever a cron expression says so."""

    name = fields.CharField(max_length=255, unique=True)
    revision = fields.IntField(default=1)
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    cron = fields.CharField(max_length=255)
    # Name of the IANA time zone that the expression is read in.
    time_zone = fields.CharField(max_length=64)
    missed_runs = fields.CharEnumField(MissedRuns, max_length=10)
    enabled = fields.BooleanField(default=True)
    # The user who created it, or changed it last: who asks for its tasks.
    requested_by = fields.CharField(max_length=255, null=True)
    task_kind = fields.CharField(max_length=100)
    # What the client asked for, as the API names it.
    task_input: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    # The same as the service takes it: ids of rows in place of global ids.
    request: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    # On the database's clock. None while it is paused, and when the expression never holds again.
    next_run_at = fields.DatetimeField(null=True, db_index=True)
    last_run_at = fields.DatetimeField(null=True)
    last_outcome = fields.CharEnumField(ScheduleOutcome, max_length=10, null=True)
    last_error: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    # The task that it created last, even where a later run created none.
    last_task: fields.ForeignKeyNullableRelation[Task] = fields.ForeignKeyField(
        "core.Task", related_name="schedules", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    last_task_id: uuid.UUID | None

    class Meta(Model.Meta):
        table = "schedule"
