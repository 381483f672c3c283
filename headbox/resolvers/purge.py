"""Purges: their creation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headbox.models import Task
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change
from headbox.services import purge as service
from headbox.services.purge import PurgeRequest


async def create(context: Context, values: Mapping[str, Any]) -> Task:
    """Create a purge.

    Raises:
        RequestError: Something of it cannot be; there is no task.
    """
    request = PurgeRequest(**{name: value for name, value in values.items() if value is not None})
    return await change(
        context, lambda work: service.create(work, request), is_repeatable=request.idempotency_key is not None
    )
