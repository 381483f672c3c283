"""Content units, the artifacts that they consist of, and which repository versions hold them."""

from __future__ import annotations

import uuid
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row
from headbox.types import Origin


class Content(Row):
    """One immutable content unit of some kind.

    Its `id` is derived from kind and natural key, so that the same unit declared twice is the same row.
    """

    kind = fields.CharField(max_length=100)
    document: fields.JSONField[dict[str, Any]] = fields.JSONField()
    # The place that it takes in a version, which no other unit of that version has: see `ContentUnit.slot_id`.
    slot = fields.UUIDField()
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    # Since when nothing needs it, as far as the garbage collection has found; None where something may.
    unused_since = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        # Units of one kind lie together by their ids: see `derived_id`.
        table = "content"


class ContentNeed(Model):
    """A content unit that another one is of no use without."""

    id = fields.BigIntField(primary_key=True)
    content: fields.ForeignKeyRelation[Content] = fields.ForeignKeyField(
        "core.Content", related_name="needs", on_delete=fields.CASCADE
    )
    content_id: uuid.UUID
    # Not a foreign key: what is needed may come later, or never.
    needed_id = fields.UUIDField(db_index=True)

    class Meta(Model.Meta):
        table = "content_need"
        unique_together = (("content", "needed_id"),)


class Artifact(Model):
    """Bytes that are stored, named by their SHA-256."""

    sha256 = fields.CharField(max_length=64, primary_key=True)
    size = fields.BigIntField()
    created_at = fields.DatetimeField(auto_now_add=True)
    # Since when nothing needs it, as far as the garbage collection has found; None where something may.
    unused_since = fields.DatetimeField(null=True)
    # When its bytes were found to be gone, or to be others; None while nothing is known against them.
    damaged_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "artifact"


class ArtifactRemoval(Model):
    """Stored bytes that are on their way out, or went lately: who stores the same bytes looks here before it commits.

    See `pipeline.keeping`.
    """

    sha256 = fields.CharField(max_length=64, primary_key=True)
    # On the database's clock. Who started it deletes the bytes within a time, or not at all.
    started_at = fields.DatetimeField()
    # When the bytes were gone. None while they may go at any moment.
    ended_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "artifact_removal"


class ContentArtifact(Model):
    """The place of an artifact in a content unit, whose bytes may not be stored yet."""

    id = fields.BigIntField(primary_key=True)
    content: fields.ForeignKeyRelation[Content] = fields.ForeignKeyField(
        "core.Content", related_name="artifacts", on_delete=fields.CASCADE
    )
    content_id: uuid.UUID
    relative_path = fields.TextField()
    # None until known: a remote need not declare a digest.
    sha256 = fields.CharField(max_length=64, null=True)
    size = fields.BigIntField(null=True)

    class Meta(Model.Meta):
        table = "content_artifact"
        unique_together = (("content", "relative_path"),)
        indexes = (("relative_path",), ("sha256",))


class ArtifactSource(Model):
    """Where the bytes of a content unit's artifact can be fetched."""

    id = fields.BigIntField(primary_key=True)
    content: fields.ForeignKeyRelation[Content] = fields.ForeignKeyField(
        "core.Content", related_name="sources", on_delete=fields.CASCADE
    )
    content_id: uuid.UUID
    relative_path = fields.TextField()
    remote_id = fields.UUIDField()
    url = fields.TextField()
    # When it last failed, or sent other bytes than it should, and why; None where it did not since it last worked.
    failed_at = fields.DatetimeField(null=True)
    error = fields.TextField(null=True)

    class Meta(Model.Meta):
        table = "artifact_source"
        unique_together = (("content", "relative_path", "remote_id"),)


class Membership(Model):
    """An interval of versions of a repository that hold a content unit.

    Version `n` holds the unit when `added_in <= n` and `removed_in` is None or greater than `n`.
    """

    id = fields.BigIntField(primary_key=True)
    repository_id = fields.UUIDField()
    content: fields.ForeignKeyRelation[Content] = fields.ForeignKeyField(
        "core.Content", related_name="memberships", on_delete=fields.RESTRICT
    )
    content_id: uuid.UUID
    added_in = fields.BigIntField()
    removed_in = fields.BigIntField(null=True)
    # The unit's own: no two open intervals of a repository have the same.
    slot = fields.UUIDField()
    # Bytes of its artifacts, as far as their sizes were known then: what it counts for in the versions that hold it.
    size = fields.BigIntField()
    # How the unit came in, when, by which task, and who asked for that; they outlive the task and the version.
    origin = fields.CharEnumField(Origin, max_length=10)
    added_at = fields.DatetimeField()
    added_by_id = fields.UUIDField()
    added_by_user = fields.CharField(max_length=255, null=True)

    class Meta(Model.Meta):
        table = "membership"
        unique_together = (("repository_id", "content", "added_in"),)
        indexes = (("repository_id", "added_in"), ("content_id",))
