"""Workers: the processes that run tasks."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row


class Worker(Row):
    """One run of a worker process: a process that starts again is another worker."""

    name = fields.CharField(max_length=255)
    # On the database's clock, like every time that lost workers are judged by.
    last_seen_at = fields.DatetimeField()
    stopped_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "worker"
        indexes = (("last_seen_at",),)
