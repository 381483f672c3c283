"""The way of the bytes of one request, from the client to the file."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from headbox.errors import StorageFull
from headbox.models import Upload
from headbox.services import upload as uploads
from headbox.storage.interface import ArtifactStorage
from headbox.storage.uploads import UploadFile, UploadFolder
from headbox.tasking.engine import Engine
from headbox.uploads.body import Body
from headbox.uploads.digests import RunningDigests
from headbox.uploads.headers import ALGORITHMS, Checksum
from headbox.uploads.refusal import Disconnected, Refused, wrong_checksum
from headbox.uploads.request import too_many_bytes

#: How often it is noted how many bytes are here for good, and looked how much space is left, in seconds.
NOTE_SECONDS = 1.0


class Intake:
    """What all requests of a server write with.

    Args:
        engine: The engine.
        storage: Where uploads become artifacts.
        folder: Where they are until then.
    """

    def __init__(self, engine: Engine, storage: ArtifactStorage, folder: UploadFolder) -> None:
        self.engine = engine
        self.storage = storage
        self.folder = folder
        self.settings = engine.settings.upload
        self.digests = RunningDigests()

    async def take(self, upload: Upload, file: UploadFile, offset: int, body: Body, checksum: Checksum | None) -> None:
        """Add a body to an upload, and complete it with its last byte.

        Memory does not grow with the body. What came before a failure is kept, unless there is a checksum: then the
        body counts as a whole or not at all.

        Args:
            upload: The upload; changed in place.
            file: Its file, locked.
            offset: How many of its bytes are here.
            body: What comes next.
            checksum: What that must hash to.

        Raises:
            Disconnected: The client is gone before the end of the body.
            Refused: Bytes, or the lack of them, that an upload does not take.
            HeadboxError: The upload cannot be stored, or is not what was declared.
        """
        # What lies behind it is of a request that was killed before it could say so.
        file.cut(offset)
        await _Taking(self, upload, file, offset, checksum).run(body)


class _Taking:
    """One request's body on its way.

    While one block is written and hashed in a thread, the next one comes in.
    """

    def __init__(
        self, intake: Intake, upload: Upload, file: UploadFile, offset: int, checksum: Checksum | None
    ) -> None:
        self._intake = intake
        self._upload = upload
        self._file = file
        self._start = offset
        # How many bytes of the upload are in the file, and how many are handed on to it.
        self._written = self._handed = offset
        self._digest = intake.digests.take(upload.id, offset, file.stamp)
        self._digest_before = self._digest.copy() if self._digest and checksum else None
        self._checksum = checksum
        self._body_digest: Any = ALGORITHMS[checksum.algorithm]() if checksum else None
        self._writing: asyncio.Task[None] | None = None
        self._next_note = 0.0

    async def run(self, body: Body) -> None:
        try:
            async for block in body.blocks():
                await self._take(block)
            await self._settle()
        except (Disconnected, Refused, StorageFull):
            await self._keep()
            raise
        if self._checksum is not None and self._body_digest.digest() != self._checksum.digest:
            self._undo()
            raise wrong_checksum()
        if self._written == self._upload.size:
            await self._finish()
        else:
            await self._end()

    async def _take(self, block: bytes) -> None:
        if self._handed + len(block) > self._upload.size:
            # Not the bytes before the end either: who lies about the size may lie about the rest.
            raise too_many_bytes(self._upload.size - self._start)
        await self._settle()
        clock = time.monotonic()
        if clock >= self._next_note:
            self._next_note = clock + NOTE_SECONDS
            self._check_space(len(block))
            if self._checksum is None:
                await self._note()
        self._writing = asyncio.create_task(asyncio.to_thread(self._write, block, self._handed))
        self._handed += len(block)

    def _write(self, block: bytes, offset: int) -> None:
        self._file.write(block, offset)
        for digest in (self._digest, self._body_digest):
            if digest is not None:
                digest.update(block)

    async def _settle(self) -> None:
        """Wait until all that was handed on is in the file."""
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        with StorageFull.translated("the upload", hint=uploads.FULL_HINT):
            await writing
        self._written = self._handed

    def _check_space(self, wanted: int) -> None:
        if self._intake.folder.free_bytes() - self._intake.settings.min_free_bytes < wanted:
            raise StorageFull(what="the upload", hint=uploads.FULL_HINT)

    async def _note(self) -> None:
        """Note how many bytes are here for good."""
        if self._written <= self._upload.received:
            return
        with StorageFull.translated("the upload", hint=uploads.FULL_HINT):
            await asyncio.to_thread(self._file.sync)
        engine = self._intake.engine
        await uploads.advance(engine.database.connection, self._upload, self._written, self._intake.settings)

    async def _end(self) -> None:
        """Note what is here, and be ready for the next request."""
        await self._note()
        self._intake.digests.keep(self._upload.id, self._file.stamp, self._digest)

    async def _keep(self) -> None:
        """Keep what came of a body that did not come whole, unless that counts as a whole or not at all."""
        await self._settle()
        if self._checksum is not None:
            self._undo()
        elif self._written < self._upload.size:
            self._file.cut(self._written)
            await self._end()

    def _undo(self) -> None:
        self._file.cut(self._start)
        self._intake.digests.keep(self._upload.id, self._file.stamp, self._digest_before)

    async def _finish(self) -> None:
        digest = self._digest.hexdigest() if self._digest else None
        await uploads.finish(self._intake.engine, self._intake.storage, self._file, self._upload, digest)
