"""The uploads as an ASGI application.

Source: tus resumable upload protocol 1.0.0, https://tus.io/protocols/resumable-upload.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from tortoise.exceptions import BaseORMException

from headbox.errors import DigestMismatch, HeadboxError
from headbox.models import Upload
from headbox.models.database import TRANSIENT
from headbox.services import upload as uploads
from headbox.services.upload import NewUpload
from headbox.services.whole_upload import WholeUpload
from headbox.storage.interface import ArtifactStorage
from headbox.storage.uploads import UploadFile, UploadFolder, UploadLocked
from headbox.tasking.engine import Engine
from headbox.uploads.body import Body
from headbox.uploads.headers import ALGORITHMS, EXTENSIONS, VERSION, Checksum, http_date, read_metadata
from headbox.uploads.intake import Intake
from headbox.uploads.refusal import (
    Disconnected,
    Refused,
    database_failed,
    no_upload,
    refusal_of,
    wrong_checksum,
)
from headbox.uploads.request import TusRequest
from headbox.uploads.together import Together

log = logging.getLogger(__name__)

#: How often files are looked for that belong to no upload, in seconds.
SWEEP_SECONDS = 3600.0

#: Uploads up to this size are kept in memory until they are stored, where they come in one request.
SMALL_BYTES = 256 * 1024

_FOLDER_METHODS = "OPTIONS, POST"
_UPLOAD_METHODS = "OPTIONS, HEAD, PATCH, DELETE"
#: What every answer has. No page of another origin may read any: there are no CORS headers.
_ALWAYS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

#: Status and headers of an answer.
Answer = tuple[int, Mapping[str, str]]


class UploadApp:
    """Takes uploads.

    Args:
        engine: What the process shares; its database is selected for each request.
        storage: Where uploads become artifacts.
    """

    def __init__(self, *, engine: Engine, storage: ArtifactStorage) -> None:
        self._engine = engine
        self._storage = storage
        self._settings = engine.settings.upload
        self._folder = UploadFolder.of(engine.settings)
        self._intake = Intake(engine, storage, self._folder)
        self._together = Together(engine, storage, self._folder)
        self._bodies: set[Body] = set()
        self._is_closing = False
        self._sweeping: asyncio.Task[None] | None = None

    def routes(self) -> list[BaseRoute]:
        """Return the routes: where uploads are created, with the slash and without it, and each upload."""
        return [Route(path, self) for path in ("/uploads", "/uploads/", "/uploads/{upload}")]

    async def start(self) -> None:
        """Begin to remove what is left of uploads that are no more, now and from time to time."""
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """End everything that was begun."""
        self.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self._together.stop()

    async def _sweep(self) -> None:
        self._engine.database.select()
        while True:
            try:
                await uploads.remove_orphans(self._engine)
            except (BaseORMException, OSError):
                # The next time will do.
                log.exception("what is left of old uploads could not be removed")
            await asyncio.sleep(SWEEP_SECONDS)

    def close(self) -> None:
        """End the requests that bring bytes: their clients go on with whoever serves then."""
        self._is_closing = True
        for body in self._bodies:
            body.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        try:
            status, headers = await self._answer(TusRequest(scope), receive)
        except (Refused, HeadboxError) as error:
            refused = error if isinstance(error, Refused) else refusal_of(error)
            await _send(send, refused.status, refused.headers, f"{refused}\n", is_head=scope["method"] == "HEAD")
        except TRANSIENT as error:
            log.warning("the database did not answer", extra={"path": scope["path"], "reason": str(error)})
            refused = database_failed()
            await _send(send, refused.status, refused.headers, f"{refused}\n", is_head=scope["method"] == "HEAD")
        except Disconnected:
            log.info("the client of an upload is gone")
        else:
            await _send(send, status, headers)

    async def _answer(self, request: TusRequest, receive: Receive) -> Answer:
        if request.method == "OPTIONS":
            return self._options()
        if not request.is_for_one:
            if request.method != "POST":
                raise _wrong_method(_FOLDER_METHODS)
            request.check_version()
            return await self._create(request, receive)
        if request.method not in _UPLOAD_METHODS.split(", "):
            raise _wrong_method(_UPLOAD_METHODS)
        request.check_version()
        if request.method == "HEAD":
            return await self._show(request)
        if request.method == "PATCH":
            return await self._add(request, receive)
        return await self._terminate(request)

    def _options(self) -> Answer:
        return 204, {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(self._settings.max_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }

    async def _create(self, request: TusRequest, receive: Receive) -> Answer:
        for header in ("Upload-Concat", "Upload-Defer-Length"):
            if request.header(header) is not None:
                raise Refused(400, f"{header} is of an extension that headbox does not have; OPTIONS lists those.")
        size = request.number("Upload-Length")
        metadata = read_metadata(request.header("Upload-Metadata"))
        checksum = request.checksum()
        has_body = request.body_bytes != 0
        if has_body:
            request.check_body(size)
        new = NewUpload(
            size=size,
            client=request.client,
            sha256=metadata.sha256,
            filename=metadata.filename,
            metadata=metadata.text,
        )
        if 0 < size <= SMALL_BYTES and request.body_bytes == size:
            return await self._create_whole(request, receive, new, checksum)
        async with self._engine.unit_of_work() as work:
            upload = await uploads.create(work, self._folder, new)
        headers = {"Location": f"{request.folder}/{upload.id}"}
        if has_body or size == 0:
            with self._locked(upload) as file:
                try:
                    with self._body(receive) as body:
                        await self._intake.take(upload, file, 0, body, checksum)
                except BaseException:
                    # Nobody has been told its address.
                    await uploads.remove(self._engine.database.connection, file, upload)
                    raise
            headers["Upload-Offset"] = str(upload.received)
        return 201, headers | _expiry(upload)

    async def _create_whole(
        self, request: TusRequest, receive: Receive, new: NewUpload, checksum: Checksum | None
    ) -> Answer:
        """Create an upload that is complete at once."""
        uploads.check(new, self._settings)
        with self._body(receive) as body:
            data = b"".join([block async for block in body.blocks()])
        if checksum is not None and not checksum.is_of(data):
            raise wrong_checksum()
        sha256 = hashlib.sha256(data).hexdigest()
        if new.sha256 not in {None, sha256}:
            raise DigestMismatch(url="The upload", actual=sha256, expected=new.sha256)
        key = await self._together.complete(WholeUpload(new, data, sha256))
        return 201, {"Location": f"{request.folder}/{key}", "Upload-Offset": str(len(data))}

    async def _show(self, request: TusRequest) -> Answer:
        upload = await self._found(request)
        if _is_left(upload):
            async with self._held(upload) as (upload, file):
                await self._complete(upload, file)
        headers = {"Upload-Offset": str(self._offset(upload)), "Upload-Length": str(upload.size)}
        if upload.metadata is not None:
            headers["Upload-Metadata"] = upload.metadata
        return 200, headers | _expiry(upload)

    async def _add(self, request: TusRequest, receive: Receive) -> Answer:
        found = await self._found(request)
        offset = request.number("Upload-Offset")
        checksum = request.checksum()
        async with self._held(found) as (upload, file):
            await self._complete(upload, file)
            here = self._offset(upload)
            if offset != here:
                raise Refused(409, f"The upload goes on at {here}, and not at {offset}.")
            request.check_body(upload.size - here)
            if upload.completed_at is None:
                with self._body(receive) as body:
                    await self._intake.take(upload, file, here, body, checksum)
        return 204, {"Upload-Offset": str(upload.received), **_expiry(upload)}

    async def _terminate(self, request: TusRequest) -> Answer:
        async with self._held(await self._found(request)) as (upload, file):
            await uploads.remove(self._engine.database.connection, file, upload)
        return 204, {}

    async def _found(self, request: TusRequest) -> Upload:
        upload = await uploads.find(self._engine.database.connection, request.upload_id())
        if upload is None:
            raise no_upload()
        return upload

    def _offset(self, upload: Upload) -> int:
        """Return how many bytes of an upload are here."""
        if upload.completed_at is not None:
            return int(upload.size)
        # A crash of the machine may have cut the file.
        return min(int(upload.received), self._folder.size_of(upload.id))

    async def _complete(self, upload: Upload, file: UploadFile) -> None:
        """Go on with an upload that has all of its bytes, and was left before they were stored."""
        if _is_left(upload):
            await uploads.resume(self._engine, self._storage, file, upload)

    @asynccontextmanager
    async def _held(self, found: Upload) -> AsyncIterator[tuple[Upload, UploadFile]]:
        """Have an upload for oneself, as it is by then.

        Raises:
            Refused: Another request has it, or it is gone.
        """
        with self._locked(found) as file:
            upload = await uploads.find(self._engine.database.connection, found.id)
            if upload is None or upload.completed_at is not None:
                # There is none any more: this one was made to be locked.
                file.remove()
            if upload is None:
                raise no_upload()
            yield upload, file

    @contextmanager
    def _locked(self, upload: Upload) -> Iterator[UploadFile]:
        try:
            with self._folder.locked(upload.id) as file:
                yield file
        except UploadLocked:
            raise Refused(423, "Another request brings bytes of this upload now.", Retry_After="1") from None

    @contextmanager
    def _body(self, receive: Receive) -> Iterator[Body]:
        body = Body(receive, self._settings.silence_seconds)
        self._bodies.add(body)
        if self._is_closing:
            body.stop()
        try:
            yield body
        finally:
            self._bodies.discard(body)


def _is_left(upload: Upload) -> bool:
    """Tell whether an upload has all of its bytes, and they are not stored yet."""
    return upload.is_whole and upload.completed_at is None


def _expiry(upload: Upload) -> dict[str, str]:
    """Return the header that says when an upload expires, unless it is complete."""
    return {} if upload.completed_at else {"Upload-Expires": http_date(upload.expires_at)}


def _wrong_method(allowed: str) -> Refused:
    return Refused(405, f"Here are these methods: {allowed}.", Allow=allowed)


async def _send(send: Send, status: int, headers: Mapping[str, str], text: str = "", *, is_head: bool = False) -> None:
    body = text.encode()
    length = {} if status == 204 else {"Content-Length": str(len(body))}
    kind = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
    raw = [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in {**_ALWAYS, **kind, **length, **headers}.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if is_head else body, "more_body": False})
