"""The broker, and the actors that it carries messages to: one for each priority, each with a queue of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import ParamSpec, TypeVar
from uuid import UUID

import dramatiq
import uvloop
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AsyncIO, Middleware

from headbox.settings import Settings
from headbox.tasking.claims import Runnable
from headbox.types import TaskPriority
from headbox.workers.redis_broker import NudgeBroker

#: Queue of each priority.
QUEUES = {
    TaskPriority.HIGH: "headbox.high",
    TaskPriority.NORMAL: "headbox.normal",
    TaskPriority.LOW: "headbox.low",
}
#: Dramatiq takes messages of lower numbers first.
RANKS = {TaskPriority.HIGH: 0, TaskPriority.NORMAL: 10, TaskPriority.LOW: 20}

#: How long the event loop of the actors may take to begin, in seconds.
LOOP_SECONDS = 10.0
#: How long Redis may take to say how it is doing, in seconds: whoever asks whether a process is ready waits no longer
#: than five, and it is ready without Redis; nor must the reconciler be held up.
CHECK_SECONDS = 2.0

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

RunTask = Callable[[UUID], Awaitable[None]]


class ActorLoop(AsyncIO):
    """Dramatiq's event loop for actors, as one of uvloop: a task that does little is mostly the loop's own work."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """See `AsyncIO`."""
        thread = EventLoopThread(self.logger)
        thread.loop.close()
        thread.loop = uvloop.new_event_loop()
        thread.start(timeout=LOOP_SECONDS)
        set_event_loop_thread(thread)


def memory_broker(middleware: Middleware) -> dramatiq.Broker:
    """Return a broker within this process."""
    # Without Dramatiq's retries, time limits and dead letters: the task's row decides, the message is a nudge.
    return StubBroker(middleware=[ActorLoop(), middleware])


def redis_broker(settings: Settings, middleware: Middleware | None = None) -> NudgeBroker:
    """Return a broker between processes.

    Args:
        settings: Name the Redis; threads and queues are those of a worker.
        middleware: What a worker needs beside its threads; None in a process that only sends.
    """
    worker = settings.worker
    queues = [QUEUES[priority] for priority in sorted(map(TaskPriority, worker.queues), key=RANKS.__getitem__)]
    if middleware is None:
        return NudgeBroker(settings.redis, middleware=[], queues=queues, threads=0)
    return NudgeBroker(settings.redis, middleware=[ActorLoop(), middleware], queues=queues, threads=worker.threads)


class ActorDispatcher:
    """Implements `Dispatcher` with an actor for each priority."""

    name = "dramatiq, within this process"

    def __init__(self, broker: dramatiq.Broker, run: RunTask) -> None:
        self._actors = {priority: self._actor(broker, run, priority) for priority in TaskPriority}

    @staticmethod
    def _actor(broker: dramatiq.Broker, run: RunTask, priority: TaskPriority) -> dramatiq.Actor[[str], Awaitable[None]]:
        async def run_task(task_id: str) -> None:
            await run(UUID(task_id))

        declare = dramatiq.actor(
            broker=broker,
            actor_name=f"headbox.run_task.{priority}",
            queue_name=QUEUES[priority],
            priority=RANKS[priority],
        )
        return declare(run_task)

    async def check(self) -> str | None:
        """See `Dispatcher.check`: what is within this process can always be reached."""
        return None

    async def drained(self) -> Collection[TaskPriority]:
        """See `Dispatcher.drained`: not told, for a worker takes messages from here that it has no thread for."""
        return ()

    def send(self, task: Runnable) -> None:
        """See `Dispatcher.send`."""
        self._actors[task.priority].send(str(task.id))


class RedisDispatcher(ActorDispatcher):
    """An `ActorDispatcher` that says how its Redis is doing."""

    name = "dramatiq over redis"

    def __init__(self, broker: NudgeBroker, run: RunTask) -> None:
        super().__init__(broker, run)
        self._broker = broker

    async def check(self) -> str | None:
        """See `Dispatcher.check`."""
        try:
            return await _soon(self._broker.problem)
        except TimeoutError:
            return f"Redis does not answer within {CHECK_SECONDS:g} seconds"

    async def drained(self) -> Collection[TaskPriority]:
        """See `Dispatcher.drained`."""
        try:
            queues = await _soon(self._broker.drained, QUEUES.values())
        except TimeoutError:
            return ()
        return [priority for priority, queue in QUEUES.items() if queue in queues]


async def _soon(ask: Callable[Asked, Answer], *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
    """Ask what waits for Redis.

    Raises:
        TimeoutError: There is no answer soon.
    """
    async with asyncio.timeout(CHECK_SECONDS):
        return await asyncio.to_thread(ask, *args, **kwargs)


async def run_elsewhere(task_id: UUID) -> None:
    """Stand for the run of a task in a process that only sends messages."""
    raise AssertionError(f"task {task_id} is for a worker")
