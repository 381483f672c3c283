"""Repositories and their versions."""

from __future__ import annotations

import uuid
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.errors import ErrorCode
from headbox.models.base import Row
from headbox.models.publication import PublishSettings
from headbox.models.remote import Remote
from headbox.types import Automation, SyncMode


class Repository(Row):
    """A named series of repository versions."""

    kind = fields.CharField(max_length=100)
    name = fields.CharField(max_length=255, unique=True)
    description = fields.TextField(null=True)
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    revision = fields.IntField(default=1)
    # The fields that its kind declares.
    document: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    remote: fields.ForeignKeyNullableRelation[Remote] = fields.ForeignKeyField(
        "core.Remote", related_name="repositories", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    remote_id: uuid.UUID | None
    publish_settings: fields.ForeignKeyNullableRelation[PublishSettings] = fields.ForeignKeyField(
        "core.PublishSettings", related_name="repositories", on_delete=fields.RESTRICT, null=True
    )
    publish_settings_id: uuid.UUID | None
    automation = fields.CharEnumField(Automation, max_length=10, default=Automation.NONE)
    sync_mode = fields.CharEnumField(SyncMode, max_length=10, default=SyncMode.ADDITIVE)
    retain_versions = fields.IntField(null=True)
    # Whether nothing is published while content is missing that its last sync left out.
    require_complete = fields.BooleanField(default=False)
    # Number of the latest version; its row always exists.
    latest_number = fields.BigIntField(default=0)

    class Meta(Model.Meta):
        table = "repository"


class RepositoryVersion(Row):
    """One immutable set of content units. Which units, the memberships tell."""

    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "core.Repository", related_name="versions", on_delete=fields.CASCADE
    )
    repository_id: uuid.UUID
    # From 0, which is empty.
    number = fields.BigIntField()
    created_by_id = fields.UUIDField(null=True)
    # Number of the version that this one was made from; None for version 0.
    base_number = fields.BigIntField(null=True)
    # Number of the version before it, which `added` and `removed` tell the difference to; None for the first one.
    previous_number = fields.BigIntField(null=True)
    present = fields.BigIntField(default=0)
    added = fields.BigIntField(default=0)
    removed = fields.BigIntField(default=0)
    # Bytes of the units that are present, as their memberships count them.
    size = fields.BigIntField(default=0)
    # Kind -> {"present": n, "added": n, "removed": n, "size": n}; kinds without a unit are left out.
    by_kind: fields.JSONField[dict[str, dict[str, int]]] = fields.JSONField(default=dict)

    class Meta(Model.Meta):
        table = "repository_version"
        unique_together = (("repository", "number"),)


class SyncState(Model):
    """What the last completed sync of a repository saw: lets the next one skip what did not change."""

    repository_id = fields.UUIDField(primary_key=True)
    # What is the same for syncs that make the same of the same metadata: task type, parameters, address of the remote.
    inputs = fields.TextField()
    # Latest version of the repository when that sync ended.
    version_number = fields.BigIntField()
    # URL -> {"etag", "last_modified", "sha256"} of the root metadata.
    metadata: fields.JSONField[dict[str, dict[str, str | None]]] = fields.JSONField(default=dict)
    # How many units it counted: the estimate for the next one.
    totals: fields.JSONField[dict[str, int]] = fields.JSONField(default=dict)

    class Meta(Model.Meta):
        table = "sync_state"


class OpenIssue(Row):
    """What a repository misses because its syncs could not get it."""

    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "core.Repository", related_name="open_issues", on_delete=fields.CASCADE
    )
    repository_id: uuid.UUID
    # The one that declared what is missing.
    remote: fields.ForeignKeyRelation[Remote] = fields.ForeignKeyField(
        "core.Remote", related_name="open_issues", on_delete=fields.CASCADE, db_index=True
    )
    remote_id: uuid.UUID
    # The task that found it last.
    task_id = fields.UUIDField()
    code = fields.CharEnumField(ErrorCode, max_length=32)
    message = fields.TextField()
    # Empty where it is not about one: together they say what is missing.
    url = fields.TextField(default="")
    relative_path = fields.TextField(default="")
    retryable = fields.BooleanField(default=False)
    last_seen_at = fields.DatetimeField()
    # How many syncs have met it.
    attempts = fields.IntField(default=1)
    # None where another try would come to the same.
    next_try_at = fields.DatetimeField(null=True, db_index=True)

    class Meta(Model.Meta):
        table = "open_issue"
        indexes = (("repository_id", "id"),)


class SyncPlan(Row):
    """What a sync would change, computed before it is asked for."""

    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "core.Repository", related_name="plans", on_delete=fields.CASCADE, db_index=True
    )
    repository_id: uuid.UUID
    task_kind = fields.CharField(max_length=100)
    # The parameters of the sync, as its task would have them.
    input: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    # Number of the repository's latest version that it was computed against.
    version_number = fields.BigIntField()
    # Of everything that the remote declared, in whatever order.
    fingerprint = fields.CharField(max_length=64)
    # The figures, and the first units of each change.
    summary: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    expires_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "sync_plan"
