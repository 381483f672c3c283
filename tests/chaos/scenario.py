"""What clients do to a cluster while it is disturbed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.chaos.clients import Api, Reader, Refused, key_of
from tests.chaos.journal import Journal
from tests.support.cluster import Cluster

#: Share of each kind of task, in hundredths.
SHARES = {"hold": 45, "look": 20, "sync": 25, "publish": 10}
#: Share of holds that a client cancels, in hundredths.
CANCELED = 10
#: How long a task holds what it claims, in milliseconds, from and to.
HOLD_MILLISECONDS = (1, 300)
#: How long to wait for the end of everything once nothing is disturbed any more, in seconds.
SETTLE_SECONDS = 120.0
#: How long content processes may take to serve what is new, in seconds.
STALE_SECONDS = 15.0
#: Pause between two reads, in seconds: the machine is for the tasks.
READ_PAUSE_SECONDS = 0.02

PRIORITIES = ("HIGH", "NORMAL", "NORMAL", "LOW")

CREATE = """
    mutation Create($input: CreateFileRepositoryInput!) {
      createFileRepository(input: $input) { repository { id } task { id } errors { code message retryable } }
    }
"""
DOCUMENTS = {
    "hold": """
        mutation Hold($input: CreateChaosHoldInput!) {
          createChaosHold(input: $input) { task { id } errors { code message retryable } }
        }
    """,
    "look": """
        mutation Look($input: CreateChaosLookInput!) {
          createChaosLook(input: $input) { task { id } errors { code message retryable } }
        }
    """,
    "sync": """
        mutation Sync($input: CreateFileSyncInput!) {
          createFileSync(input: $input) { task { id } errors { code message retryable } }
        }
    """,
    "publish": """
        mutation Publish($input: CreateFilePublishInput!) {
          createFilePublish(input: $input) { task { id } errors { code message retryable } }
        }
    """,
}
CANCEL = "mutation Cancel($id: ID!) { cancelTask(id: $id) { task { id } errors { code message retryable } } }"


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        seconds: How long clients ask for tasks, and faults happen.
        tasks: How many they ask for in that time.
        repositories: How many repositories the tasks are for.
        apis: Processes that serve the API.
        contents: Processes that serve content.
        workers: Worker processes.
        seed: Of whatever is left to chance.
    """

    seconds: float
    tasks: int
    repositories: int
    apis: int
    contents: int
    workers: int
    seed: int


@dataclass(frozen=True)
class Mirror:
    """A repository of the scenario.

    Attributes:
        name: Its name and base path.
        id: Its id, as clients have it.
    """

    name: str
    id: str

    @property
    def key(self) -> str:
        """Its id without its type."""
        return key_of(self.id)


