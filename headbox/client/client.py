"""The client: operations, subscriptions, tasks and uploads of one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from headbox import __version__
from headbox.client.answers import checked, read_answer, request_of
from headbox.client.connection import CONNECT_TIMEOUT_SECONDS, Connection
from headbox.client.errors import (
    NotHeadbox,
    OperationRefused,
    ServerUnreachable,
    TaskCanceled,
    TaskFailed,
    VersionMismatch,
)
from headbox.client.journal import UploadJournal
from headbox.client.profiles import DEFAULT_SERVER, Profiles
from headbox.client.subscriptions import RECONNECT_PAUSE_SECONDS, followed, messages
from headbox.client.tasks import TaskState, follow
from headbox.client.uploads import PATIENCE_SECONDS, LocalFile, OnProgress, UploadSummary, by_digest, in_parts, send

#: How long a server may take to answer an operation, in seconds.
ANSWER_TIMEOUT_SECONDS = 60.0
#: How many files are sent at a time.
PARALLEL_UPLOADS = 16
#: Most digests that the API is asked for at a time.
MOST_DIGESTS = 1000

_HAVE = "query Have($sha256: [String!]!) { haveArtifacts(sha256: $sha256) }"
_VERSION = "query Version { status { version } }"


class Client:
    """A server, as a program sees it: `async with Client("https://headbox.example.org") as client:`.

    Args:
        server: Address of the server.
        token: Sent as `Authorization: Bearer`, or None.
        ca_file: Certificates to trust in place of the system's, in PEM format, or None.
    """

    def __init__(self, server: str = DEFAULT_SERVER, *, token: str | None = None, ca_file: Path | None = None) -> None:
        self._connection = Connection(server, token=token, ca_file=ca_file)

    @classmethod
    def of_profile(cls, name: str | None = None) -> Self:
        """Return the client of a profile; of the one in use, which the environment overrides, without a name.

        Raises:
            ProfileInvalid: There is no such profile, or the file of profiles cannot be read.
        """
        profile = Profiles.of_user().chosen(name)
        return cls(profile.url, token=profile.token, ca_file=profile.ca_file)

    @property
    def server(self) -> str:
        """Address of the server, without credentials and without a slash at its end."""
        return self._connection.server

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        patience_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """Run a query or a mutation and return its data; expected failures of a mutation are in its payload.

        Args:
            document: The document.
            variables: Its variables.
            timeout_seconds: How long the answer may take.
            patience_seconds: How long to try again while the server is away: for what may run twice.

        Raises:
            ServerUnreachable: There is no answer.
            NotAuthorized: The token is missing, wrong or has expired.
            NotHeadbox: What answers is no headbox.
            VersionMismatch: The server is of another version, and does not know what is asked for.
            OperationRefused: The answer has errors.
        """
        body = request_of(document, variables)
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + patience_seconds
        try:
            while True:
                try:
                    return await self._post(body, timeout_seconds)
                except ServerUnreachable:
                    if loop.time() >= give_up_at:
                        raise
                await asyncio.sleep(RECONNECT_PAUSE_SECONDS)
        except OperationRefused as refused:
            if refused.code is None:
                await self._compare_versions(refused)
            raise

    async def mutate(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        patience_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """Run a document of one mutation, or one plan, and return its payload without `errors`, which it selects.

        Raises:
            MutationRefused: The payload has errors; nothing was changed.
            ValueError: The document selects something else than one payload or plan; it was run.
            ClientError: As of `execute`.
        """
        data = await self.execute(
            document, variables, timeout_seconds=timeout_seconds, patience_seconds=patience_seconds
        )
        payloads = list(data.values())
        if len(payloads) != 1 or not isinstance(payloads[0], dict):
            raise ValueError("the document selects something else than one payload or plan")
        return checked(payloads[0])

    def subscribe(
        self, document: str, variables: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the data of each message of a subscription, until the server completes it.

        Raises:
            ServerUnreachable: The connection could not be made, or broke off.
            NotAuthorized: The token is missing, wrong or has expired, at first or meanwhile.
            OperationRefused: The server refused the subscription, or a message has errors.
        """
        return messages(self._connection, document, variables)

    def follow(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        on_lost: Callable[[str], None] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield as `subscribe` does, and go on through restarts of the server: for what begins with the present state.

        Args:
            document: The subscription.
            variables: Its variables.
            on_lost: Told why, each time the connection is lost.

        Raises:
            ServerUnreachable: The server cannot be reached at first, or is away for too long.
            NotAuthorized: The token is missing, wrong or has expired, at first or meanwhile.
            OperationRefused: The server refused the subscription; what was followed may be gone.
        """
        return followed(self._connection, document, variables, on_lost=on_lost)

    def watch(self, task_id: str, *, on_lost: Callable[[str], None] | None = None) -> AsyncGenerator[TaskState, None]:
        """Yield the states of a task up to its final one, through restarts of the server.

        Args:
            task_id: Its global id.
            on_lost: Told why, each time the connection is lost.

        Raises:
            ServerUnreachable: The server cannot be reached at first, or is away for too long.
            NotAuthorized: The token is missing, wrong or has expired, at first or meanwhile.
            OperationRefused: There is no such task.
        """
        return follow(self._connection, task_id, on_lost=on_lost)

    async def wait(self, task_id: str) -> TaskState:
        """Return a task once it is completed.

        Raises:
            TaskFailed: It has failed.
            TaskCanceled: It was canceled.
            ClientError: As of `watch`.
        """
        async with aclosing(self.watch(task_id)) as states:
            last = [state async for state in states][-1]
        if last["state"] == "FAILED":
            raise TaskFailed(last)
        if last["state"] == "CANCELED":
            raise TaskCanceled(last)
        return last

    async def have_artifacts(self, digests: Sequence[str], *, patience_seconds: float = 0.0) -> set[str]:
        """Return those of some SHA-256 digests whose bytes are stored.

        Raises:
            ClientError: As of `execute`.
        """
        stored: set[str] = set()
        for part in in_parts(digests, MOST_DIGESTS):
            data = await self.execute(_HAVE, {"sha256": list(part)}, patience_seconds=patience_seconds)
            stored |= set(data["haveArtifacts"])
        return stored

    async def upload(
        self,
        files: Sequence[LocalFile],
        *,
        parallel: int = PARALLEL_UPLOADS,
        on_progress: OnProgress | None = None,
        journal: UploadJournal | None = None,
    ) -> UploadSummary:
        """Have the bytes of files stored: those that are not there yet are sent, each digest once.

        Args:
            files: The files, with their digests: `LocalFile.read` makes them.
            parallel: How many are sent at a time.
            on_progress: Told of a file and how many bytes more, or fewer after a cut, of it have been sent.
            journal: Remembers what was begun, so that a program that was killed goes on there when it is run again.

        Raises:
            UploadRefused: The server does not take one of them.
            FileChanged: One of them is another one by now.
            ServerUnreachable: The server is away for too long.
            ClientError: As of `execute`.
        """
        wanted = by_digest(files)
        stored = await self.have_artifacts(list(wanted), patience_seconds=PATIENCE_SECONDS)
        missing = [file for digest, file in wanted.items() if digest not in stored]
        queue = iter(missing)
        senders = [self._send_each(queue, on_progress, journal) for _ in range(min(parallel, len(missing)))]
        try:
            async with asyncio.TaskGroup() as group:
                for sender in senders:
                    group.create_task(sender)
        except BaseExceptionGroup as errors:
            # The others were canceled because of the first.
            raise errors.exceptions[0] from None
        return UploadSummary(len(stored), len(missing), sum(file.size for file in missing))

    async def _send_each(
        self, queue: Iterator[LocalFile], on_progress: OnProgress | None, journal: UploadJournal | None
    ) -> None:
        for file in queue:
            await send(self._connection, file, on_progress, journal)

    async def _post(self, body: bytes, timeout_seconds: float) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_TIMEOUT_SECONDS)
        async with self._connection.request(
            "POST",
            f"{self.server}/graphql",
            headers={
                "Accept": "application/graphql-response+json, application/json",
                "Content-Type": "application/json",
            },
            data=body,
            timeout=timeout,
        ) as response:
            return read_answer(await response.read(), response)

    async def _compare_versions(self, refused: OperationRefused) -> None:
        """Look for the reason why a document was not understood.

        Raises:
            VersionMismatch: The server is of another version.
            NotHeadbox: It has no version at all.
        """
        try:
            version = (await self._post(request_of(_VERSION, None), ANSWER_TIMEOUT_SECONDS))["status"]["version"]
        except (OperationRefused, KeyError, TypeError) as error:
            raise NotHeadbox(f"{self.server} speaks GraphQL, and is no headbox: {refused}") from error
        if version != __version__:
            message = f"{self.server} is headbox {version}, this is the client of {__version__}: {refused}"
            raise VersionMismatch(message, refused.errors) from refused
