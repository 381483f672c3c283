"""What goes wrong in a cluster, at random and on the record."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import psutil

from tests.chaos.journal import Journal
from tests.support.cluster import Cluster, Node
from tests.support.server import HeadboxProcess
from tests.support.services import PostgresServer, RedisServer, TcpProxy

#: Pause between two faults of one kind, in seconds, from and to.
PAUSE_SECONDS = (0.5, 2.5)
#: How long a worker is suspended, in seconds, from and to: not long enough to be lost, and much longer.
SUSPENDED_SECONDS = (1.0, 16.0)
#: How long a connection is cut or silent, in seconds, from and to.
CUT_SECONDS = (0.5, 6.0)
#: How long a server is away, in seconds, from and to.
AWAY_SECONDS = (0.1, 2.0)


class Faults:
    """Lets faults happen to a cluster until it is told to stop; then all is well again."""

    def __init__(
        self, cluster: Cluster, postgres: PostgresServer, redis: RedisServer, journal: Journal, rng: random.Random
    ) -> None:
        self._cluster = cluster
        self._postgres = postgres
        self._redis = redis
        self._journal = journal
        self._rng = rng
        self._stopped = asyncio.Event()
        self._taken: set[Node[HeadboxProcess]] = set()

    async def run(self) -> None:
        """Let faults happen: at any time a worker is killed, another one suspended, and something else goes wrong."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat((self._kill, 1)))
            group.create_task(self._repeat((self._suspend, 1)))
            group.create_task(
                self._repeat(
                    (self._cut, 3),
                    (self._silence, 2),
                    (self._flush_redis, 2),
                    (self._restart_redis, 1),
                    (self._restart_postgres, 1),
                )
            )

    def stop(self) -> None:
        """Let no other fault happen; those that there are heal."""
        self._stopped.set()

    async def _repeat(self, *faults: tuple[Callable[[], Awaitable[None]], int]) -> None:
        kinds, weights = zip(*faults, strict=True)
        # Each kind once, in any order; then at random.
        chosen: Iterator[Callable[[], Awaitable[None]]] = iter(self._rng.sample(kinds, len(kinds)))
        while not self._stopped.is_set():
            await next(chosen, *self._rng.choices(kinds, weights))()
            await self._pause(PAUSE_SECONDS)

    async def _pause(self, seconds: tuple[float, float]) -> None:
        """Wait for some time, or until the end."""
        try:
            async with asyncio.timeout(self._rng.uniform(*seconds)):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def _kill(self) -> None:
        with self._some_worker() as worker:
            processes = _tree(worker)
            for process in processes:
                process.kill()
            self._journal.note(event="killed", node=worker.name, pids=[process.pid for process in processes])
            await self._pause(AWAY_SECONDS)
            await asyncio.to_thread(worker.process.restart)
            self._journal.note(event="restarted", node=worker.name, pid=worker.process.pid)

    async def _suspend(self) -> None:
        with self._some_worker() as worker:
            processes = _tree(worker)
            pids = [process.pid for process in processes]
            self._journal.note(event="suspended", node=worker.name, pids=pids)
            for process in processes:
                process.suspend()
            try:
                await self._pause(SUSPENDED_SECONDS)
            finally:
                for process in processes:
                    process.resume()
            self._journal.note(event="resumed", node=worker.name, pids=pids)

    async def _cut(self) -> None:
        await self._disturb("cut", TcpProxy.cut)

    async def _silence(self) -> None:
        await self._disturb("silenced", TcpProxy.silence)

    async def _disturb(self, event: str, fault: Callable[[TcpProxy], None]) -> None:
        node = self._rng.choice(self._cluster.nodes)
        server, link = self._rng.choice([("PostgreSQL", node.database), ("Redis", node.redis)])
        self._journal.note(event=event, node=node.name, server=server)
        await asyncio.to_thread(fault, link)
        await self._pause(CUT_SECONDS)
        await asyncio.to_thread(link.heal)
        self._journal.note(event="healed", node=node.name, server=server)

    async def _flush_redis(self) -> None:
        await asyncio.to_thread(self._redis.flush)
        self._journal.note(event="flushed")

    async def _restart_redis(self) -> None:
        await self._restart(self._redis)

    async def _restart_postgres(self) -> None:
        await self._restart(self._postgres)

    async def _restart(self, server: PostgresServer | RedisServer) -> None:
        end = self._rng.choice([server.stop, server.kill])
        self._journal.note(event="server ended", server=type(server).__name__, how=end.__name__)
        await asyncio.to_thread(end)
        await self._pause(AWAY_SECONDS)
        await asyncio.to_thread(server.start)
        self._journal.note(event="server started", server=type(server).__name__)

    @contextmanager
    def _some_worker(self) -> Iterator[Node[HeadboxProcess]]:
        """Yield a worker to which nothing else is done for as long as the block lasts."""
        worker = self._rng.choice([worker for worker in self._cluster.workers if worker not in self._taken])
        self._taken.add(worker)
        try:
            yield worker
        finally:
            self._taken.discard(worker)


def _tree(node: Node[HeadboxProcess]) -> list[psutil.Process]:
    """Return a node's process and all that it started, the children first: none is told of another's end."""
    root = psutil.Process(node.process.pid)
    return [*root.children(recursive=True), root]
