"""What can go wrong with a database whatever is asked of it, and what of it heals when it is tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tortoise.exceptions import DBConnectionError, OperationalError

#: Wait before a process that begins looks again for a database that is away, in seconds.
AWAY_SECONDS = 1.0
#: Waits between two tries, in seconds; each try itself waits for a server that is away.
RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


class DatabaseUnusable(Exception):
    """There is no database where one should be, or none that headbox works with.

    Attributes:
        hint: What to do next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class DatabaseAway(DatabaseUnusable):
    """The server where the database is does not answer yet, or not any more."""


class ConnectionLost(DBConnectionError):
    """The server is away, or went away.

    Nothing of a transaction was done, save for `CommitUnconfirmed`; a statement on its own may have been.
    """


class CommitUnconfirmed(ConnectionLost):
    """The server went away while it committed: nobody knows whether it did."""


class Unreachable(ConnectionLost):
    """No connection could be had in time; nothing was asked of the server."""


class Contended(OperationalError):
    """The database ended a transaction in favour of another one: a deadlock, or too long a wait for a lock.

    Nothing of the transaction was done; it may be repeated.
    """


class DatabaseFull(OperationalError):
    """The disk of the database is full."""


Transient = ConnectionLost | Contended
#: What a statement or a transaction that can be done twice may be tried again for.
TRANSIENT = (ConnectionLost, Contended)


def is_full(error: BaseException) -> bool:
    """Tell whether the disk of the database is full."""
    # SQLite says "database or disk is full", and the ORM keeps no code of it.
    return isinstance(error, DatabaseFull) or (isinstance(error, OperationalError) and "full" in str(error))


async def waiting_for_database(step: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Take a step of a process that begins, again and again for as long as the database is away.

    Args:
        step: Comes to the same when it is taken twice.
    """
    while True:
        try:
            return await step()
        except (DatabaseAway, *TRANSIENT) as error:
            log.warning("the database is away; waiting for it", extra={"reason": str(error)})
        await asyncio.sleep(AWAY_SECONDS)


async def retrying(step: Callable[[], Awaitable[ResultT]], *, unless: tuple[type[Transient], ...] = ()) -> ResultT:
    """Take a step, and again while the database is away or prefers another transaction.

    Args:
        step: Comes to the same when it is taken twice: a commit that was not confirmed may have happened.
        unless: What it is not taken again for.

    Raises:
        ConnectionLost: The database is still away.
        Contended: The others still go before.
    """
    for wait in RETRY_SECONDS:
        try:
            return await step()
        except TRANSIENT as error:
            if isinstance(error, unless):
                raise
            log.warning("the database did not finish; trying again", extra={"reason": str(error)})
        await asyncio.sleep(wait)
    return await step()
