"""Distributions: a base path and what it follows, and what was served there before."""

from __future__ import annotations

import uuid

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row
from headbox.models.publication import Publication
from headbox.models.repository import Repository, RepositoryVersion


class Distribution(Row):
    """A base path below `/content/`. At most one of the three sources is set.

    No base path overlaps another one: the tables `base_path` and `distribution_base_path` say so by constraint (see
    the first migration).
    """

    name = fields.CharField(max_length=255, unique=True)
    base_path = fields.CharField(max_length=1024, unique=True)
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    revision = fields.IntField(default=1)
    # Follows the latest distributable publication of this repository.
    repository: fields.ForeignKeyNullableRelation[Repository] = fields.ForeignKeyField(
        "core.Repository", related_name="distributions", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    repository_id: uuid.UUID | None
    # Pinned to the latest distributable publication of this version.
    repository_version: fields.ForeignKeyNullableRelation[RepositoryVersion] = fields.ForeignKeyField(
        "core.RepositoryVersion", related_name="distributions", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    repository_version_id: uuid.UUID | None
    # Pinned to this publication.
    publication: fields.ForeignKeyNullableRelation[Publication] = fields.ForeignKeyField(
        "core.Publication", related_name="pinned_by", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    publication_id: uuid.UUID | None
    # What clients get now: the one pointer that changes. Written in the transaction that changes what is followed.
    serving: fields.ForeignKeyNullableRelation[Publication] = fields.ForeignKeyField(
        "core.Publication", related_name="served_by", on_delete=fields.SET_NULL, null=True, db_index=True
    )
    serving_id: uuid.UUID | None

    class Meta(Model.Meta):
        table = "distribution"


class DistributionHistory(Model):
    """What clients got at a base path for some time.

    It refers to nothing: what it names may be renamed or deleted, and it stays as it was.
    """

    id = fields.BigIntField(primary_key=True)
    distribution_id = fields.UUIDField()
    distribution_name = fields.CharField(max_length=255)
    base_path = fields.CharField(max_length=1024)
    repository_id = fields.UUIDField()
    repository_name = fields.CharField(max_length=255)
    version_id = fields.UUIDField()
    version_number = fields.BigIntField()
    publication_id = fields.UUIDField()
    since = fields.DatetimeField()
    # None while it is served.
    until = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "distribution_history"
        indexes = (("base_path", "since"),)
