"""The installation that a database belongs to."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

#: The identifier of the only row.
THE_ONLY = 1


class Installation(Model):
    """What all processes of an installation must agree on."""

    id = fields.IntField(primary_key=True, generated=False)
    # Something known, encrypted with the key that the credentials are encrypted with.
    key_check = fields.TextField()

    class Meta(Model.Meta):
        table = "installation"
