"""What asyncpg raises, in the words of the ORM and of `failures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.exceptions import BaseORMException, IntegrityError, OperationalError

from headbox.models.database.failures import ConnectionLost, Contended, DatabaseFull

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    # The server takes nothing for now: an operator, or the keeper of a full disk, has it only read.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    OSError,
)
_CONTENDED = (
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    # The tables were changed by a migration; the driver forgets the statement, and prepares it anew next time.
    asyncpg.InvalidCachedStatementError,
)
#: What the answer to a COMMIT is where the transaction was ended before it, or where it was never sent.
_NOT_COMMITTED = (
    asyncpg.AdminShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
)
#: The first that fits decides.
_TRANSLATIONS: tuple[tuple[tuple[type[BaseException], ...], Callable[[BaseException], BaseORMException]], ...] = (
    ((asyncpg.IntegrityConstraintViolationError,), IntegrityError),
    (_LOST, ConnectionLost),
    (_CONTENDED, Contended),
    ((asyncpg.DiskFullError,), DatabaseFull),
    # A parameter that the driver refuses is of this class too.
    ((ValueError, asyncpg.PostgresError), OperationalError),
    # What is left of the driver's own: the connection is closed, or was closed meanwhile.
    ((asyncpg.InterfaceError,), ConnectionLost),
)


def translated(error: BaseException) -> BaseORMException | None:
    """Return what the rest of headbox knows an error as; None for one that is not of the database."""
    for kinds, translation in _TRANSLATIONS:
        if isinstance(error, kinds):
            return translation(error)
    return None


def may_be_committed(error: BaseException) -> bool:
    """Tell whether a COMMIT that lost its connection may have been done.

    Args:
        error: What the driver raised, or what that was translated to.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _NOT_COMMITTED):
            return False
        cause = cause.__cause__
    return True


@contextmanager
def translating() -> Iterator[None]:
    """Let whatever the driver raises in a block leave it translated."""
    try:
        yield
    except Exception as error:
        if (known := translated(error)) is not None:
            raise known from error
        raise
