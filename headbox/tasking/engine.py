"""The engine: one transaction at a time, and what follows from it once it is committed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager, nullcontext
from typing import Protocol, TypeVar
from uuid import UUID

from tortoise.exceptions import BaseORMException

from headbox.kinds import Registry
from headbox.models import Task
from headbox.models.cipher import Cipher
from headbox.models.database import Connection, Database, Transient, retrying, transaction
from headbox.settings import Settings
from headbox.tasking import bus as topics
from headbox.tasking import claims
from headbox.tasking.bus import EventBus, Payload
from headbox.tasking.claims import Claim, Runnable
from headbox.tasking.snapshot import snapshot_of
from headbox.types import TaskPriority

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


class Dispatcher(Protocol):
    """Tells a worker that a task can run. The message is a nudge: it may be lost, it may be doubled.

    Attributes:
        name: What carries the messages, for people.
    """

    name: str

    async def check(self) -> str | None:
        """Return what keeps messages from being carried now, or None when nothing does."""

    async def drained(self) -> Collection[TaskPriority]:
        """Return the priorities of which no message waits for a worker; none where that cannot be told."""

    def send(self, task: Runnable) -> None:
        """Put a message into the queue of the task's priority."""


class UnitOfWork:
    """One transaction, and what is to be told when it is committed.

    Attributes:
        connection: The connection inside of the transaction.
    """

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self.connection = connection
        self.registry = engine.registry
        self.cipher = engine.cipher
        self.settings = engine.settings
        self._events: list[tuple[str, str, Payload]] = []
        self.runnable: list[Runnable] = []
        self.waiting: list[UUID] = []
        self.released: set[Claim] = set()

    def task_waits(self, task: Task, *, can_run: bool) -> None:
        """Tell the watchers of a task that waits from now on, and a worker when it can run.

        Args:
            task: The task.
            can_run: Whether nothing is before it for certain; otherwise that is looked up after the commit.
        """
        if can_run:
            self.runnable.append(Runnable(task.id, task.priority))
        else:
            self.waiting.append(task.id)
        self.task_changed(task)

    def task_changed(self, task: Task) -> None:
        """Tell the watchers of a task."""
        self._events.append((topics.TASK, str(task.id), snapshot_of(task)))

    def cancel_requested(self, task_id: UUID) -> None:
        """Tell the worker that runs a task to end it."""
        self._events.append((topics.CANCEL, str(task_id), {}))

    def repository_changed(self, repository_id: UUID) -> None:
        """Tell the watchers of a repository."""
        self._events.append((topics.REPOSITORY, str(repository_id), {}))

    def distribution_changed(self, distribution_id: UUID) -> None:
        """Tell those who serve a distribution."""
        # First, so that whoever sees a task completed also gets what it published.
        self._events.insert(0, (topics.DISTRIBUTION, str(distribution_id), {}))

    def webhook_waits(self, webhook_id: UUID) -> None:
        """Tell whoever sends messages that there is one for a webhook."""
        self._events.append((topics.WEBHOOK, str(webhook_id), {}))

    def claims_released(self, released: set[Claim]) -> None:
        """Look at the heads of these queues: what was held back by a finished task may run now."""
        self.released |= released

    def tell(self, bus: EventBus) -> None:
        """Publish the events."""
        for topic, key, payload in self._events:
            bus.publish(topic, key, payload)


class Engine:
    """What API, content app and workers of one event loop share."""

    def __init__(
        self,
        *,
        database: Database,
        registry: Registry,
        cipher: Cipher,
        bus: EventBus,
        dispatcher: Dispatcher,
        settings: Settings,
    ) -> None:
        self.database = database
        self.registry = registry
        self.cipher = cipher
        self.bus = bus
        self.dispatcher = dispatcher
        self.settings = settings

    @asynccontextmanager
    async def unit_of_work(self, *, is_one_statement: bool = False) -> AsyncIterator[UnitOfWork]:
        """Run a block as one transaction; tell watchers and workers after its commit, and nobody when it fails.

        Args:
            is_one_statement: Whether the block does no more than one statement, which is a transaction by itself.
        """
        async with nullcontext(self.database.connection) if is_one_statement else transaction() as connection:
            work = UnitOfWork(self, connection)
            yield work
        work.tell(self.bus)
        try:
            await self._nudge(work)
        except BaseORMException:
            # What was committed stands: the reconciler nudges for it, a little later.
            log.exception("what became free could not be looked up")

    async def transact(
        self,
        step: Callable[[UnitOfWork], Awaitable[ResultT]],
        *,
        unless: tuple[type[Transient], ...] = (),
        is_one_statement: bool = False,
    ) -> ResultT:
        """Run a step as one transaction, and again while the database is away or prefers another one.

        Args:
            step: Comes to the same when it is taken twice, in the database and in memory: a commit that was not
                confirmed may have happened.
            unless: What it is not taken again for; with `CommitUnconfirmed`, it may come to something else.
            is_one_statement: As of `unit_of_work`.
        """

        async def once() -> ResultT:
            async with self.unit_of_work(is_one_statement=is_one_statement) as work:
                return await step(work)

        return await retrying(once, unless=unless)

    async def _nudge(self, work: UnitOfWork) -> None:
        # Looked up after the commit: whatever was finished before is seen here, and whatever is finished later sees
        # this.
        connection = self.database.connection
        self.send(work.runnable)
        if work.waiting:
            self.send(await claims.runnable_among(connection, work.waiting))
        if work.released:
            self.send(await claims.runnable_heads(connection, work.released))

    def send(self, tasks: Iterable[Runnable]) -> None:
        """Nudge workers to take these tasks."""
        for task in tasks:
            self.dispatcher.send(task)
