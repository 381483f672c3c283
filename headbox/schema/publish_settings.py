"""Publish settings."""

from __future__ import annotations

from datetime import datetime

import strawberry

from headbox.schema.node import Node


@strawberry.interface(
    description="How a repository version is published. Immutable and shared: the same values are the same node."
)
class PublishSettings(Node):
    """Stands over `models.PublishSettings`."""

    created_at: datetime = strawberry.field(description="When these values were first used.")
