"""Waiting for what happens in another thread or process."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

#: How long a test waits, in seconds: the machine may be busy with other tests.
PATIENCE_SECONDS = 90.0
_STEP_SECONDS = 0.01


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds, looked at again and again.

    Raises:
        TimeoutError: It never does.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing there can set an event of this loop
            await asyncio.sleep(_STEP_SECONDS)


def wait_until(condition: Callable[[], object]) -> None:
    """As `until`, for tests that block.

    Raises:
        TimeoutError: It never does.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_STEP_SECONDS)


def is_listening(port: int) -> bool:
    """Tell whether anyone takes connections at a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
