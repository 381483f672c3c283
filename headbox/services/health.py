"""Whether a process can do its work now, and what of it goes on worse than it should."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tortoise.exceptions import BaseORMException

from headbox.models.database import Connection, fetch
from headbox.storage.interface import ArtifactStorage
from headbox.tasking.bus import EventBus
from headbox.tasking.engine import Dispatcher

#: How long an answer may take, in seconds.
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is doing.

    Attributes:
        problems: What keeps it from doing its work, for people.
        degraded: What makes its work slower, for people.
    """

    problems: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()


async def look(
    connection: Connection, storage: ArtifactStorage, *, bus: EventBus, dispatcher: Dispatcher | None = None
) -> Health:
    """Try what a process needs.

    Args:
        connection: To the database.
        storage: Where artifacts are.
        bus: What carries events.
        dispatcher: What carries messages, where the process sends or takes any.
    """
    database, stored, sent = await asyncio.gather(_database(connection), _storage(storage), _messages(dispatcher))
    # Without messages tasks are created and run on, and begin when there are messages again; without events everybody
    # looks at the rows, later than they would have been told.
    return Health(tuple(filter(None, (database, stored))), tuple(filter(None, (sent, bus.problem()))))


async def _database(connection: Connection) -> str | None:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await fetch(connection, "SELECT 1")
    except TimeoutError:
        return "the database does not answer in time"
    except (BaseORMException, OSError) as error:
        return f"the database does not answer: {error}"
    return None


async def _messages(dispatcher: Dispatcher | None) -> str | None:
    return await dispatcher.check() if dispatcher is not None else None


async def _storage(storage: ArtifactStorage) -> str | None:
    health = await storage.check()
    return None if health.ok else f"artifacts cannot be stored: {health.detail}"
