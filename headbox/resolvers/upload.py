"""Uploads: how they are created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headbox.models import Upload
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change
from headbox.services import upload as service
from headbox.services.content import checked_digest
from headbox.services.upload import NewUpload
from headbox.storage.uploads import UploadFolder


def url(context: Context, upload: Upload) -> str:
    """Return the address at which a client sends the bytes of an upload."""
    base = context.engine.settings.server.public_url or context.base_url
    return f"{base.rstrip('/')}/uploads/{upload.id}"


async def create(context: Context, values: Mapping[str, Any]) -> Upload:
    """Create an upload; it is complete at once where bytes of its digest are stored, and where it has none.

    Raises:
        RequestError: It is too large, or one too many, or not what is stored under its digest.
        DigestMismatch: It is empty and has another digest than declared.
        StorageFull: There is no space for it.
    """
    engine = context.engine
    sha256 = values.get("sha256")
    new = NewUpload(
        size=values["size"],
        client=context.client,
        sha256=None if sha256 is None else checked_digest(sha256, "sha256"),
        filename=values.get("filename"),
    )
    folder = UploadFolder.of(engine.settings)
    upload = await change(context, lambda work: service.create(work, folder, new, reuses_stored=True))
    if upload.is_whole and upload.completed_at is None:
        with folder.locked(upload.id) as file:
            await service.resume(engine, context.storage, file, upload)
    return upload
