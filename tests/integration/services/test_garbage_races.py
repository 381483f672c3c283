"""The moments at which the garbage collection and those who write could miss each other, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from headbox.kinds import GarbageCollection
from headbox.models import Artifact, ArtifactRemoval, Content, StagedContent, Task, Upload
from headbox.models.database import execute, insert_new
from headbox.pipeline.keeping import keep_content
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.services import upload as uploads
from headbox.services.upload import NewUpload
from headbox.storage import FilesystemStorage
from headbox.storage.uploads import UploadFolder
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_sync, make_wait
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, serve, sha256
from tests.support.upstream import Held, Upstream
from tests.support.waiting import until

BODY = b"paper"
DIGEST = sha256(BODY)
FILES = {"a.txt": BODY}


class HeldStorage(FilesystemStorage):
    """A storage that deletes nothing until it is let.

    Attributes:
        asked: Set when it was told to.
        let: To be set.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    @override
    async def delete(self, digest: str) -> None:
        self.asked.set()
        await self.let.wait()
        await super().delete(digest)


@pytest.fixture
async def held(data_dir: Path) -> AsyncIterator[LocalEngine]:
    """An engine whose storage deletes nothing until it is let."""
    engine = LocalEngine(data_dir)
    engine.storage = HeldStorage(data_dir / "artifacts")
    async with engine.running():
        yield engine


async def unused(engine: LocalEngine, upstream: Upstream) -> None:
    """Let a file be stored that nothing needs."""
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync(FILES)
    async with engine.unit_of_work() as work:
        await repositories.delete(work, mirror.repository)


async def collection(engine: LocalEngine) -> Task:
    """Begin a collection without a grace."""
    async with engine.unit_of_work() as work:
        return await tasks.create(work, GarbageCollection, {"grace_seconds": 0})


async def deleting(engine: LocalEngine, upstream: Upstream) -> tuple[Task, HeldStorage]:
    """Return a collection that is about to delete the bytes of a file."""
    await unused(engine, upstream)
    task = await collection(engine)
    assert isinstance(engine.storage, HeldStorage)
    await engine.storage.asked.wait()
    assert await Artifact.all().count() == 0
    return task, engine.storage


async def assert_stored(engine: LocalEngine) -> None:
    assert [artifact.sha256 for artifact in await Artifact.all()] == [DIGEST]
    assert b"".join([chunk async for chunk in engine.storage.read(DIGEST)]) == BODY


async def test_sync_that_finds_bytes_on_their_way_out_fetches_them_again(held: LocalEngine, upstream: Upstream) -> None:
    task, storage = await deleting(held, upstream)
    sync = await make_sync(held, await make_repository(held, upstream))
    # It has found the file, and cannot write so.
    await until(lambda: upstream.hits("PULP_MANIFEST") == 2)
    await asyncio.sleep(0.2)
    assert await Artifact.all().count() == 0

    storage.let.set()
    await held.completed(task)
    await held.completed(sync)

    await assert_stored(held)
    assert upstream.hits("a.txt") == 2
    assert await ArtifactRemoval.all().count() == 0


async def test_upload_of_bytes_on_their_way_out_waits_for_them_to_go(held: LocalEngine, upstream: Upstream) -> None:
    task, storage = await deleting(held, upstream)
    folder = UploadFolder.of(held.settings)
    async with held.unit_of_work() as work:
        upload = await uploads.create(work, folder, NewUpload(size=len(BODY), client="test"))

    async def finish() -> None:
        with folder.locked(upload.id) as file:
            file.write(BODY, 0)
            await uploads.finish(held, storage, file, upload, DIGEST)

    finishing = asyncio.create_task(finish())
    await asyncio.sleep(0.2)
    assert not finishing.done()
    storage.let.set()
    await finishing
    await held.completed(task)

    assert (await Upload.get()).completed_at is not None
    await assert_stored(held)


async def test_what_a_task_has_staged_stays(engine: LocalEngine, upstream: Upstream) -> None:
    await unused(engine, upstream)
    gate, _ = make_gate()
    waiting = await make_wait(engine, gate)
    unit = await Content.get()
    await StagedContent.create(task_id=waiting.id, content_id=unit.id, slot=unit.slot)

    await engine.completed(await collection(engine))
    assert await Content.all().count() == await Artifact.all().count() == 1
    await StagedContent.all().delete()
    await engine.completed(await collection(engine))
    assert await Content.all().count() == await Artifact.all().count() == 0


@pytest.mark.distributed
async def test_collection_waits_for_those_who_were_writing_before_it_marked(
    engine: LocalEngine, upstream: Upstream
) -> None:
    await unused(engine, upstream)
    unit = await Content.get()
    gate, _ = make_gate()
    waiting = await make_wait(engine, gate)
    has_written, may_end = asyncio.Event(), asyncio.Event()

    async def stage() -> None:
        async with engine.unit_of_work() as work:
            row = (str(waiting.id), str(unit.id), str(unit.slot))
            await insert_new(work.connection, "staged_content", ("task_id", "content_id", "slot"), [row])
            assert await keep_content(work.connection, [str(unit.id)]) == set()
            has_written.set()
            await may_end.wait()

    staging = asyncio.create_task(stage())
    await has_written.wait()
    task = await collection(engine)
    while (await Content.get()).unused_since is None:  # noqa: ASYNC110 - the database has no event for it
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    assert await Content.all().count() == 1

    may_end.set()
    await staging
    await engine.completed(task)

    assert await Content.all().count() == await Artifact.all().count() == 1


async def test_sync_that_looked_before_a_collection_writes_what_is_gone_anew(
    engine: LocalEngine, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unused(engine, upstream)
    slow = await make_repository(engine, upstream)
    serve(upstream, {**FILES, "b.txt": b"more"})
    # While it fetches what is new, what it knew goes.
    held = Held()
    upstream.fault("b.txt", held, times=1)
    sync = await make_sync(engine, slow)
    await until(lambda: upstream.hits("b.txt") == 1)
    await engine.completed(await collection(engine))
    assert await Content.all().count() == 0
    held.release()

    await engine.completed(sync)

    assert await Content.all().count() == await Artifact.all().count() == 2
    assert {digest async for digest in engine.storage.digests()} == {DIGEST, sha256(b"more")}


async def test_mark_of_an_older_collection_is_taken_off_by_who_uses_the_row(
    engine: LocalEngine, upstream: Upstream
) -> None:
    await unused(engine, upstream)
    connection = engine.database.connection
    await execute(connection, "UPDATE content SET unused_since = created_at")
    async with engine.unit_of_work() as work:
        assert await keep_content(work.connection, [str((await Content.get()).id)]) == set()
    assert (await Content.get()).unused_since is None
