"""Tasks, their claims on resources, and what they leave behind."""

from __future__ import annotations

import uuid
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.errors import ErrorCode
from headbox.models.base import Row
from headbox.models.worker import Worker
from headbox.types import TaskPriority, TaskState


class TaskGroup(Row):
    """Tasks that were made together."""

    description = fields.TextField()

    class Meta(Model.Meta):
        table = "task_group"


class Task(Row):
    """One piece of work: the row is the truth, its message a nudge."""

    kind = fields.CharField(max_length=100)
    state = fields.CharEnumField(TaskState, max_length=10, default=TaskState.WAITING)
    priority = fields.CharEnumField(TaskPriority, max_length=10, default=TaskPriority.NORMAL)
    # The parameters, as its task type wrote them: all ids are pinned.
    input: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    # What it made, by the names of its result fields; node ids as text.
    result: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    # Relay ids of what it created, in order.
    created_resources: fields.JSONField[list[str]] = fields.JSONField(default=list)
    # The progress document: a list of actions, each with its reports.
    actions: fields.JSONField[list[dict[str, Any]]] = fields.JSONField(default=list)
    error: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    correlation_id = fields.CharField(max_length=64)
    # The user who asked for it; None where the server did by itself, or was not told. See `tasking.user`.
    requested_by = fields.CharField(max_length=255, null=True)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    # How often a worker took it. Every write that makes something visible applies only to the attempt that made it.
    attempt = fields.IntField(default=0)
    # How often its worker was lost.
    losses = fields.IntField(default=0)
    worker: fields.ForeignKeyNullableRelation[Worker] = fields.ForeignKeyField(
        "core.Worker", related_name="tasks", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    worker_id: uuid.UUID | None
    repeats: fields.ForeignKeyNullableRelation[Task] = fields.ForeignKeyField(
        "core.Task", related_name="repeated_by", on_delete=fields.SET_NULL, null=True
    )
    repeats_id: uuid.UUID | None
    group: fields.ForeignKeyNullableRelation[TaskGroup] = fields.ForeignKeyField(
        "core.TaskGroup", related_name="tasks", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    group_id: uuid.UUID | None
    # The repository that it works on, for filters; not a foreign key, so that a task outlives its repository.
    repository_id = fields.UUIDField(null=True)
    # The remote revision that was current when the task was created.
    remote_revision_id = fields.UUIDField(null=True)

    class Meta(Model.Meta):
        table = "task"
        indexes = (("state", "id"), ("kind", "id"), ("repository_id", "id"), ("remote_revision_id",))


class TaskClaim(Model):
    """An unfinished task's hold on a resource: waited for, or held. Gone when the task is finished."""

    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "core.Task", related_name="claims", on_delete=fields.CASCADE, db_index=True
    )
    task_id: uuid.UUID
    # Type and id, such as "repository:<uuid>".
    resource = fields.CharField(max_length=255)
    # Order of arrival at this resource.
    sequence = fields.BigIntField()
    exclusive = fields.BooleanField()

    class Meta(Model.Meta):
        table = "task_claim"
        unique_together = (("resource", "sequence"),)

    @property
    def repository_id(self) -> uuid.UUID | None:
        """Return the id of the repository that it is a hold on; None where it is on something else."""
        kind, _, identifier = self.resource.partition(":")
        try:
            return uuid.UUID(identifier) if kind == "repository" else None
        except ValueError:
            # A plugin may mean something of its own by the word.
            return None


class ResourceQueue(Model):
    """The last number that was given out for a resource. Its row lock makes order of number order of commit."""

    resource = fields.CharField(max_length=255, primary_key=True)
    sequence = fields.BigIntField()

    class Meta(Model.Meta):
        table = "resource_queue"


class IdempotencyKey(Model):
    """Which task a client's key made."""

    key = fields.CharField(max_length=255, primary_key=True)
    # SHA-256 of the request, so that a key that is used for another one is noticed.
    request = fields.CharField(max_length=64)
    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "core.Task", related_name="idempotency_keys", on_delete=fields.CASCADE, db_index=True
    )
    task_id: uuid.UUID
    expires_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "idempotency_key"


class SyncIssue(Row):
    """A unit that a sync left out, or an artifact that a repair could not get again, and why."""

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "core.Task", related_name="issues", on_delete=fields.CASCADE
    )
    task_id: uuid.UUID
    code = fields.CharEnumField(ErrorCode, max_length=32)
    message = fields.TextField()
    url = fields.TextField(null=True)
    relative_path = fields.TextField(null=True)
    retryable = fields.BooleanField(default=False)
    # The artifact, where it is about one.
    sha256 = fields.CharField(max_length=64, null=True)

    class Meta(Model.Meta):
        table = "sync_issue"
        indexes = (("task_id", "id"),)


class StagedContent(Model):
    """The content units that a sync or a plan has seen, or that a task is to add. Gone when it ends.

    Whatever is staged stays: the garbage collection does not touch it.
    """

    id = fields.BigIntField(primary_key=True)
    task_id = fields.UUIDField()
    content_id = fields.UUIDField()
    # Place in what the remote declared: of two units that want one place, the first stays.
    ordinal = fields.BigIntField(db_default=0)
    slot = fields.UUIDField()

    class Meta(Model.Meta):
        table = "staged_content"
        # By slot: units that want one place lie together.
        unique_together = (("task_id", "slot", "content_id"),)
