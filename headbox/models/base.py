"""What most tables share."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from headbox.types import uuid7


class Row(Model):
    """A row with an identifier that sorts by the time of its making."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta(Model.Meta):
        """Never a table of its own."""

        abstract = True
