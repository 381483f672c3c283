"""The uploads of an engine, served as in production, and a client that speaks the protocol by hand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import aiohttp
import uvicorn
from multidict import CIMultiDictProxy
from starlette.applications import Starlette

from headbox.app.requests import RequestContext
from headbox.models import Upload
from headbox.storage.uploads import UploadFolder
from headbox.uploads import UploadApp
from tests.support.engine import LocalEngine

TYPE = {"Content-Type": "application/offset+octet-stream"}


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def encoded(value: str | bytes) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()


def checksum(body: bytes, algorithm: str = "sha256") -> dict[str, str]:
    """Return the header with the checksum of a body."""
    return {"Upload-Checksum": f"{algorithm} {encoded(hashlib.new(algorithm, body).digest())}"}


def metadata(**values: str | bytes) -> dict[str, str]:
    """Return the header with what a client says of an upload."""
    return {"Upload-Metadata": ",".join(f"{key} {encoded(value)}" for key, value in values.items())}


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def offset(self) -> int:
        """The Upload-Offset."""
        return int(self.headers["Upload-Offset"])


class UploadSite:
    """Uploads, and a client of them.

    Attributes:
        engine: The engine.
        app: What is served.
        folder: Where bytes are until an upload is complete.
        port: Where it listens.
    """

    def __init__(self, engine: LocalEngine) -> None:
        self.engine = engine
        self.app = UploadApp(engine=engine, storage=engine.storage)
        self.folder = UploadFolder.of(engine.settings)
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[UploadSite]:
        """Serve for as long as the block lasts."""
        app = RequestContext(Starlette(routes=self.app.routes()), self.engine.database)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            try:
                async with aiohttp.ClientSession() as self.client:
                    yield self
            finally:
                self.app.close()
                server.should_exit = True
                await serving

    @property
    def url(self) -> str:
        """Where uploads are created."""
        return f"http://127.0.0.1:{self.port}/uploads/"

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
    ) -> Answer:
        """Send a request with the header that all have, unless `headers` say otherwise."""
        sent = {"Tus-Resumable": "1.0.0", **(headers or {})}
        kept = {name: value for name, value in sent.items() if value}
        skipped = ["Content-Type", *(name for name, value in sent.items() if not value)]
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self.client.request(method, url, headers=kept, data=data, skip_auto_headers=skipped) as response:
            return Answer(response.status, response.headers, await response.text())

    async def create(self, size: int, headers: Mapping[str, str] | None = None) -> str:
        """Create an upload and return its address."""
        answer = await self.ask("POST", self.url, {"Upload-Length": str(size), **(headers or {})})
        assert answer.status == 201, answer
        return self.address_of(answer)

    def address_of(self, answer: Answer) -> str:
        """Return the address of the upload that an answer tells of."""
        return f"http://127.0.0.1:{self.port}{answer.headers['Location']}"

    async def send(
        self, url: str, offset: int, body: bytes | AsyncIterator[bytes], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send bytes of an upload."""
        return await self.ask("PATCH", url, {**TYPE, "Upload-Offset": str(offset), **(headers or {})}, body)

    async def offset(self, url: str) -> int:
        """Return how many bytes the server says that it has."""
        answer = await self.ask("HEAD", url)
        assert answer.status == 200, answer
        return answer.offset

    async def row(self, url: str) -> Upload:
        """Return the row of an upload."""
        return await Upload.get(id=id_of(url))

    async def stored(self, body: bytes) -> bool:
        """Tell whether some bytes are an artifact, both in the database and in the storage."""
        is_known = await self.engine.rows_of(f"artifact WHERE sha256 = '{sha256(body)}'")
        kept = b"".join([chunk async for chunk in self.engine.storage.read(sha256(body))]) if is_known else None
        return kept == body

    def files(self) -> list[str]:
        """Return the names of the files of uploads."""
        return sorted(path.name for path in (self.engine.settings.data_dir / "uploads").iterdir())

    async def part_of_a_request(
        self, url: str, offset: int, body: bytes, length: int, headers: Mapping[str, str] | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Announce so many bytes, send fewer, and return the open connection."""
        path = url.partition(str(self.port))[2]
        lines = {
            "Host": "127.0.0.1",
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Length": str(length),
            **TYPE,
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        return reader, writer


def id_of(url: str) -> UUID:
    """Return the id of an upload."""
    return UUID(url.rpartition("/")[2])
