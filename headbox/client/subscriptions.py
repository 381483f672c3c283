"""Subscriptions, each over a WebSocket of its own.

Source: the protocol graphql-transport-ws of the npm package graphql-ws.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson

from headbox.client.answers import read_result, request_of, said
from headbox.client.connection import CONNECT_TIMEOUT_SECONDS, Connection
from headbox.client.errors import NotAuthorized, NotHeadbox, OperationRefused, ServerUnreachable

#: Close codes that are about who the client is: unauthorized, forbidden.
_NOT_AUTHORIZED = frozenset({4401, 4403})
#: Close codes that are about what was said: sending it again would not help.
_MISUNDERSTOOD = frozenset({4400, 4406, 1002, 1003, 1007, 1009})

#: How long a lost server may stay away while it is followed, in seconds.
RECONNECT_SECONDS = 60.0
#: Wait between two attempts to reach it again, in seconds.
RECONNECT_PAUSE_SECONDS = 1.0


async def messages(
    connection: Connection,
    document: str,
    variables: Mapping[str, Any] | None,
    *,
    on_begun: Callable[[], None] | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the data of each message of a subscription, until the server completes it.

    Args:
        connection: The server.
        document: The subscription.
        variables: Its variables.
        on_begun: Called when the server has been asked: the first message may be long in coming.

    Raises:
        ServerUnreachable: The connection could not be made, or broke off.
        NotAuthorized: The token is missing, wrong or has expired, at first or meanwhile.
        NotHeadbox: What answers speaks another language.
        OperationRefused: The server refused the subscription, or a message has errors.
    """
    payload = orjson.Fragment(request_of(document, variables))
    async with connection.websocket() as socket:
        await _send(socket, {"type": "connection_init"})
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            await _wait_for_acknowledgement(connection, socket)
        await _send(socket, {"type": "subscribe", "id": "1", "payload": payload})
        if on_begun is not None:
            on_begun()
        while True:
            message = await _receive(connection, socket)
            match message["type"]:
                case "next":
                    yield read_result(message["payload"])
                case "error":
                    raise OperationRefused(said(message["payload"]), message["payload"])
                case "complete":
                    return


async def followed(
    connection: Connection,
    document: str,
    variables: Mapping[str, Any] | None,
    *,
    on_lost: Callable[[str], None] | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield as `messages` does, and go on through restarts of the server: for what begins with the state that it has.

    It has no end of its own, for a server that stops completes its subscriptions.

    Args:
        connection: The server.
        document: The subscription.
        variables: Its variables.
        on_lost: Told why, each time the connection is lost.

    Raises:
        ServerUnreachable: The server cannot be reached at first, or is away for too long.
        NotAuthorized: As of `messages`.
        NotHeadbox: As of `messages`.
        OperationRefused: As of `messages`; what was followed may be gone.
    """
    clock = asyncio.get_running_loop().time
    give_up_at = clock()
    was_there = False

    def be_there() -> None:
        nonlocal was_there
        was_there = True

    while True:
        was_there = False
        try:
            async with aclosing(messages(connection, document, variables, on_begun=be_there)) as states:
                async for data in states:
                    yield data
            lost = f"{connection.server} has stopped"
        except ServerUnreachable as error:
            if not was_there and clock() >= give_up_at:
                raise
            lost = str(error)
        if was_there:
            # From now on, and not from its last message: that may be long ago where there was nothing to tell.
            give_up_at = clock() + RECONNECT_SECONDS
            if on_lost is not None:
                on_lost(lost)
        await asyncio.sleep(RECONNECT_PAUSE_SECONDS)


async def _wait_for_acknowledgement(connection: Connection, socket: aiohttp.ClientWebSocketResponse) -> None:
    while (await _receive(connection, socket))["type"] != "connection_ack":
        pass


async def _receive(connection: Connection, socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next message; a ping of the protocol is answered."""
    while True:
        frame = await socket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise _ended(connection, socket)
        message = _read(connection, frame.data)
        if message["type"] != "ping":
            return message
        await _send(socket, {"type": "pong"})


def _read(connection: Connection, text: str) -> dict[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or "type" not in message:
        raise NotHeadbox(f"{connection.server} does not speak the protocol of subscriptions")
    return message


def _ended(connection: Connection, socket: aiohttp.ClientWebSocketResponse) -> Exception:
    """Return why there are no more messages, by how the connection ended."""
    if socket.close_code in _NOT_AUTHORIZED:
        return NotAuthorized(f"{connection.server} ended the stream: the token is missing, wrong or has expired")
    if socket.close_code in _MISUNDERSTOOD:
        return OperationRefused(f"{connection.server} ended the stream with the code {socket.close_code}")
    return ServerUnreachable(f"{connection.server} ended the stream")


async def _send(socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> None:
    # A connection that has ended says why at the next look.
    if not socket.closed:
        await socket.send_str(orjson.dumps(message).decode())
