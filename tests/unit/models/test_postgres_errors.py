"""What the driver raises is known by what can be done about it."""

from __future__ import annotations

import errno

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from headbox.models.database import ConnectionLost, Contended, DatabaseFull, is_full
from headbox.models.database.postgres_errors import translated


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.UniqueViolationError("x"), IntegrityError),
        (asyncpg.ForeignKeyViolationError("x"), IntegrityError),
        (asyncpg.DeadlockDetectedError("x"), Contended),
        (asyncpg.SerializationError("x"), Contended),
        (asyncpg.LockNotAvailableError("x"), Contended),
        (asyncpg.InvalidCachedStatementError("x"), Contended),
        (asyncpg.AdminShutdownError("x"), ConnectionLost),
        (asyncpg.CannotConnectNowError("x"), ConnectionLost),
        (asyncpg.TooManyConnectionsError("x"), ConnectionLost),
        (asyncpg.ConnectionDoesNotExistError("x"), ConnectionLost),
        (asyncpg.IdleInTransactionSessionTimeoutError("x"), ConnectionLost),
        (asyncpg.ReadOnlySQLTransactionError("x"), ConnectionLost),
        (asyncpg.InterfaceError("connection is closed"), ConnectionLost),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), ConnectionLost),
        (TimeoutError(), ConnectionLost),
        (asyncpg.DiskFullError("x"), DatabaseFull),
        (asyncpg.QueryCanceledError("x"), OperationalError),
        (asyncpg.PostgresSyntaxError("x"), OperationalError),
        (asyncpg.DataError("x"), OperationalError),
        (asyncpg.InvalidPasswordError("x"), OperationalError),
    ],
)
def test_each_error_is_of_one_kind(error: Exception, kind: type[Exception]) -> None:
    assert type(translated(error)) is kind


def test_other_errors_are_none_of_the_database() -> None:
    assert translated(LookupError()) is None


def test_full_disk_is_told_on_both_databases() -> None:
    assert is_full(DatabaseFull("could not extend file"))
    assert is_full(OperationalError("database or disk is full"))
    assert not is_full(OperationalError("syntax error"))
