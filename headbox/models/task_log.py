"""What tasks say while they run."""

from __future__ import annotations

import uuid
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.models.task import Task


class TaskLogLine(Model):
    """A line of a task's log. The oldest ones go when there are too many."""

    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "core.Task", related_name="log_lines", on_delete=fields.CASCADE
    )
    task_id: uuid.UUID
    # From 1, without gaps: the first number that is left says how many are gone.
    number = fields.BigIntField()
    attempt = fields.IntField()
    logged_at = fields.DatetimeField()
    level = fields.CharField(max_length=10)
    logger = fields.CharField(max_length=255)
    message = fields.TextField()
    # What the caller gave beside the message, by name.
    extra: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)

    class Meta(Model.Meta):
        table = "task_log_line"
        unique_together = (("task", "number"),)
