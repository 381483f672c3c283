"""What a sync left out."""

from __future__ import annotations

import strawberry

from headbox.schema.enums import ErrorCode


@strawberry.type(description="A unit that a sync left out, and why.")
class SyncIssue:
    """Stands over `models.SyncIssue`."""

    code: ErrorCode = strawberry.field(description="What went wrong, for machines; stable.")
    message: str = strawberry.field(description="What went wrong, for people.")
    url: str | None = strawberry.field(description="Address that it has to do with.")
    relative_path: str | None = strawberry.field(description="Path of the unit, where it is known.")
    retryable: bool = strawberry.field(description="Whether another sync may get it with nothing changed.")
