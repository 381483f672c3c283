"""The end of servers that run on an event loop."""

from __future__ import annotations

import asyncio
import socket


async def stop_accepting(listening: socket.socket) -> None:
    """Accept no more connections there, so that the running event loop's server can be closed.

    A server that is closed between the accepting of a connection and the making of its transport loses both, unclosed
    (an assertion fails in `asyncio.base_events.Server._attach`).
    """
    asyncio.get_running_loop().remove_reader(listening)
    # Makes the transports of connections that were accepted.
    await asyncio.sleep(0)
