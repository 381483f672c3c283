"""A small client of a server's GraphQL API, over HTTP and server-sent events."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

#: How long a server may take to accept a connection, in seconds.
CONNECT_TIMEOUT_SECONDS = 10.0
#: How long a server may take to answer an operation, in seconds.
ANSWER_TIMEOUT_SECONDS = 60.0
#: Silence after which a stream is taken for lost, in seconds: the server sends a heartbeat every 15.
STREAM_TIMEOUT_SECONDS = 40.0
#: How long a connection is kept for the next operation, in seconds: less than the server's 5.
IDLE_SECONDS = 3.0
#: Longest message of a stream, in bytes: one line of an event holds all of it.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class ServerUnreachable(Exception):
    """There is no answer, or the connection broke off."""


class OperationRefused(Exception):
    """The server did not run the operation, or ran into an error that is not part of its answer.

    Attributes:
        errors: What the server said, as in the GraphQL specification; empty when it did not speak GraphQL.
    """

    def __init__(self, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or []

    @property
    def code(self) -> str | None:
        """The code of the first error, or None."""
        code = self.errors[0].get("extensions", {}).get("code") if self.errors else None
        return str(code) if code else None


class Client:
    """A connection to a server."""

    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self.server = server.rstrip("/")
        self._session = session

    @classmethod
    @asynccontextmanager
    async def connected(cls, server: str) -> AsyncIterator[Client]:
        """Give a client that is closed at the end of the block. The server is first asked when it is needed."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(
            # Given up before the server closes it: a mutation on a connection that is closing is not sent again.
            connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_SECONDS),
            timeout=timeout,
            json_serialize=_dumps,
            read_bufsize=MAX_MESSAGE_BYTES,
        ) as session:
            yield cls(server, session)

    async def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
    ) -> dict[str, Any]:
        """Run a query or a mutation and return its data.

        Raises:
            ServerUnreachable: There is no answer.
            OperationRefused: The answer has errors.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_TIMEOUT_SECONDS)
        async with self._post(
            document, variables, "application/graphql-response+json, application/json", timeout
        ) as response:
            return _data(await response.read(), response)

    async def subscribe(
        self, document: str, variables: Mapping[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the data of each message of a subscription, until the server completes it.

        Raises:
            ServerUnreachable: The connection could not be made, or broke off.
            OperationRefused: The server refused the subscription, or a message has errors.
        Source: GraphQL over Server-Sent Events, distinct connections mode; the HTML Standard, section 9.2.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=STREAM_TIMEOUT_SECONDS
        )
        async with self._post(document, variables, "text/event-stream", timeout) as response:
            if response.content_type != "text/event-stream":
                _data(await response.read(), response)
                raise OperationRefused(f"{self.server} does not stream subscriptions")
            async for event, data in _events(response.content):
                if event == "complete":
                    return
                if event == "next":
                    yield _data(data, response)
        raise ServerUnreachable(f"{self.server} ended the stream")

    @asynccontextmanager
    async def _post(
        self, document: str, variables: Mapping[str, Any] | None, accept: str, timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        body = {"query": document, "variables": dict(variables or {})}
        try:
            async with self._session.post(
                f"{self.server}/graphql", json=body, headers={"Accept": accept}, timeout=timeout
            ) as response:
                yield response
        except aiohttp.InvalidURL as error:
            raise ServerUnreachable(f"{self.server!r} is not the address of a server") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerUnreachable(f"{self.server} cannot be reached: {_reason(error)}") from error


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _reason(error: aiohttp.ClientError | TimeoutError) -> str:
    """Return why there is no answer, in the words of the operating system where it has some."""
    if isinstance(error, aiohttp.ClientOSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or "no answer in time"


def _data(body: bytes, response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the data of an answer.

    Raises:
        OperationRefused: It has errors, or is not an answer of a GraphQL server.
    """
    try:
        answer = orjson.loads(body)
        errors, data = answer.get("errors"), answer.get("data")
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise OperationRefused(
            f"{response.url} answered {response.status} {response.reason}, not a GraphQL result"
        ) from error
    if errors or not isinstance(data, dict):
        message = "; ".join(error["message"] for error in errors or []) or f"{response.url} answered {response.status}"
        raise OperationRefused(message, errors)
    return data


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[tuple[str, bytes]]:
    """Yield the events of a stream by name, with their data; comments, which are heartbeats, are left out."""
    event, data = "message", bytearray()
    while line := await stream.readline():
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            event = value.decode()
        elif name == b"data":
            data += value + b"\n"
        elif not line.strip():
            if data or event != "message":
                yield event, bytes(data)
            event, data = "message", bytearray()
