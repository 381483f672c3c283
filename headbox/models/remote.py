"""Remotes: where to sync from, as a series of immutable revisions."""

from __future__ import annotations

import uuid
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row


class Remote(Row):
    """A named upstream. A deleted one stays as a row for as long as tasks or on-demand content need its revisions."""

    kind = fields.CharField(max_length=100)
    # Unique among the remotes that are not deleted.
    name = fields.CharField(max_length=255)
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    # Number of the current revision, from 1.
    revision = fields.IntField(default=1)
    deleted_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "remote"


class RemoteRevision(Row):
    """The configuration of a remote as it stood from one update to the next."""

    remote: fields.ForeignKeyRelation[Remote] = fields.ForeignKeyField(
        "core.Remote", related_name="revisions", on_delete=fields.CASCADE
    )
    remote_id: uuid.UUID
    number = fields.IntField()
    document: fields.JSONField[dict[str, Any]] = fields.JSONField()
    # The secret fields, as one encrypted JSON object; None when it has none.
    secrets = fields.TextField(null=True)

    class Meta(Model.Meta):
        table = "remote_revision"
        unique_together = (("remote", "number"),)