class Clients:
    """Everybody who uses the cluster."""

    def __init__(self, cluster: Cluster, plan: Plan, session: aiohttp.ClientSession, journal: Journal) -> None:
        self._plan = plan
        self._session = session
        self._journal = journal
        self._rng = random.Random(plan.seed)
        self._api = Api(session, [node.process.url for node in cluster.apis], journal, self._rng)
        self._contents = [node.process.url for node in cluster.contents]
        self._mirrors: list[Mirror] = []
        self._jobs: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def of(cls, cluster: Cluster, plan: Plan, journal: Journal) -> AsyncIterator[Clients]:
        """Connect, and close at the end of the block."""
        connector = aiohttp.TCPConnector(limit=0, force_close=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(cluster, plan, session, journal)

    async def create_mirrors(self, upstream: str) -> None:
        """Create the repositories, and have each synced once."""
        for number in range(self._plan.repositories):
            name = f"r{number}"
            policy = "ON_DEMAND" if number % 2 else "IMMEDIATE"
            url = f"{upstream}/{name}/PULP_MANIFEST"
            values = {
                "name": name,
                "remote": {"create": {"name": name, "url": url, "policy": policy}},
                "publishSettings": {"create": {}},
                "distributions": [{"basePath": name}],
                "automation": "DISTRIBUTE",
                "syncMode": "MIRROR",
                "sync": True,
            }
            payload = await self._api.mutate(CREATE, {"input": values})
            mirror = Mirror(name, payload["repository"]["id"])
            self._mirrors.append(mirror)
            self._journal.note(event="repository", name=name, key=mirror.key)
            self._watch(payload["task"]["id"], "sync", mirror)
        await self.settle()

    async def sync_all(self) -> None:
        """Sync each repository once more, to the end."""
        for mirror in self._mirrors:
            payload = await self._api.mutate(DOCUMENTS["sync"], {"input": {"repository": mirror.id}})
            self._watch(payload["task"]["id"], "sync", mirror)
        await self.settle()

    async def work(self) -> None:
        """Ask for all tasks of the plan, spread over its time, and read what is served meanwhile."""
        reading = asyncio.create_task(self._read_all())
        try:
            loop = asyncio.get_running_loop()
            start = loop.time()
            for number in range(self._plan.tasks):
                await asyncio.sleep(start + number / self._plan.tasks * self._plan.seconds - loop.time())
                self._spawn(self._order(f"key-{number}"))
        finally:
            reading.cancel()

    async def settle(self) -> None:
        """Return once every task that was asked for has shown its end to whoever watches it.

        Raises:
            TimeoutError: One does not.
        """
        async with asyncio.timeout(SETTLE_SECONDS):
            while self._jobs:
                await asyncio.gather(*self._jobs)

    async def serves(self, generations: Mapping[str, int]) -> None:
        """Return once each content process serves these generations, by repository.

        Raises:
            TimeoutError: One does not.
        """
        async with asyncio.timeout(STALE_SECONDS):
            for url in self._contents:
                for name, generation in generations.items():
                    reader = Reader(self._session, url, name, self._journal)
                    while await reader.read() != generation:  # noqa: ASYNC110 - another process decides
                        await asyncio.sleep(0.1)

    async def versions(self) -> dict[str, list[int]]:
        """Return the numbers of each repository's versions, by name."""
        document = """
            query Versions($id: ID!) {
              node(id: $id) { ... on FileRepository { versions(first: 500) { edges { node { number } } } } }
            }
        """
        found = {}
        for mirror in self._mirrors:
            data = await self._api.ask(document, {"id": mirror.id})
            found[mirror.name] = [edge["node"]["number"] for edge in data["node"]["versions"]["edges"]]
        return found

    async def keys(self) -> list[str]:
        """Return the key that each task was asked for under, of all tasks that there are."""
        document = """
            query Keys($after: String) {
              tasks(first: 500, after: $after) { edges { node { labels } } pageInfo { hasNextPage endCursor } }
            }
        """
        keys: list[str] = []
        after = None
        while True:
            page = (await self._api.ask(document, {"after": after}))["tasks"]
            labels = [edge["node"]["labels"] for edge in page["edges"]]
            keys += [label["key"] for label in labels if "key" in label]
            if not page["pageInfo"]["hasNextPage"]:
                return keys
            after = page["pageInfo"]["endCursor"]

    async def _order(self, key: str) -> None:
        """Ask for a task, watch it to its end, and cancel some on the way."""
        kind = self._rng.choices(list(SHARES), list(SHARES.values()))[0]
        mirror = self._rng.choice(self._mirrors)
        values: dict[str, Any] = {
            "repository": mirror.id,
            "idempotencyKey": key,
            "labels": {"key": key},
            "priority": self._rng.choice(PRIORITIES),
        }
        if kind in {"hold", "look"}:
            values["milliseconds"] = self._rng.randint(*HOLD_MILLISECONDS)
        is_canceled = kind == "hold" and self._rng.randrange(100) < CANCELED
        payload = await self._api.mutate(DOCUMENTS[kind], {"input": values})
        task_id = payload["task"]["id"]
        self._journal.note(event="ordered", key=key, task=key_of(task_id), kind=kind, repository=mirror.name)
        self._watch(task_id, kind, mirror)
        if is_canceled:
            await asyncio.sleep(self._rng.uniform(0, 1))
            self._journal.note(event="cancel asked", task=key_of(task_id))
            try:
                await self._api.mutate(CANCEL, {"id": task_id})
            except Refused as refused:
                if refused.codes != ["NOT_CANCELABLE"]:  # It came too late.
                    raise

    def _watch(self, task_id: str, kind: str, mirror: Mirror) -> None:
        self._spawn(self._watched(task_id, kind, mirror))

    async def _watched(self, task_id: str, kind: str, mirror: Mirror) -> None:
        task = await self._api.watch(task_id)
        self._journal.note(event="ended", task=key_of(task_id), kind=kind, repository=mirror.name, result=task)

    async def _read_all(self) -> None:
        readers = [
            Reader(self._session, url, mirror.name, self._journal) for url in self._contents for mirror in self._mirrors
        ]
        # Each repository of each process is read by one reader, in turn: what it sees never goes back.
        while True:
            for reader in readers:
                await reader.read()
                await asyncio.sleep(READ_PAUSE_SECONDS)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        # What went wrong stays, to be raised by `settle`.
        if not task.cancelled() and task.exception() is None:
            self._jobs.discard(task)
