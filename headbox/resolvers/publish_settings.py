"""Publish settings, as inputs refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headbox.kinds import SettingsDocument
from headbox.models import PublishSettings
from headbox.resolvers.context import Context
from headbox.resolvers.edits import below, wanted
from headbox.services import publish_settings as service
from headbox.tasking.engine import UnitOfWork


async def referred(
    work: UnitOfWork,
    context: Context,
    kind: type[SettingsDocument] | None,
    reference: Mapping[str, Any] | None,
    field: str,
) -> PublishSettings | dict[str, Any] | None:
    """Return the settings that a reference names, or the values that it asks for.

    Args:
        work: The transaction.
        context: The operation.
        kind: Kind of the settings.
        reference: Either an `id` or the values to `create`; None gives None.
        field: The input field that held the reference.

    Raises:
        NotFound: There are none with this id.
        WrongType: It is the id of something else.
    """
    if reference is None:
        return None
    if "create" in reference:
        return dict(reference["create"])
    return await wanted(work, context, reference["id"], PublishSettings, field, "id", kind=kind.kind if kind else None)


async def referred_row(
    work: UnitOfWork,
    context: Context,
    kind: type[SettingsDocument],
    reference: Mapping[str, Any] | None,
    field: str,
) -> PublishSettings | None:
    """Return the settings that a reference names or asks for, made where there are none of its values; see `referred`.

    Raises:
        NotFound: There are none with this id.
        WrongType: It is the id of something else.
        ExceptionGroup: An `Invalid` or `Required` for each value at fault.
    """
    settings = await referred(work, context, kind, reference, field)
    if not isinstance(settings, dict):
        return settings
    with below(field, "create"):
        return await service.get_or_create(work, kind, settings)
