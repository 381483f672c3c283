"""The client for programs that block: what `Client` does, without `await`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from headbox.client.client import ANSWER_TIMEOUT_SECONDS, PARALLEL_UPLOADS, Client
from headbox.client.journal import UploadJournal
from headbox.client.profiles import DEFAULT_SERVER
from headbox.client.tasks import TaskState
from headbox.client.uploads import LocalFile, OnProgress, UploadSummary

T = TypeVar("T")


class SyncClient:
    """A server, as a program that blocks sees it: `with SyncClient("https://headbox.example.org") as client:`.

    Its connections live in a thread of their own, so that it works wherever it is called, notebooks included. What each
    method raises stands at the method of `Client` of the same name.

    Args:
        server: Address of the server.
        token: Sent as `Authorization: Bearer`, or None.
        ca_file: Certificates to trust in place of the system's, in PEM format, or None.
    """

    def __init__(self, server: str = DEFAULT_SERVER, *, token: str | None = None, ca_file: Path | None = None) -> None:
        self._begin(Client(server, token=token, ca_file=ca_file))

    @classmethod
    def of_profile(cls, name: str | None = None) -> Self:
        """Return the client of a profile; of the one in use, which the environment overrides, without a name."""
        client = cls.__new__(cls)
        client._begin(Client.of_profile(name))  # noqa: SLF001 - of this very class
        return client

    def _begin(self, client: Client) -> None:
        self._client = client
        self._unfinished: set[AsyncGenerator[Any, None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="headbox-client", daemon=True)
        self._thread.start()

    @property
    def server(self) -> str:
        """Address of the server, without credentials and without a slash at its end."""
        return self._client.server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client is of no use any more."""
        if not self._thread.is_alive():
            return
        # Subscriptions that nobody reads any more have connections, too.
        for items in list(self._unfinished):
            self._run(items.aclose())
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        patience_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """Run a query or a mutation and return its data; expected failures of a mutation are in its payload."""
        return self._run(
            self._client.execute(
                document, variables, timeout_seconds=timeout_seconds, patience_seconds=patience_seconds
            )
        )

    def mutate(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        patience_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """Run a document of one mutation, or one plan, and return its payload without `errors`, which it selects."""
        return self._run(
            self._client.mutate(document, variables, timeout_seconds=timeout_seconds, patience_seconds=patience_seconds)
        )

    def subscribe(self, document: str, variables: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the data of each message of a subscription, until the server completes it."""
        return self._each(self._client.subscribe(document, variables))

    def follow(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        on_lost: Callable[[str], None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield as `subscribe` does, and go on through restarts of the server."""
        return self._each(self._client.follow(document, variables, on_lost=on_lost))

    def watch(self, task_id: str, *, on_lost: Callable[[str], None] | None = None) -> Iterator[TaskState]:
        """Yield the states of a task up to its final one, through restarts of the server."""
        return self._each(self._client.watch(task_id, on_lost=on_lost))

    def wait(self, task_id: str) -> TaskState:
        """Return a task once it is completed."""
        return self._run(self._client.wait(task_id))

    def have_artifacts(self, digests: Sequence[str], *, patience_seconds: float = 0.0) -> set[str]:
        """Return those of some SHA-256 digests whose bytes are stored."""
        return self._run(self._client.have_artifacts(digests, patience_seconds=patience_seconds))

    def upload(
        self,
        files: Sequence[LocalFile],
        *,
        parallel: int = PARALLEL_UPLOADS,
        on_progress: OnProgress | None = None,
        journal: UploadJournal | None = None,
    ) -> UploadSummary:
        """Have the bytes of files stored; `on_progress` is called in the client's own thread."""
        return self._run(self._client.upload(files, parallel=parallel, on_progress=on_progress, journal=journal))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            # Whoever waited was interrupted: the work ends with the wait.
            future.cancel()
            raise

    def _each(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        self._unfinished.add(items)
        try:
            while True:
                found = self._run(_next(items))
                if not found:
                    return
                yield found[0]
        finally:
            self._unfinished.discard(items)
            if self._thread.is_alive():
                self._run(items.aclose())


async def _next(items: AsyncGenerator[T, None]) -> tuple[T] | tuple[()]:
    """Return the next item, or nothing after the last one: the end cannot be raised across threads."""
    async for item in items:
        return (item,)
    return ()
