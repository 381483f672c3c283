"""Publications and the settings that they were rendered with."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row

if TYPE_CHECKING:
    from headbox.models.repository import RepositoryVersion


class PublishSettings(Row):
    """Immutable and shared: `id` is derived from kind and values, so the same values are the same row."""

    kind = fields.CharField(max_length=100)
    document: fields.JSONField[dict[str, Any]] = fields.JSONField()

    class Meta(Model.Meta):
        table = "publish_settings"


class Publication(Row):
    """What clients read of one repository version under one publish settings."""

    repository_version: fields.ForeignKeyRelation[RepositoryVersion] = fields.ForeignKeyField(
        "core.RepositoryVersion", related_name="publications", on_delete=fields.CASCADE
    )
    repository_version_id: uuid.UUID
    settings: fields.ForeignKeyRelation[PublishSettings] = fields.ForeignKeyField(
        "core.PublishSettings", related_name="publications", on_delete=fields.RESTRICT
    )
    settings_id: uuid.UUID
    # Of everything that decides what it holds: version, settings, renderer and the renderer's version.
    fingerprint = fields.CharField(max_length=64, unique=True)
    # False while it is held back from the distributions that follow its repository.
    distributable = fields.BooleanField(default=True)
    created_by_id = fields.UUIDField(null=True)
    # When it was last published, or asked for again: of the publications of one version, the latest is served.
    published_at = fields.DatetimeField(auto_now_add=True)
    # No column: True on the row that a task answers with when an identical publication stood already.
    reused: bool = False

    class Meta(Model.Meta):
        table = "publication"
        indexes = (("repository_version_id",), ("settings_id",))


class PublishedFile(Model):
    """A metadata file that a publication adds to the content of its version."""

    id = fields.BigIntField(primary_key=True)
    # Not a foreign key: a publication goes at once, however many files it has, and the files go behind it.
    publication_id = fields.UUIDField()
    relative_path = fields.TextField()
    sha256 = fields.CharField(max_length=64, db_index=True)
    size = fields.BigIntField()

    class Meta(Model.Meta):
        table = "published_file"
        unique_together = (("publication_id", "relative_path"),)
