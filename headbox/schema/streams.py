"""Subscriptions that fail before they begin."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

ItemT = TypeVar("ItemT")


async def begun(states: AsyncGenerator[ItemT, None]) -> AsyncIterator[ItemT]:
    """Wait for the first state of a stream, so that what is wrong with the request is told before the stream begins.

    Returns:
        The whole stream, with its first state.
    """
    first = await anext(states)
    return _resumed(first, states)


async def _resumed(first: ItemT, states: AsyncGenerator[ItemT, None]) -> AsyncIterator[ItemT]:
    async with aclosing(states):
        yield first
        async for state in states:
            yield state
