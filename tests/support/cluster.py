"""headbox as a company runs it: API, content and worker processes on one PostgreSQL and one Redis."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

from tests.support.server import HeadboxProcess, HeadboxServer
from tests.support.services import TcpProxy

ProcessT_co = TypeVar("ProcessT_co", bound=HeadboxProcess, covariant=True)


class Node(Generic[ProcessT_co]):
    """A process, whose connections to PostgreSQL and Redis can be cut.

    Attributes:
        name: Kind and number.
        process: The process.
        database: Its way to PostgreSQL.
        redis: Its way to Redis.
    """

    def __init__(self, name: str, make: Callable[..., ProcessT_co], *arguments: str, **environment: str) -> None:
        """Set up a process.

        Args:
            name: Kind and number.
            make: Makes the process of the arguments and the environment.
            arguments: The command and its options.
            environment: Variables.
        """
        self.name = name
        self.database, database_url = _detour(os.environ["HEADBOX_DATABASE_URL"])
        self.redis, redis_url = _detour(os.environ["HEADBOX_REDIS_URL"])
        urls = {"HEADBOX_DATABASE_URL": database_url, "HEADBOX_REDIS_URL": redis_url}
        self.process = make(*arguments, name=name, **{**environment, **urls})


class Cluster:
    """Processes that share a data folder, as on one host or on one shared file system.

    Attributes:
        apis: Those that serve the API.
        contents: Those that serve content.
        workers: Those that run tasks.
    """

    def __init__(
        self, data_dir: Path, environment: Mapping[str, str], *, apis: int = 1, contents: int = 1, workers: int = 2
    ) -> None:
        """Set up a cluster.

        Args:
            data_dir: The data folder of an installation; settings find its PostgreSQL and Redis.
            environment: Variables of all processes.
            apis: How many processes serve the API.
            contents: How many processes serve content.
            workers: How many processes run tasks.
        """

        def server(*arguments: str, **options: Any) -> HeadboxServer:
            return HeadboxServer(data_dir, *arguments, **options)

        def process(*arguments: str, **options: Any) -> HeadboxProcess:
            return HeadboxProcess(data_dir, *arguments, **options)

        self.apis = [Node(f"api-{n}", server, "api", "--port", "0", **environment) for n in range(apis)]
        self.contents = [
            Node(f"content-{n}", process, "content", "--port", "0", **environment) for n in range(contents)
        ]
        self.workers = [
            Node(f"worker-{n}", process, "worker", "--health-port", "0", **environment) for n in range(workers)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack, ThreadPoolExecutor(len(self.nodes)) as threads:
            for node in self.nodes:
                stack.enter_context(node.database)
                stack.enter_context(node.redis)
                stack.callback(node.process.close)
            list(threads.map(lambda node: node.process.start(), self.nodes))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack, ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(lambda node: node.process.close(), self.nodes))

    @property
    def nodes(self) -> list[Node[HeadboxProcess]]:
        """All of them."""
        return [*self.apis, *self.contents, *self.workers]


def _detour(url: str) -> tuple[TcpProxy, str]:
    """Return a proxy of the server that a URL names, and the URL by way of it."""
    parts = urlsplit(url)
    assert parts.port is not None, "test servers have a port of their own"
    proxy = TcpProxy(parts.port)
    return proxy, parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")).geturl()
