"""Whatever else goes on, the garbage collection takes nothing that can be reached, and in the end takes all the rest.

Each round lets a collection without any grace, the harshest there is, run beside syncs, uploads, adds, publishes and
deletions that are all after the same few files. Pauses at random, from a seed, around every transaction and every use
of the storage make the order another one each time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from typing_extensions import override

from headbox.errors import NotFound
from headbox.kinds import GarbageCollection
from headbox.models import Repository, Task, Upload
from headbox.models.database import fetch, moments
from headbox.pipeline import keeping
from headbox.pipeline.run import Run
from headbox.plugins.file.kinds import FileContent
from headbox.services import collection, content, repository, unused, upload
from headbox.services.content import NewContent
from headbox.services.garbage import run_garbage_collection
from headbox.services.repository import NewRemote
from headbox.services.upload import NewUpload
from headbox.settings import DownloadSettings
from headbox.storage import FilesystemStorage
from headbox.storage.uploads import UploadFolder
from headbox.tasking.engine import UnitOfWork
from headbox.types import Automation, TaskState
from tests.factories.content import create_add
from tests.factories.names import unused_name
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, sha256
from tests.support.upstream import pulp_manifest

ROUNDS = 200
#: Publishing costs as much as syncing: some syncs do.
AUTOMATIONS = (Automation.NONE, Automation.NONE, Automation.PUBLISH)
SEED = 3
FILES = {f"{number}.txt": b"file %d" % number for number in range(6)}

#: What refers to artifacts that must be stored.
REFERENCES = """
    SELECT content_artifact.sha256 FROM membership JOIN content_artifact USING (content_id)
    UNION SELECT sha256 FROM published_file JOIN publication ON publication.id = publication_id
    UNION SELECT sha256 FROM upload WHERE completed_at IS NOT NULL
