"""A content app that runs as it does in production, and the rows that it serves."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiohttp
import uvicorn
from cryptography.fernet import Fernet
from multidict import CIMultiDictProxy
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Mount
from yarl import URL

from headbox.content_app import ContentApp
from headbox.kinds import Plugin, Registry, RemoteDocument
from headbox.models import (
    Artifact,
    ArtifactSource,
    Content,
    ContentArtifact,
    Distribution,
    Membership,
    Publication,
    PublishedFile,
    PublishSettings,
    Remote,
    RemoteRevision,
    Repository,
    RepositoryVersion,
)
from headbox.models.cipher import Cipher
from headbox.models.database import Database
from headbox.settings import DownloadSettings, Settings, StorageSettings
from headbox.storage import Workspace, open_storage
from headbox.tasking.bus import DISTRIBUTION, MemoryBus
from headbox.types import DownloadPolicy, Origin, uuid7
from tests.support.damage import Damage
from tests.support.object_store import ObjectStore
from tests.support.waiting import PATIENCE_SECONDS


class BookRemote(RemoteDocument, kind="book.remote"):
    """A place to get books from."""


BOOKS = Plugin(name="book", version="1", description="Books.", documents=(BookRemote,), tasks=())


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class Site:
    """Rows, bytes, and a client that asks for them."""

    def __init__(self, data_dir: Path, bucket: ObjectStore | None = None, **storage: object) -> None:
        """Keep bytes in a bucket of a server, or else in files; `storage` are other settings of where they are."""
        self.data_dir = data_dir
        self._bucket = bucket
        settings = Settings(
            data_dir=data_dir,
            download=DownloadSettings(backoff_seconds=0.01),
            storage=bucket.settings(**storage) if bucket else StorageSettings.model_validate(storage),
        )
        self.database = Database.of(settings)
        self.storage = open_storage(settings)
        self.bus = MemoryBus()
        self.metrics = CollectorRegistry()
        self.app = ContentApp(
            database=self.database,
            registry=Registry([BOOKS]),
            cipher=Cipher(Fernet.generate_key()),
            storage=self.storage,
            workspace=Workspace(data_dir / "work"),
            settings=settings,
            bus=self.bus,
            metrics=self.metrics,
        )
        self.url = ""
        self.port = 0
        self._settings: PublishSettings | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Site]:
        async with self.database.connected(), aiohttp.ClientSession() as self.client, self._serving():
            yield self

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/content"
        # Its logging is left alone: uvicorn's is that of the whole process, and so of the tests that come after.
        config = uvicorn.Config(Starlette(routes=[Mount("/content", self.app)]), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        await self.app.start()
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield
        finally:
            await self.app.stop()
            server.should_exit = True
            await serving

    # Rows.

    async def store(self, body: bytes) -> str:
        """Store an artifact and return its digest."""
        digest = digest_of(body)
        path = self.data_dir / digest
        path.write_bytes(body)
        await self.storage.adopt(path, digest)
        await Artifact.get_or_create(sha256=digest, defaults={"size": len(body)})
        return digest

    def damage(self, digest: str) -> None:
        """Cut the bytes of an artifact, as a failing disk does."""
        Damage(self.storage, self._bucket).put(digest, b"damaged")

    def rot(self, body: bytes) -> None:
        """Change one byte of an artifact, and not its size."""
        Damage(self.storage, self._bucket).rot(digest_of(body), body)

    async def repository(self, name: str = "books") -> Repository:
        """Create a repository with its empty version 0."""
        repository = await Repository.create(kind="book.repository", name=name)
        await RepositoryVersion.create(repository=repository, number=0)
        return repository

    async def content(self, path: str, *, body: bytes) -> UUID:
        """Create a content unit of one artifact that is stored."""
        return await self._content(path, sha256=await self.store(body), size=len(body))

    async def _content(self, path: str, *, sha256: str | None, size: int | None) -> UUID:
        identifier = uuid7()
        content = await Content.create(id=identifier, kind="book.content", document={}, slot=identifier)
        await ContentArtifact.create(content=content, relative_path=path, sha256=sha256, size=size)
        return content.id

    async def version(self, repository: Repository, *, add: list[UUID], remove: list[UUID] | None = None) -> int:
        """Make the next version and return its number."""
        number: int = repository.latest_number + 1
        repository.latest_number = number
        await repository.save()
        present = await Membership.filter(repository_id=repository.id, removed_in=None).count()
        present += len(add) - len(remove or [])
        await RepositoryVersion.create(repository=repository, number=number, present=present)
        for content_id in remove or []:
            await Membership.filter(repository_id=repository.id, content_id=content_id, removed_in=None).update(
                removed_in=number
            )
        for content_id in add:
            await Membership.create(
                repository_id=repository.id,
                content_id=content_id,
                added_in=number,
                slot=content_id,
                size=1,
                origin=Origin.SYNC,
                added_at=datetime.now(UTC),
                added_by_id=uuid7(),
            )
        return number

    async def publish(
        self, repository: Repository, number: int | None = None, files: Mapping[str, bytes] | None = None
    ) -> Publication:
        """Publish a version, the latest one unless told otherwise."""
        if self._settings is None:
            self._settings = await PublishSettings.create(id=uuid7(), kind="book.settings", document={})
        version = await RepositoryVersion.get(
            repository=repository, number=repository.latest_number if number is None else number
        )
        publication = await Publication.create(
            repository_version=version, settings=self._settings, fingerprint=uuid7().hex
        )
        for path, body in (files or {}).items():
            digest = await self.store(body)
            await PublishedFile.create(publication_id=publication.id, relative_path=path, sha256=digest, size=len(body))
        return publication

    async def distribute(self, base_path: str, publication: Publication | None) -> Distribution:
        """Let a base path serve a publication, as the service does: a row, and an event after its commit."""
        serving_id = publication.id if publication else None
        distribution = await Distribution.get_or_none(base_path=base_path)
        if distribution is None:
            distribution = await Distribution.create(name=base_path, base_path=base_path, serving_id=serving_id)
        else:
            await Distribution.filter(id=distribution.id).update(serving_id=serving_id)
        self.bus.publish(DISTRIBUTION, str(distribution.id), {})
        return distribution

    async def serve(self, files: Mapping[str, bytes], base_path: str = "shelf") -> Publication:
        """Let a base path serve these files, as content of one version."""
        repository = await self.repository(base_path)
        await self.version(repository, add=[await self.content(path, body=body) for path, body in files.items()])
        publication = await self.publish(repository)
        await self.distribute(base_path, publication)
        return publication

    async def remote(self, url: str, policy: DownloadPolicy = DownloadPolicy.ON_DEMAND) -> Remote:
        """Create a remote that is tried once."""
        remote = await Remote.create(kind="book.remote", name=url)
        document = BookRemote(url=url, policy=policy, max_retries=0, read_timeout_seconds=5)
        await RemoteRevision.create(remote=remote, number=1, document=document.plain())
        return remote

    async def serve_on_demand(
        self,
        path: str,
        *remotes: Remote,
        urls: list[str],
        declared: bytes | None = None,
        with_size: bool = True,
        base_path: str = "shelf",
    ) -> None:
        """Let a base path serve one file that only remotes have, and that they declared to be these bytes."""
        repository = await self.repository(base_path)
        content_id = await self._content(
            path,
            sha256=None if declared is None else digest_of(declared),
            size=None if declared is None or not with_size else len(declared),
        )
        for remote, url in zip(remotes, urls, strict=True):
            await ArtifactSource.create(content_id=content_id, relative_path=path, remote_id=remote.id, url=url)
        await self.version(repository, add=[content_id])
        await self.distribute(base_path, await self.publish(repository))

    # Requests.

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        """Ask for a path below /content/, sent as it stands; `if_none_match` gives If-None-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(f"{self.url}/{path}", encoded=True)
        async with self.client.request(method, url, headers=named, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await response.read())

    async def rest(self) -> None:
        """Wait for the end of fetches, which the last bytes of an answer do not wait for."""
        tasks = self.app._arrivals._tasks
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)

    def counted(self, name: str, **labels: str) -> float:
        """Return the value of a counter."""
        return self.metrics.get_sample_value(f"headbox_content_{name}_total", labels) or 0.0
