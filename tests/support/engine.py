"""Task engines to test with: on the test's own event loop, or with Dramatiq as `headbox serve` has it.

async with LocalEngine(data_dir).running() as engine:
    async with engine.unit_of_work() as work:
        task = await tasks.create_sync(work, FileSync, SyncRequest(repository))
    assert (await engine.finished(task)).state is TaskState.COMPLETED
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from headbox.cli.processes.parts import Parts
from headbox.cli.processes.working import worker_of
from headbox.kinds import Plugin, Registry
from headbox.models import Task, Worker
from headbox.models.cipher import Cipher
from headbox.models.database import Database, fetch, now
from headbox.plugins.file.plugin import plugin as file_plugin
from headbox.resolvers.ids import NodeTypes
from headbox.resolvers.loaders import Loaders
from headbox.settings import DownloadSettings, Settings
from headbox.storage import FilesystemStorage, Workspace
from headbox.storage.interface import ArtifactStorage
from headbox.tasking import bus as topics
from headbox.tasking import lifecycle
from headbox.tasking.bus import MemoryBus
from headbox.tasking.claims import Runnable, all_runnable
from headbox.tasking.engine import Dispatcher, Engine
from headbox.tasking.redis_bus import RedisBus
from headbox.types import FINAL_STATES, TaskPriority, TaskState
from headbox.workers.runner import TaskRunner
from tests.support.tasks import gate_plugin
from tests.support.waiting import PATIENCE_SECONDS, until


def settings_for(data_dir: Path, **sections: Any) -> Settings:
    """Return settings for a data folder; retries wait for nothing."""
    return Settings(data_dir=data_dir, **{"download": DownloadSettings(backoff_seconds=0), **sections})


def bus_for(settings: Settings) -> MemoryBus | RedisBus:
    """Return the bus that the settings name, which must run to carry anything."""
    return RedisBus(settings.redis) if settings.redis.url else MemoryBus()


class EngineUnderTest(Engine):
    """An engine, and what tests ask of one.

    Attributes:
        storage: Where artifacts go; may be replaced before anything runs.
        workspace: Where working folders are.
    """

    def __init__(
        self,
        data_dir: Path,
        plugins: Iterable[Plugin],
        dispatcher: Dispatcher,
        settings: Settings,
        bus: MemoryBus | RedisBus | None = None,
    ) -> None:
        super().__init__(
            database=Database.of(settings),
            registry=Registry(plugins),
            cipher=Cipher.of(settings),
            bus=bus or bus_for(settings),
            dispatcher=dispatcher,
            settings=settings,
        )
        self.storage: ArtifactStorage = FilesystemStorage(data_dir / "artifacts")
        self.workspace = Workspace(data_dir / "work")

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Self]:
        """Connect with the database and with the bus, and close both with the block."""
        async with AsyncExitStack() as stack:
            if isinstance(self.bus, RedisBus):
                await stack.enter_async_context(self.bus.running())
            await stack.enter_async_context(self.database.connected())
            yield self

    async def finished(self, task: Task) -> Task:
        """Wait for the end of a task and return its row."""
        return await self.reached(task, FINAL_STATES)

    async def reached(self, task: Task, states: Collection[TaskState]) -> Task:
        """Wait until a task is in one of the states and return its row."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with self.bus.subscribe(topics.TASK, str(task.id)) as events:
                while (row := await Task.get(id=task.id)).state not in states:
                    await events.next(0.5)
        return row

    async def completed(self, task: Task) -> Task:
        """Wait for a task that is to complete and return its row."""
        row = await self.finished(task)
        assert row.state is TaskState.COMPLETED, row.error
        return row

    async def failed(self, task: Task) -> dict[str, Any]:
        """Wait for a task that is to fail and return its error."""
        row = await self.finished(task)
        assert row.state is TaskState.FAILED, row.state
        assert row.error is not None
        return row.error

    async def cancel(self, task: Task) -> Task:
        """Ask a task to end."""
        async with self.unit_of_work() as work:
            return await lifecycle.cancel(work, task.id)

    async def blockers(self, task_id: UUID) -> list[UUID]:
        """Return the tasks that a task waits for, as the API names them."""
        loaders = Loaders(self.database.connection, NodeTypes(self.registry))
        return [blocker.id for blocker in await loaders.blockers.load(task_id)]

    async def rows_of(self, table: str) -> int:
        """Return how many rows a table has."""
        return int((await fetch(self.database.connection, f"SELECT COUNT(*) AS number FROM {table}"))[0]["number"])

    async def assert_nothing_left(self) -> None:
        """Make sure that finished tasks hold no claim, stage nothing, left no file, and named no artifact in vain."""
        left = {table: await self.rows_of(table) for table in ("task_claim", "staged_content")}
        assert left == {"task_claim": 0, "staged_content": 0}
        # Removed a moment after the task's end was written.
        await until(lambda: not any((self.settings.data_dir / "work").iterdir()))
        stored = {digest async for digest in self.storage.digests()}
        named = await fetch(self.database.connection, "SELECT sha256 FROM artifact")
        assert {row["sha256"] for row in named} <= stored


