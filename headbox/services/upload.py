"""Uploads: bytes that clients bring in pieces, until they are an artifact.

An upload goes through three states. While bytes are missing, `received` says how many are here for good. With the last
of them it is *whole*: its digest is known and is the declared one. When the bytes are stored as an artifact too, it is
*complete*, and its file is gone. Whatever is interrupted between two of these is taken up again by the next request.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from headbox.errors import DigestMismatch, Invalid, LimitExceeded, NotFound, StorageFull
from headbox.models import Artifact, Upload
from headbox.models.database import Connection, Contended, execute, fetch, lock_name, now
from headbox.pipeline.keeping import Collected, add_artifacts, keep_artifacts, removals_ended
from headbox.services.artifact import ArtifactState, check_artifact
from headbox.settings import UploadSettings
from headbox.storage.interface import ArtifactStorage
from headbox.storage.uploads import UploadFile, UploadFolder, UploadLocked
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import check_relative_path

#: Expired uploads that are removed at a time.
BATCH = 200
#: Longest name of a file, in characters.
MAX_FILENAME = 255
#: What is said where there is no space.
FULL_HINT = "Free space where the data folder lies; then try again."
#: How much of a file is read and hashed at a time, in bytes.
_HASHED_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NewUpload:
    """An upload to create.

    Attributes:
        size: Its size in bytes.
        client: Address of the client.
        sha256: The digest that it must have, 64 lower-case hexadecimal digits, or None for any.
        filename: What the client calls it, for people.
        metadata: What the client says of it in the words of the protocol.
    """

    size: int
    client: str
    sha256: str | None = None
    filename: str | None = None
    metadata: str | None = None


async def create(work: UnitOfWork, folder: UploadFolder, new: NewUpload, *, reuses_stored: bool = False) -> Upload:
    """Create an upload.

    Args:
        work: The transaction.
        folder: Where its bytes will be.
        new: What it is.
        reuses_stored: Whether it is complete at once where an artifact with its digest is stored.

    Raises:
        RequestError: It is too large, or one too many, or not what is stored under its digest.
        StorageFull: There is no space for it.
    """
    settings = work.settings.upload
    check(new, settings)
    stored = await Artifact.get_or_none(sha256=new.sha256, using_db=work.connection) if new.sha256 else None
    if stored is not None and stored.size != new.size:
        reason = f"what is stored with this digest has {stored.size} bytes"
        raise Invalid(field="size", reason=reason, path=("size",))
    present = await now(work.connection)
    is_complete = reuses_stored and stored is not None and stored.damaged_at is None
    if not is_complete:
        if folder.free_bytes() - settings.min_free_bytes < new.size:
            raise StorageFull(what="the upload", hint=FULL_HINT)
        await _check_number(work, new.client, present)
    upload = await Upload.create(
        size=new.size,
        received=new.size if is_complete else 0,
        sha256=new.sha256,
        filename=new.filename,
        metadata=new.metadata,
        client=new.client,
        expires_at=present + timedelta(seconds=settings.expire_seconds),
        completed_at=present if is_complete else None,
        using_db=work.connection,
    )
    if is_complete and new.sha256 and await keep_artifacts(work.connection, [new.sha256]):
        raise Contended("the bytes that are uploaded already were collected meanwhile")
    return upload


def check(new: NewUpload, settings: UploadSettings) -> None:
    """Make sure that an upload is one that may be created.

    Raises:
        RequestError: It is too large, or its name is none.
    """
    if new.size < 0:
        raise Invalid(field="size", reason="it is negative", path=("size",))
    if new.size > settings.max_bytes:
        raise LimitExceeded(what="The size", limit=settings.max_bytes, path=("size",))
    if new.filename is None:
        return
    try:
        check_relative_path(new.filename)
    except ValueError as error:
        raise Invalid(field="filename", reason=str(error), path=("filename",)) from None
    if "/" in new.filename or len(new.filename) > MAX_FILENAME:
        reason = f"it is one segment of a path, of at most {MAX_FILENAME} characters"
        raise Invalid(field="filename", reason=reason, path=("filename",))


async def _check_number(work: UnitOfWork, client: str, present: datetime) -> None:
    # One after the other: each is counted before the next one is made.
    await lock_name(work.connection, "upload", "open")
    [row] = await fetch(
        work.connection,
        "SELECT COUNT(*) AS all_open, COUNT(CASE WHEN client = ? THEN 1 END) AS own FROM upload"
        " WHERE completed_at IS NULL AND expires_at > ?",
        [client, present],
    )
    settings = work.settings.upload
    hint = "Complete or terminate some of them, or wait until they expire."
    if row["own"] >= settings.max_open_of_client:
        raise LimitExceeded(what="The number of your open uploads", limit=settings.max_open_of_client, hint=hint)
    if row["all_open"] >= settings.max_open:
        raise LimitExceeded(what="The number of open uploads", limit=settings.max_open, hint=hint)


async def find(connection: Connection, upload_id: UUID) -> Upload | None:
    """Return an upload that has not expired, or None."""
    upload = await Upload.get_or_none(id=upload_id)
    return upload if upload is not None and upload.expires_at > await now(connection) else None


async def advance(connection: Connection, upload: Upload, received: int, settings: UploadSettings) -> None:
    """Note that so many bytes are here for good.

    Raises:
        NotFound: The upload was removed.
    """
    upload.received = received
    upload.expires_at = await now(connection) + timedelta(seconds=settings.expire_seconds)
    changed = await execute(
        connection,
        "UPDATE upload SET received = ?, sha256 = ?, expires_at = ? WHERE id = ? AND completed_at IS NULL",
        [received, upload.sha256, upload.expires_at, str(upload.id)],
    )
    if not changed:
        raise NotFound(what="upload", key=str(upload.id))


async def finish(
    engine: Engine, storage: ArtifactStorage, file: UploadFile, upload: Upload, sha256: str | None
) -> None:
    """Complete an upload whose bytes are all in its file.

    Args:
        engine: The engine.
        storage: Where it becomes an artifact.
        file: Its file.
        upload: It; changed in place.
        sha256: The digest of the file, or None where nobody knows it yet.

    Raises:
        DigestMismatch: They are not what was declared; the upload is removed.
        HeadboxError: The bytes cannot be stored now. The upload is whole: `resume` goes on from there.
    """
    found = sha256 or await _digest_of(file)
    if upload.sha256 not in {None, found}:
        await remove(engine.database.connection, file, upload)
        raise DigestMismatch(url="The upload", actual=found, expected=upload.sha256)
    await asyncio.to_thread(file.sync)
    upload.sha256 = found
    await advance(engine.database.connection, upload, upload.size, engine.settings.upload)
    await _store(engine, storage, file, upload)


async def resume(engine: Engine, storage: ArtifactStorage, file: UploadFile, upload: Upload) -> None:
    """Complete an upload that is whole, and was left before it was stored; `upload` is changed in place.

    Raises:
        HeadboxError: As `finish`.
    """
    if upload.size:
        await _store(engine, storage, file, upload)
    else:
        # It was whole from the beginning, and what was declared was never looked at.
        await finish(engine, storage, file, upload, sha256=None)


async def _store(engine: Engine, storage: ArtifactStorage, file: UploadFile, upload: Upload) -> None:
    """Make an artifact of an upload that is whole; `upload` is changed in place.

    Where its bytes get lost on the way, it begins anew: `received` is 0 then.

    Raises:
        HeadboxError: The bytes cannot be stored now, or the upload was removed.
    """
    assert upload.sha256 is not None, "an upload that is whole has a digest"
    connection = engine.database.connection
    # From here on the row of the upload keeps the bytes; who began to delete them before ends first.
    await removals_ended(connection, [upload.sha256])
    if file.size == upload.size:
        known = Artifact.filter(sha256=upload.sha256, damaged_at__isnull=True).using_db(connection)
        await move_in(storage, file.path, upload.sha256, upload.size, is_sound=await known.exists())
    elif await _stored(storage, upload.sha256, upload.size) is not ArtifactState.WHOLE:
        # Not even a process that was killed right after it had moved the bytes left them anywhere.
        await advance(connection, upload, 0, engine.settings.upload)
        return
    await storage.flush()
    try:
        await _complete(engine, storage, upload)
    except Collected:
        await advance(connection, upload, 0, engine.settings.upload)
        return
    # What was moved is no longer there; what another process had moved left an empty file behind the lock.
    file.remove()


async def move_in(storage: ArtifactStorage, path: Path, sha256: str, size: int, *, is_sound: bool) -> None:
    """Move a file into the storage, in place of damaged bytes that nobody knows of where there are such.

    Args:
        storage: The storage; whoever began to delete these bytes has ended.
        path: The file, with the right bytes.
        sha256: Their digest.
        size: Their number.
        is_sound: Whether the database has an artifact of them that is not damaged.

    Raises:
        HeadboxError: The bytes cannot be stored now.
    """
    if not is_sound and await _stored(storage, sha256, size) is ArtifactState.DAMAGED:
        await storage.replace(path, sha256)
    else:
        await storage.adopt(path, sha256)


async def _complete(engine: Engine, storage: ArtifactStorage, upload: Upload) -> None:
    """Write that an upload is an artifact.

    Raises:
        NotFound: The upload was removed.
        Collected: Its bytes are not stored any more.
    """
    assert upload.sha256 is not None, "an upload that is whole has a digest"
    present = datetime.now(UTC)
    async with engine.unit_of_work() as work:
        statement = "UPDATE upload SET completed_at = ? WHERE id = ?"
        if not await execute(work.connection, statement, [present, str(upload.id)]):
            raise NotFound(what="upload", key=str(upload.id))
        await add_artifacts(work.connection, storage, {upload.sha256: upload.size})
    upload.completed_at = present


async def remove(connection: Connection, file: UploadFile, upload: Upload) -> None:
    """Remove an upload with its bytes, save for those that are stored as an artifact."""
    # In this order, so that whoever is killed in between leaves no bytes that nobody knows of.
    file.remove()
    await Upload.filter(id=upload.id).using_db(connection).delete()


async def remove_expired(engine: Engine) -> int:
    """Remove some of the uploads that have expired, with their bytes, and return how many."""
    connection = engine.database.connection
    present = await now(connection)
    rows = await fetch(
        connection, "SELECT id FROM upload WHERE expires_at <= ? ORDER BY expires_at LIMIT ?", [present, BATCH]
    )
    folder = UploadFolder.of(engine.settings)
    gone = await asyncio.to_thread(_remove_files, folder, [UUID(str(row["id"])) for row in rows])
    if not gone:
        return 0
    marks = ", ".join("?" * len(gone))
    statement = f"DELETE FROM upload WHERE id IN ({marks}) AND expires_at <= ?"  # noqa: S608
    return await execute(connection, statement, [*map(str, gone), present])


async def remove_orphans(engine: Engine) -> int:
    """Remove the files of uploads that are no more, and return how many.

    The processes that remove uploads when they expire need not see the folder that the bytes are in.
    """
    folder = UploadFolder.of(engine.settings)
    old = await asyncio.to_thread(folder.older_than, time.time() - engine.settings.upload.expire_seconds)
    removed = 0
    for start in range(0, len(old), BATCH):
        some = old[start : start + BATCH]
        known = {upload.id for upload in await Upload.filter(id__in=some).only("id")}
        gone = [upload for upload in some if upload not in known]
        removed += len(await asyncio.to_thread(_remove_files, folder, gone))
    return removed


def _remove_files(folder: UploadFolder, uploads: list[UUID]) -> list[UUID]:
    """Remove the files of uploads, save for those that are written to now; return the uploads."""
    gone = []
    for upload in uploads:
        try:
            with folder.locked(upload) as file:
                file.remove()
        except UploadLocked:
            continue
        gone.append(upload)
    return gone


async def _stored(storage: ArtifactStorage, sha256: str, size: int) -> ArtifactState:
    """Tell how the bytes of an upload are stored, where the database does not know of it.

    A process that was killed may have stored them; a crash of the machine may have cut them since, or left zeros.
    """
    return (await check_artifact(storage, sha256, size, reads=True)).state


async def _digest_of(file: UploadFile) -> str:
    digest, offset = hashlib.sha256(), 0
    # In pieces, so that a process that ends need not wait for the end of the file.
    while read := await asyncio.to_thread(_hash_some, file, digest, offset):
        offset += read
    return digest.hexdigest()


def _hash_some(file: UploadFile, digest: hashlib._Hash, offset: int) -> int:
    data = file.read(offset, _HASHED_BYTES)
    digest.update(data)
    return len(data)
