"""What can go wrong with a database whatever is asked of it, and what of it heals when it is tried again."""

from __future__ import annotations

from tortoise.exceptions import DBConnectionError, OperationalError


class DatabaseUnusable(Exception):
    """There is no database where one should be, or none that headbox works with.

    Attributes:
        hint: What to do next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class ConnectionLost(DBConnectionError):
    """The server is away, or went away.

    Whether a transaction that was about to commit did so is not known: only what can be done twice may be repeated.
    """


class Contended(OperationalError):
    """The database ended a transaction in favour of another one: a deadlock, or too long a wait for a lock.

    Nothing of the transaction was done; it may be repeated.
    """


class DatabaseFull(OperationalError):
    """The disk of the database is full."""


#: What a statement or a transaction that can be done twice may be tried again for.
TRANSIENT = (ConnectionLost, Contended)
