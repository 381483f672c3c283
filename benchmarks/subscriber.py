"""A subscriber over graphql-transport-ws that looks at no more of a message than it must.

Source: https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverWebSocket.md
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

_COMPLETE = '"type":"complete"'


class Subscriber:
    """A WebSocket that is ready to subscribe."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    @classmethod
    @asynccontextmanager
    async def connected(cls, session: aiohttp.ClientSession, server: str) -> AsyncIterator[Subscriber]:
        """Connect, and close at the end of the block."""
        url = server.replace("http", "ws", 1) + "graphql"
        async with session.ws_connect(url, protocols=("graphql-transport-ws",), compress=0) as socket:
            await socket.send_str('{"type":"connection_init"}')
            acknowledged = await socket.receive_json()
            assert acknowledged["type"] == "connection_ack", acknowledged
            yield cls(socket)

    async def messages(
        self, document: str, variables: Mapping[str, Any] | None = None
    ) -> AsyncIterator[tuple[float, str]]:
        """Yield each message as it came, with the Unix time at which it did, until the stream completes."""
        payload = {"query": document, "variables": variables or {}}
        await self._socket.send_str(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
        async for message in self._socket:
            if _COMPLETE in message.data:
                return
            yield time.time(), message.data
