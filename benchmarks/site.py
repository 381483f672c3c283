"""A headbox server with upstreams, as the benchmarks need them."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from demo.files import MANIFEST, write_manifest
from demo.processes import Server, headbox_server, upstream_server
from headbox.client import Client
from tests.support.distribution import install_distribution
from tests.support.services import PostgresServer, RedisServer

CREATE = """
mutation Create($input: CreateFileRepositoryInput!) {
  createFileRepository(input: $input) {
    repository { id }
    distributions { url }
    task { id }
    errors { code message }
  }
}
"""
SYNC = """
mutation Sync($input: CreateFileSyncInput!) {
  createFileSync(input: $input) { task { id } errors { code message } }
}
"""
ENDED = "subscription Ended($id: ID!) { task(id: $id) { state startedAt finishedAt error { message } } }"


#: Module of the plugin that the distributed benchmarks have.
PLUGIN = "headbox_bench"


class BenchmarkFailed(Exception):
    """Something did not work, so that there is nothing to measure."""


@dataclass(frozen=True)
class Mirror:
    """A repository that mirrors an upstream; `url` is its distribution's."""

    repository: str
    url: str
    first_sync: str


class Site:
    """A new headbox.

    Attributes:
        folder: Where everything of it lies, gone when the benchmark ends.
        server: The server, or the process of the API.
        client: For GraphQL.
        session: For everything else; with as many connections as are asked for.
        redis_url: URL of its Redis, where it has one.
    """

    def __init__(
        self, folder: Path, server: Server, client: Client, session: aiohttp.ClientSession, stack: AsyncExitStack
    ) -> None:
        self.folder = folder
        self.server = server
        self.client = client
        self.session = session
        self._stack = stack
        self.redis_url = ""

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Site]:
        """Run a server for as long as the block lasts."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headbox-bench-")))
            server = await stack.enter_async_context(headbox_server(folder / "data"))
            client = await stack.enter_async_context(Client(server.url))
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            await stack.enter_async_context(session)
            yield cls(folder, server, client, session, stack)

    @classmethod
    @asynccontextmanager
    async def distributed(cls, *, workers: int, **environment: str) -> AsyncIterator[Site]:
        """Run an API process and workers on PostgreSQL and Redis for as long as the block lasts.

        They have the plugin of `benchmarks.headbox_bench`.

        Args:
            workers: How many.
            environment: Settings, such as `HEADBOX_WORKER_THREADS`.
        """
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headbox-bench-")))
            postgres = stack.enter_context(PostgresServer())
            redis = stack.enter_context(RedisServer())
            settings = {
                "HEADBOX_DATABASE_URL": postgres.create("headbox"),
                "HEADBOX_REDIS_URL": redis.url,
                "PYTHONPATH": str(_install_plugin(folder / "plugin")),
                **environment,
            }
            data_dir = folder / "data"
            await asyncio.to_thread(_migrate, data_dir, settings)
            api = ("api", "--port", "0")
            server = await stack.enter_async_context(headbox_server(data_dir, settings, command=api, name="api"))
            for number in range(workers):
                worker = headbox_server(
                    data_dir, settings, command=("worker", "--health-port", "0"), name=f"worker-{number}"
                )
                await stack.enter_async_context(worker)
            client = await stack.enter_async_context(Client(server.url))
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            await stack.enter_async_context(session)
            site = cls(folder, server, client, session, stack)
            site.redis_url = redis.url
            yield site

    @property
    def database(self) -> Path:
        """File of the database."""
        return self.folder / "data" / "headbox.db"

    async def upstream(self, name: str, files: Mapping[str, bytes]) -> str:
        """Serve files from a process of its own, and return the address of their manifest."""
        folder = self.folder / name
        folder.mkdir()
        for path, body in files.items():
            (folder / path).write_bytes(body)
        write_manifest(folder)
        return await self._serve(folder)

    async def listing_upstream(self, name: str, count: int) -> str:
        """Serve a manifest of so many files that nobody will ask for, and return its address."""
        folder = self.folder / name
        folder.mkdir()
        with (folder / MANIFEST).open("w", newline="") as manifest:
            rows = (
                (
                    f"pool/{name}/package-{number:07}.tar.gz",
                    hashlib.sha256(f"{name}{number}".encode()).hexdigest(),
                    number,
                )
                for number in range(count)
            )
            csv.writer(manifest, lineterminator="\n").writerows(rows)
        return await self._serve(folder)

    async def _serve(self, folder: Path) -> str:
        upstream = await self._stack.enter_async_context(upstream_server(folder))
        return upstream.url + MANIFEST

    async def mirror(self, name: str, url: str, **remote: Any) -> Mirror:
        """Create a repository that mirrors an upstream, and start its first sync."""
        values = {
            "name": name,
            "remote": {"create": {"name": name, "url": url, **remote}},
            "publishSettings": {"create": {}},
            "distributions": [{"basePath": name}],
            "automation": "DISTRIBUTE",
            "syncMode": "MIRROR",
            "sync": True,
        }
        payload = (await self.client.execute(CREATE, {"input": values}))["createFileRepository"]
        assert not payload["errors"], payload["errors"]
        return Mirror(payload["repository"]["id"], payload["distributions"][0]["url"], payload["task"]["id"])

    async def sync(self, mirror: Mirror, *, force: bool = False) -> str:
        """Start another sync, and return the id of its task."""
        values = {"repository": mirror.repository, "force": force}
        payload = (await self.client.execute(SYNC, {"input": values}))["createFileSync"]
        assert not payload["errors"], payload["errors"]
        task_id: str = payload["task"]["id"]
        return task_id

    async def completed(self, task_id: str) -> float:
        """Wait until a task has completed, and return how long it ran, in seconds."""
        task: dict[str, Any] = {}
        async for data in self.client.subscribe(ENDED, {"id": task_id}):
            task = data["task"]
        if task["state"] != "COMPLETED":
            reason = (task["error"] or {}).get("message", "")
            raise BenchmarkFailed(
                f"a task has {task['state'].lower()}: {reason}\n{self.server.log.read_text()[-4000:]}"
            )
        return (datetime.fromisoformat(task["finishedAt"]) - datetime.fromisoformat(task["startedAt"])).total_seconds()

    def processor_seconds(self) -> float:
        """Return how much of the processors' time the server has used so far, in seconds."""
        times = psutil.Process(self.server.process.pid).cpu_times()
        return float(times.user + times.system)

    def peak_memory(self) -> float:
        """Return the most resident memory that the server has had, in MB."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        kibibytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return kibibytes * 1024 / 1e6


def _migrate(data_dir: Path, settings: Mapping[str, str]) -> None:
    command = [str(Path(sys.executable).with_name("headbox")), "migrate", "--data-dir", str(data_dir)]
    subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True)


def _install_plugin(folder: Path) -> Path:
    """Install the plugin of the benchmarks, and return the folder to put on Python's path."""
    source = Path(__file__).with_name(f"{PLUGIN}.py").read_text()
    pyproject = f"""
        [project]
        name = "headbox-bench"
        version = "1.0.0"
        [project.entry-points."headbox.plugins"]
        bench = "{PLUGIN}:plugin"
    """
    return install_distribution(PLUGIN, source, pyproject, folder)
