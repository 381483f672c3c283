"""Leases: what one process at a time does."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Lease(Model):
    """A job that one process at a time does, until it stops renewing its lease."""

    name = fields.CharField(max_length=64, primary_key=True)
    holder = fields.UUIDField()
    # On the database's clock.
    expires_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "lease"