"""


class Dice:
    """Chance, the same at every run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    async def pause(self) -> None:
        """Let others go first: once around, or at times for as long as they do a lot."""
        chance = self.random.random()
        await asyncio.sleep(0 if chance < 0.8 else (chance - 0.8) * 0.1)

    def some(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """Return some of the files."""
        return {path: body for path, body in files.items() if self.random.random() < 0.5}


class PausingStorage(FilesystemStorage):
    """A storage whose every use takes its time."""

    def __init__(self, root: Path, dice: Dice) -> None:
        super().__init__(root)
        self._dice = dice

    @override
    async def adopt(self, path: Path, digest: str) -> None:
        await self._dice.pause()
        await super().adopt(path, digest)
        await self._dice.pause()

    @override
    async def size_of(self, digest: str) -> int | None:
        size = await super().size_of(digest)
        await self._dice.pause()
        return size

    @override
    async def delete(self, digest: str) -> None:
        await self._dice.pause()
        await super().delete(digest)

    @override
    async def flush(self) -> None:
        """Promise nothing: no machine crashes here, and other tests keep the disk busy."""


class PausingEngine(LocalEngine):
    """An engine whose transactions come when chance will have it, and take as long."""

    def __init__(self, data_dir: Path, dice: Dice, **sections: object) -> None:
        super().__init__(data_dir, **sections)
        self._dice = dice
        self.storage = PausingStorage(data_dir / "artifacts", dice)

    @override
    @asynccontextmanager
    async def unit_of_work(self, *, is_one_statement: bool = False) -> AsyncIterator[UnitOfWork]:
        await self._dice.pause()
        async with super().unit_of_work(is_one_statement=is_one_statement) as work:
            yield work
            await self._dice.pause()


class Load:
    """What goes on beside the collection: each method is one thing that somebody does, start to end."""

    def __init__(self, engine: PausingEngine, dice: Dice, upstream: Path) -> None:
        self.engine = engine
        self.dice = dice
        self.added_to: Repository
        self._upstream = upstream
        self.mirrors: list[Repository] = []
        self._adding = asyncio.Lock()
        self._number = 0

    async def begin(self) -> None:
        """Make what the others work with."""
        for path, body in FILES.items():
            (self._upstream / path).write_bytes(body)
        self.added_to = await make_repository(self.engine)

    async def sync(self) -> None:
        """Mirror some of the files, in a new repository."""
        self._number += 1
        manifest = self._upstream / f"{MANIFEST}-{self._number}"
        manifest.write_bytes(pulp_manifest(self.dice.some(FILES)))
        new = NewRemote(unused_name("remote"), {"url": manifest.as_uri()})
        mirror = await make_repository(self.engine, new, automation=self.dice.random.choice(AUTOMATIONS))
        await self.engine.completed(await make_sync(self.engine, mirror))
        self.mirrors.append(mirror)

    async def delete(self) -> None:
        """Delete a mirror, and what clients read of it."""
        if self.mirrors:
            gone = self.mirrors.pop(self.dice.random.randrange(len(self.mirrors)))
            await self.engine.transact(lambda work: repository.delete(work, gone))

    async def upload(self) -> None:
        """Bring a file, make content of it, and add it to a repository."""
        path, body = self.dice.random.choice(sorted(FILES.items()))
        folder = UploadFolder.of(self.engine.settings)
        new = NewUpload(size=len(body), client="test")
        brought = await self.engine.transact(lambda work: upload.create(work, folder, new))
        while brought.completed_at is None:
            # Where its bytes got lost on the way, a client sends them again.
            with folder.locked(brought.id) as file:
                file.write(body, 0)
                await upload.finish(self.engine, self.engine.storage, file, brought, sha256(body))
        await self._add([NewContent({"relative_path": path}, upload=brought)])
        await Upload.filter(id=brought.id).delete()

    async def add_stored(self) -> None:
        """Add a file whose bytes are stored, if they still are."""
        path, body = self.dice.random.choice(sorted(FILES.items()))
        await self._add([NewContent({"relative_path": path}, sha256=sha256(body))])

    async def remove(self) -> None:
        """Delete the repository that was added to, and go on with another one."""
        async with self._adding:
            gone = self.added_to
            self.added_to = await make_repository(self.engine)
            await self.engine.transact(lambda work: repository.delete(work, gone))

    async def collect(self) -> None:
        """Run a collection, but for what is common to all tasks."""
        task = Task(kind=GarbageCollection.kind, state=TaskState.RUNNING, attempt=1, correlation_id="test")
        await task.save(force_create=True)
        run = Run(self.engine, self.engine.storage, task, self.engine.workspace.folder(f"{task.id}.1"))
        await run_garbage_collection(run, GarbageCollection(grace_seconds=0.0))

    async def _add(self, wanted: list[NewContent]) -> None:
        made = await self.engine.transact(lambda work: content.create(work, FileContent, wanted))
        await self.dice.pause()
        if not isinstance(made[0], UUID):
            return
        async with self._adding:
            try:
                task = await create_add(self.engine, self.added_to, [made[0]])
            except NotFound:
                # Without a grace, it may be gone before it can be put anywhere. With its task it stays.
                return
            await self.engine.completed(task)


async def assert_all_is_there(engine: PausingEngine) -> None:
    """Make sure that whatever can be reached is stored, and what is said to be stored is, byte by byte."""
    connection = engine.database.connection
    stored = {row["sha256"]: row["size"] for row in await fetch(connection, "SELECT sha256, size FROM artifact")}
    assert {row["sha256"] for row in await fetch(connection, REFERENCES)} <= stored.keys()
    for digest, size in stored.items():
        path = engine.storage.path_of(digest)
        assert path is not None
        body = path.read_bytes()
        assert (len(body), sha256(body)) == (size, digest)


@pytest.fixture
async def load(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Load]:
    # Nothing is spared for being new, and nobody waits for the sake of others.
    monkeypatch.setattr(unused, "STRAY_SECONDS", 0.0)
    monkeypatch.setattr(unused, "WINDOW", 20)
    monkeypatch.setattr(collection, "BATCH", 20)
    monkeypatch.setattr(collection, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "_POLL_SECONDS", 0.002)
    monkeypatch.setattr(moments, "_POLL_SECONDS", 0.002)
    dice = Dice(SEED)
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    async with PausingEngine(data_dir, dice, download=DownloadSettings(allowed_paths=(upstream,))).running() as engine:
        load = Load(engine, dice, upstream)
        await load.begin()
        yield load


async def test_nothing_that_can_be_reached_is_collected(load: Load) -> None:
    others: list[Callable[[], Coroutine[None, None, None]]] = [
        *(load.sync, load.sync, load.upload, load.upload, load.add_stored, load.delete, load.remove)
    ]
    for _ in range(ROUNDS):
        async with asyncio.TaskGroup() as group:
            for deed in load.dice.random.sample(others, load.dice.random.randint(1, 2)):
                group.create_task(deed())
            group.create_task(load.collect())
        await assert_all_is_there(load.engine)

    # And of what cannot be reached, nothing is left.
    await load.remove()
    while load.mirrors:
        await load.delete()
    await load.collect()
    tables = ("content", "artifact", "content_artifact", "membership", "published_file", "staged_content")
    assert {table: await load.engine.rows_of(table) for table in tables} == dict.fromkeys(tables, 0)
    assert [digest async for digest in load.engine.storage.digests()] == []
