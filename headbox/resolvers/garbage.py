"""Garbage collections: their plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headbox.resolvers.context import Context
from headbox.services import garbage as service
from headbox.services.survey import Found


async def plan(context: Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a collection would delete now, as the API shows it.

    Raises:
        RequestError: The collection cannot be, or too many are planned at once.
        StorageUnavailable: The storage cannot be asked.
    """
    return shown(await service.plan(context.engine, context.storage, values.get("grace_seconds")))


def shown(found: Found) -> dict[str, Any]:
    """Return what was found under the names of the API."""
    return {
        "units": found.units,
        "artifacts": found.artifacts,
        "files": found.files,
        "freed_bytes": found.size,
        "waiting_units": found.waiting,
        "is_complete": found.is_complete,
    }
