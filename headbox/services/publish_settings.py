"""Publish settings: immutable and shared."""

from __future__ import annotations

from typing import Any

import orjson

from headbox.kinds import SettingsDocument
from headbox.models import PublishSettings
from headbox.services.documents import checked
from headbox.tasking.engine import UnitOfWork
from headbox.types import derived_id


async def get_or_create(work: UnitOfWork, kind: type[SettingsDocument], values: dict[str, Any]) -> PublishSettings:
    """Return the settings of these values; the same values are the same row.

    Raises:
        Invalid: A value is not what its field takes.
    """
    document = checked(kind, values).plain()
    identifier = derived_id(kind.kind, orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode())
    settings, _ = await PublishSettings.get_or_create(
        id=identifier, defaults={"kind": kind.kind, "document": document}, using_db=work.connection
    )
    return settings
