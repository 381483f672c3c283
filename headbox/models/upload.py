"""Bytes that clients bring, in pieces."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row


class Upload(Row):
    """Bytes that a client brings. Until all of them are here, they are in a file of the folder of uploads."""

    size = fields.BigIntField()
    # Never more than what is in the file, durably. What is in the file beyond it does not count.
    received = fields.BigIntField(default=0)
    # Declared by the client, or found when all bytes were here.
    sha256 = fields.CharField(max_length=64, null=True)
    filename = fields.CharField(max_length=255, null=True)
    # As the client sent it: see `uploads.headers`.
    metadata = fields.TextField(null=True)
    # Address of the client.
    client = fields.CharField(max_length=64)
    # On the database's clock.
    expires_at = fields.DatetimeField(db_index=True)
    # When the bytes were stored as an artifact. None while they are not.
    completed_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "upload"

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are here and are the right ones."""
        return bool(self.received == self.size)
