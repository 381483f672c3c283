"""A sync that is canceled, or taken back from a lost worker, shows nothing of what it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from headbox.models import Distribution, Membership, RepositoryVersion, Task, Worker
from headbox.models.database import now
from headbox.pipeline import stream
from headbox.storage import FilesystemStorage
from headbox.tasking import lifecycle
from headbox.types import Automation, OnError, TaskState
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, issues, serve
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import until

FILES = {"a.txt": b"a", "b.txt": b"b"}


class HeldStorage(FilesystemStorage):
    """Holds whoever wants to store the rendered manifest, until it is let go."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.held = 0
        self.gates = [asyncio.Event(), asyncio.Event()]

    @override
    async def adopt(self, path: Path, digest: str) -> None:
        if path.name.startswith("rendered"):
            gate = self.gates[self.held]
            self.held += 1
            await gate.wait()
        await super().adopt(path, digest)


@pytest.fixture
async def storage(data_dir: Path) -> HeldStorage:
    return HeldStorage(data_dir / "artifacts")


@pytest.fixture
async def engine(data_dir: Path, storage: HeldStorage) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(data_dir)
    engine.storage = storage
    async with engine.running():
        yield engine


@pytest.fixture
async def mirror(engine: LocalEngine, upstream: Upstream) -> Mirror:
    serve(upstream, FILES)
    return await Mirror.of(engine, upstream, "mirror", automation=Automation.DISTRIBUTE)


async def assert_nothing_visible(mirror: Mirror) -> None:
    assert await mirror.latest() == 0
    assert await mirror.files() == {}
    assert await RepositoryVersion.filter(number__gt=0).count() == 0
    assert await mirror.engine.rows_of("publication") == 0
    assert (await Distribution.get(base_path="mirror")).serving_id is None


async def take_back(engine: LocalEngine) -> None:
    """Let every worker look lost, and its tasks wait again for a message that never comes."""
    engine.dispatcher.is_losing = True
    time = await now(engine.database.connection)
    await Worker.all().update(last_seen_at=time - timedelta(minutes=1))
    async with engine.unit_of_work() as work:
        await lifecycle.take_back(work, time, engine.settings.worker.max_attempts)


class TestCancel:
    @pytest.mark.parametrize("path", [MANIFEST, "b.txt"])
    async def test_while_it_downloads(self, engine: LocalEngine, mirror: Mirror, path: str) -> None:
        mirror.upstream.fault(path, Slow(60), times=1)
        task = await make_sync(engine, mirror.repository)
        await until(lambda: mirror.upstream.hits(path))

        await engine.cancel(task)

        assert (await engine.finished(task)).state is TaskState.CANCELED
        await assert_nothing_visible(mirror)
        await engine.assert_nothing_left()

    async def test_after_its_version_was_prepared(
        self, engine: LocalEngine, mirror: Mirror, storage: HeldStorage
    ) -> None:
        task = await make_sync(engine, mirror.repository)
        await until(lambda: storage.held)
        assert await Membership.all().count() == len(FILES)

        await engine.cancel(task)

        assert (await engine.finished(task)).state is TaskState.CANCELED
        await assert_nothing_visible(mirror)
        await engine.assert_nothing_left()

    async def test_next_sync_takes_back_what_was_prepared(
        self, engine: LocalEngine, mirror: Mirror, storage: HeldStorage
    ) -> None:
        task = await make_sync(engine, mirror.repository)
        await until(lambda: storage.held)
        await engine.cancel(task)
        storage.gates[1].set()
        others = {"other.txt": b"other"}

        await mirror.sync(others)

        assert await mirror.files() == digests(others)
        assert (await mirror.version()).added == 1
        assert await Membership.all().count() == 1


class TestFence:
    async def test_attempt_that_was_taken_back_makes_nothing_visible(
        self, engine: LocalEngine, mirror: Mirror, storage: HeldStorage
    ) -> None:
        task = await make_sync(engine, mirror.repository)
        await until(lambda: storage.held)
        await take_back(engine)

        storage.gates[0].set()
        await engine.dispatcher.rest()

        assert (await Task.get(id=task.id)).state is TaskState.WAITING
        await assert_nothing_visible(mirror)

    async def test_next_attempt_completes_before_the_first_one_ends(
        self, engine: LocalEngine, mirror: Mirror, storage: HeldStorage
    ) -> None:
        task = await make_sync(engine, mirror.repository)
        await until(lambda: storage.held)
        await take_back(engine)
        engine.dispatcher.deliver(task.id, await engine.hire())
        await until(lambda: storage.held == 2)

        storage.gates[1].set()
        done = await engine.completed(task)
        storage.gates[0].set()
        await engine.dispatcher.rest()

        assert await Task.get(id=task.id).values() == await Task.get(id=done.id).values()
        assert (done.attempt, await mirror.latest()) == (2, 1)
        assert await mirror.files() == digests(FILES)
        await engine.assert_nothing_left()

    async def test_attempt_that_ends_late_leaves_what_the_next_one_staged(
        self, engine: LocalEngine, mirror: Mirror, storage: HeldStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "BATCH_UNITS", 1)
        storage.gates[0].set()
        mirror.upstream.fault("b.txt", Slow(60), times=1)
        mirror.upstream.fault("b.txt", Slow(0.3), times=1)
        task = await make_sync(engine, mirror.repository)
        await until(lambda: mirror.upstream.hits("b.txt") == 1)
        await take_back(engine)
        engine.dispatcher.deliver(task.id, await engine.hire())
        await until(lambda: mirror.upstream.hits("b.txt") == 2)

        await engine.dispatcher.runners[0].stop()
        await engine.completed(task)

        assert await mirror.files() == digests(FILES)

    async def test_next_attempt_tells_each_issue_once(
        self, engine: LocalEngine, mirror: Mirror, storage: HeldStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "BATCH_UNITS", 1)
        mirror.upstream.files[MANIFEST] = b"bad line\n" + mirror.upstream.files[MANIFEST]
        storage.gates[1].set()
        task = await make_sync(engine, mirror.repository, on_error=OnError.SKIP)
        await until(lambda: storage.held)
        assert await issues(task) == [("METADATA_INVALID", None)]
        await take_back(engine)
        engine.dispatcher.deliver(task.id, await engine.hire())
        done = await engine.completed(task)
        storage.gates[0].set()
        await engine.dispatcher.rest()

        assert done.attempt == 2
        assert await issues(task) == [("METADATA_INVALID", None)]
