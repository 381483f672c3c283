"""Artifacts as objects in a bucket of Amazon S3, or of anything that speaks its protocol.

Source: Amazon S3 API Reference; https://docs.rs/object_store, which obstore is made of.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store
from typing_extensions import override

from headbox.errors import NotFound, StorageFull, StorageUnavailable
from headbox.settings import MEBIBYTE, StorageSettings
from headbox.storage.interface import READ_CHUNK_BYTES, ArtifactStorage, StorageHealth, StoredArtifact
from headbox.storage.keys import digest_of, key_of

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import S3Config

log = logging.getLogger(__name__)

#: Larger files go up in parts of this size, unless these were too many; smaller ones go in one request, from memory.
PART_BYTES = 8 * MEBIBYTE
#: Most parts that S3 takes for one object.
MAX_PARTS = 10_000
#: What one upload may have in memory; it is one part at least.
UPLOAD_MEMORY_BYTES = 4 * PART_BYTES
#: Uploads of each size that are under way at a time. With the sizes above, they have 192 MiB in memory at most, save
#: for files above 80 GB.
SMALL_UPLOADS, LARGE_UPLOADS = 16, 2
#: Objects whose sizes are asked for at a time.
LOOKS = 64

#: How long a request is repeated that failed for a reason that may pass.
RETRY_TIME = timedelta(seconds=30)
#: How long nothing may come in of what is waited for.
READ_TIMEOUT = timedelta(seconds=60)
#: A whole transfer takes as long as it takes: its size, and how slow a client reads, are not known.
TRANSFER_TIMEOUT = timedelta(days=7)
CONNECT_TIMEOUT = timedelta(seconds=5)
#: Least of a body that is handed to Python at a time, in bytes.
_READ_AHEAD_BYTES = READ_CHUNK_BYTES // 4

#: The object that is written to see whether the store takes any. No artifact has this name.
_PROBE = "headbox-probe"
#: How long the store may take to answer whether it is well, and for how long a good answer is good, in seconds.
CHECK_SECONDS, CHECKED_SECONDS = 5.0, 30.0

#: What stores say when a disk or a quota is used up: MinIO, Ceph, and others by the status.
_FULL = ("XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "507 Insufficient Storage")

#: What obstore says of a request that never left, and how often that is tried again, each time on another connection.
_UNSENT, UNSENT_TRIES = "connection was not ready", 3

AnswerT = TypeVar("AnswerT")


class S3Storage(ArtifactStorage):
    """Keeps artifacts in a bucket.

    An object comes to be in one step, with its last byte, and survives from then on. Before, the parts of a large one
    are nowhere to be seen; those of an upload that was killed are for the bucket's own lifecycle rule to remove.

    Attributes:
        name: What people know it by: its URL.
    """

    def __init__(self, store: S3Store, *, name: str, is_conditional: bool = True) -> None:
        """Keep artifacts in a store.

        Args:
            store: The bucket, with what the keys begin with.
            name: See the attribute.
            is_conditional: Whether it knows If-None-Match of a PUT.
        """
        self._store = store
        self.name = name
        self._put_mode: Literal["create", "overwrite"] = "create" if is_conditional else "overwrite"
        self._lanes = _Lanes()
        self._is_well_until = 0.0

    @classmethod
    def of(cls, settings: StorageSettings) -> S3Storage:
        """Return the storage in the bucket that the settings name."""
        assert settings.bucket is not None, "who asks has looked"
        config: S3Config = {
            "virtual_hosted_style_request": not settings.path_style,
            # The store compares what has arrived with what was sent.
            "checksum_algorithm": "SHA256",
        }
        if settings.region is not None:
            config["region"] = settings.region
        if settings.endpoint is not None:
            # With the bucket in the host, obstore takes an endpoint for the bucket's own.
            scheme, host = settings.endpoint.split("://", 1)
            config["endpoint"] = settings.endpoint if settings.path_style else f"{scheme}://{settings.bucket}.{host}"
        if settings.access_key_id is not None and settings.secret_access_key is not None:
            config["access_key_id"] = settings.access_key_id
            config["secret_access_key"] = settings.secret_access_key.get_secret_value()
        store = S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            config=config,
            client_options={
                "allow_http": settings.allow_http,
                "timeout": TRANSFER_TIMEOUT,
                "connect_timeout": CONNECT_TIMEOUT,
                "read_timeout": READ_TIMEOUT,
            },
            retry_config={"retry_timeout": RETRY_TIME},
        )
        name = f"s3://{settings.bucket}/{settings.prefix}".rstrip("/")
        return cls(store, name=name, is_conditional=settings.conditional_put)

    @override
    async def adopt(self, path: Path, digest: str) -> None:
        async with self._sending(path) as size:
            if await self.size_of(digest) != size:
                await self._upload(path, digest, size)

    async def _upload(self, path: Path, digest: str, size: int) -> None:
        if size > PART_BYTES:
            # A twin that was quicker is replaced by the same bytes: obstore has no condition for parts.
            await self._put_parts(path, digest, size)
            return
        try:
            with _translated(AlreadyExistsError):
                await _sent(
                    lambda: obstore.put_async(
                        self._store, key_of(digest), path, mode=self._put_mode, use_multipart=False
                    )
                )
        except AlreadyExistsError:
            # A twin was quicker, or is on its way and may yet fail; or what is there is not what it should be.
            if await self.size_of(digest) != size:
                await self._put(path, digest)

    @override
    async def replace(self, path: Path, digest: str) -> None:
        async with self._sending(path) as size:
            if size > PART_BYTES:
                await self._put_parts(path, digest, size)
            else:
                await self._put(path, digest)

    @asynccontextmanager
    async def _sending(self, path: Path) -> AsyncIterator[int]:
        """Give the size of a file when it is its turn to be sent, and remove it when it has been."""
        size = (await asyncio.to_thread(path.stat)).st_size
        async with self._lanes.small if size <= PART_BYTES else self._lanes.large:
            yield size
        await asyncio.to_thread(path.unlink)

    async def _put(self, path: Path, digest: str) -> None:
        with _translated():
            await _sent(lambda: obstore.put_async(self._store, key_of(digest), path, use_multipart=False))

    async def _put_parts(self, path: Path, digest: str, size: int) -> None:
        part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
        concurrency = max(1, UPLOAD_MEMORY_BYTES // part_bytes)
        with _translated():
            await obstore.put_async(
                self._store, key_of(digest), path, chunk_size=part_bytes, max_concurrency=concurrency
            )

    @override
    def path_of(self, digest: str) -> None:
        key_of(digest)

    @override
    async def signed_url(self, digest: str, seconds: int) -> str:
        with _translated():
            return await obstore.sign_async(self._store, "GET", key_of(digest), timedelta(seconds=seconds))

    @override
    async def look(self, digest: str) -> StoredArtifact | None:
        try:
            async with self._lanes.looks:
                with _translated(FileNotFoundError):
                    found = await _sent(lambda: obstore.head_async(self._store, key_of(digest)))
        except FileNotFoundError:
            return None
        return StoredArtifact(digest, found["size"], found["last_modified"])

    @override
    async def read(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        opened = await self._open(digest, start, stop)
        if opened is None:
            return
        with _translated():
            async for chunk in opened.stream(_READ_AHEAD_BYTES):
                for offset in range(0, len(chunk), READ_CHUNK_BYTES):
                    yield bytes(chunk[offset : offset + READ_CHUNK_BYTES])

    async def _open(self, digest: str, start: int, stop: int | None) -> GetResult | None:
        """Return the answer that has this part of an artifact, or None when there is nothing in it."""
        if stop is not None and start >= stop:
            await self._size(digest)
            return None
        options: GetOptions = {"range": {"offset": start} if stop is None else (start, stop)} if start or stop else {}
        try:
            with _translated(FileNotFoundError):
                return await _sent(lambda: obstore.get_async(self._store, key_of(digest), options=options))
        except FileNotFoundError:
            raise NotFound(what="artifact", key=digest) from None
        except StorageUnavailable:
            # To S3, a part that begins behind the end is a fault, and not told apart from others here.
            if start < await self._size(digest):
                raise
            return None

    async def _size(self, digest: str) -> int:
        size = await self.size_of(digest)
        if size is None:
            raise NotFound(what="artifact", key=digest)
        return size

    @override
    async def delete(self, digest: str) -> None:
        with _translated():
            await _sent(lambda: obstore.delete_async(self._store, key_of(digest)))

    @override
    async def listing(self) -> AsyncIterator[StoredArtifact]:
        with _translated():
            async for page in obstore.list(self._store):
                for found in page:
                    digest = digest_of(found["path"])
                    if digest is not None:
                        yield StoredArtifact(digest, found["size"], found["last_modified"])

    @override
    async def flush(self) -> None:
        """Return at once: what the store has said yes to is durable."""

    @override
    async def check(self) -> StorageHealth:
        if time.monotonic() < self._is_well_until:
            return StorageHealth(ok=True, detail=self.name)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                with _translated():
                    await obstore.put_async(self._store, _PROBE, b"headbox")
        except TimeoutError:
            return StorageHealth(ok=False, detail=f"{self.name} did not answer within {CHECK_SECONDS:.0f} seconds")
        except (StorageFull, StorageUnavailable) as error:
            return StorageHealth(ok=False, detail=f"{self.name}: {error}")
        self._is_well_until = time.monotonic() + CHECKED_SECONDS
        return StorageHealth(ok=True, detail=self.name)


class _Lanes(threading.local):
    """Bounds what an event loop asks of the store; one for each thread, as event loops are."""

    def __init__(self) -> None:
        self.small = asyncio.Semaphore(SMALL_UPLOADS)
        self.large = asyncio.Semaphore(LARGE_UPLOADS)
        self.looks = asyncio.Semaphore(LOOKS)


async def _sent(request: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """Make a request, and again where it never left: obstore repeats by itself whatever may have been sent."""
    for _ in range(UNSENT_TRIES):
        try:
            return await request()
        except GenericError as error:
            # The connection that was chosen from the pool had been cut meanwhile.
            if _UNSENT not in str(error):
                raise
    return await request()


@contextmanager
def _translated(*handled: type[Exception]) -> Iterator[None]:
    """Raise headbox's errors in place of the store's, save for those that the caller handles."""
    try:
        yield
    except handled:
        raise
    except (BaseError, FileNotFoundError) as error:
        # The rest of the text repeats it for those who look for faults in obstore.
        detail = str(error).partition("\n\nDebug source")[0]
        log.warning("artifact storage failed", extra={"error": detail})
        if any(words in detail for words in _FULL):
            hint = "Free space in the store, or raise its quota; then repeat the task."
            raise StorageFull(what="an artifact", hint=hint) from error
        raise StorageUnavailable(reason=_reason(error, detail)) from error


def _reason(error: Exception, detail: str) -> str:
    """Say in few words what is wrong, without addresses: whoever started a task reads it."""
    if isinstance(error, FileNotFoundError) or "NoSuchBucket" in detail:
        return "there is no such bucket"
    if isinstance(error, UnauthenticatedError):
        return "its credentials are not accepted"
    if isinstance(error, PermissionDeniedError):
        return "access is denied"
    return "it cannot be reached, or failed; the log says how"
