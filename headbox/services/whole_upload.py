"""Uploads that come whole in one request: nobody knows of one before it is complete, so many can be stored at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from headbox.errors import StorageFull
from headbox.models import Artifact
from headbox.models.database import Contended, insert_new, now
from headbox.pipeline.keeping import Collected, add_artifacts, removals_ended
from headbox.services.upload import FULL_HINT, NewUpload, move_in
from headbox.storage.interface import ArtifactStorage
from headbox.storage.uploads import UploadFolder
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import uuid7

_COLUMNS = ("id", "size", "received", "sha256", "filename", "metadata", "client")


@dataclass(frozen=True, slots=True)
class WholeUpload:
    """An upload with its bytes.

    Attributes:
        new: What the client says of it.
        data: Its bytes, as many as it was declared to have.
        sha256: Their digest.
    """

    new: NewUpload
    data: bytes
    sha256: str


async def complete(
    engine: Engine, storage: ArtifactStorage, folder: UploadFolder, uploads: Sequence[WholeUpload]
) -> list[UUID]:
    """Store uploads as artifacts, all of them or none, and return their ids in the same order.

    They cost a flush of the storage and a transaction, however many they are.

    Args:
        engine: The engine.
        storage: Where they become artifacts.
        folder: Where their bytes lie until then.
        uploads: At least one; the same bytes may come several times.

    Raises:
        StorageFull: There is no space for them.
        StorageUnavailable: The storage does not take them.
        Contended: Their bytes were collected meanwhile: another try may succeed.
    """
    sizes = {upload.sha256: len(upload.data) for upload in uploads}
    if folder.free_bytes() - engine.settings.upload.min_free_bytes < sum(sizes.values()):
        raise StorageFull(what="the upload", hint=FULL_HINT)
    ids = {uuid7(): upload for upload in uploads}
    files = {upload.sha256: folder.path_of(key) for key, upload in ids.items()}
    try:
        with StorageFull.translated("the upload", hint=FULL_HINT):
            await asyncio.to_thread(_write, {files[upload.sha256]: upload.data for upload in uploads})
        await _store(engine, storage, files, sizes)
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)
    try:
        async with engine.unit_of_work() as work:
            await _insert(work, ids)
            await add_artifacts(work.connection, storage, sizes)
    except Collected as error:
        raise Contended("the bytes of an upload were collected meanwhile") from error
    return list(ids)


def _write(files: dict[Path, bytes]) -> None:
    for file, data in files.items():
        # With the rights of every file that a process makes: it becomes an artifact, which others may hand out.
        file.write_bytes(data)


async def _store(engine: Engine, storage: ArtifactStorage, files: dict[str, Path], sizes: dict[str, int]) -> None:
    """Move files into the storage, for good."""
    connection = engine.database.connection
    await removals_ended(connection, list(files))
    known = Artifact.filter(sha256__in=list(files), damaged_at__isnull=True).using_db(connection)
    sound = {artifact.sha256 for artifact in await known.only("sha256")}
    # Side by side, for an object storage takes its time for each of them; and all to their end, for the files go then.
    moves = [move_in(storage, file, sha256, sizes[sha256], is_sound=sha256 in sound) for sha256, file in files.items()]
    for outcome in await asyncio.gather(*moves, return_exceptions=True):
        if outcome is not None:
            raise outcome
    await storage.flush()


async def _insert(work: UnitOfWork, uploads: dict[UUID, WholeUpload]) -> None:
    present = await now(work.connection)
    rows = [
        (
            str(key),
            len(upload.data),
            len(upload.data),
            upload.sha256,
            upload.new.filename,
            upload.new.metadata,
            upload.new.client,
        )
        for key, upload in uploads.items()
    ]
    times = {
        "created_at": present,
        "completed_at": present,
        "expires_at": present + timedelta(seconds=work.settings.upload.expire_seconds),
    }
    await insert_new(work.connection, "upload", _COLUMNS, rows, constants=times)