class LocalDispatcher:
    """Carries messages by starting the task on this event loop.

    Attributes:
        sent: The task of every message, lost ones too.
        is_losing: Whether messages are lost.
        copies: How many of each message arrive.
    """

    name = "this event loop"

    def __init__(self) -> None:
        self.sent: list[UUID] = []
        self.is_losing = False
        self.copies = 1
        self.runners: list[TaskRunner] = []
        self._jobs: set[asyncio.Task[None]] = set()

    async def check(self) -> str | None:
        return None

    async def drained(self) -> Collection[TaskPriority]:
        return ()

    def send(self, task: Runnable) -> None:
        self.sent.append(task.id)
        if not self.is_losing:
            for _ in range(self.copies):
                self.deliver(task.id, self.runners[0])

    def deliver(self, task_id: UUID, runner: TaskRunner) -> None:
        """Let a worker have the message of a task."""
        job = asyncio.get_running_loop().create_task(runner.run(task_id))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def rest(self) -> None:
        """Return when everything that was delivered has ended; what a worker failed with is raised here."""
        while self._jobs:
            await asyncio.gather(*self._jobs)


class LocalEngine(EngineUnderTest):
    """An engine with one worker, or more of them, in the test's own event loop; messages are calls."""

    dispatcher: LocalDispatcher

    def __init__(self, data_dir: Path, **sections: Any) -> None:
        super().__init__(data_dir, [file_plugin, gate_plugin], LocalDispatcher(), settings_for(data_dir, **sections))

    @property
    def runner(self) -> TaskRunner:
        """The first worker."""
        return self.dispatcher.runners[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Connect, let one worker run, and end both with the block."""
        async with self.connected():
            runner = await self.hire()
            listening = asyncio.create_task(runner.listen())
            try:
                yield self
                for hired in self.dispatcher.runners:
                    await hired.stop()
                await self.dispatcher.rest()
            finally:
                listening.cancel()

    async def hire(self) -> TaskRunner:
        """Return another worker, to which messages must be delivered by hand."""
        row = await Worker.create(name="test", last_seen_at=await now(self.database.connection))
        runner = TaskRunner(self, row, self.storage, self.workspace)
        self.dispatcher.runners.append(runner)
        return runner

    async def send_again(self) -> None:
        """Nudge for whatever can run."""
        self.send(await all_runnable(self.database.connection))

    async def assert_nothing_left(self) -> None:
        """As of every engine, once what was delivered has ended."""
        await self.dispatcher.rest()
        await super().assert_nothing_left()


class EmbeddedEngine(EngineUnderTest):
    """An engine of the file plugin, whose tasks a Dramatiq worker runs in threads of its own, as in `headbox serve`."""

    def __init__(self, data_dir: Path, **sections: Any) -> None:
        settings = settings_for(data_dir, **sections)
        parts = Parts(
            settings=settings,
            registry=Registry([file_plugin]),
            cipher=Cipher.of(settings),
            storage=FilesystemStorage(data_dir / "artifacts"),
            workspace=Workspace(data_dir / "work"),
        )
        bus = bus_for(settings)
        self._worker = worker_of(parts, bus, is_alone=settings.database.url is None)
        self.process = self._worker.process
        super().__init__(data_dir, [file_plugin], self._worker.dispatcher, settings, bus)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Connect, start the worker, and end both with the block."""
        async with self.connected(), self._worker.running(self.settings):
            yield self
