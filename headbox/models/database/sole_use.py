"""Who may use a database on a server: one process that tells nobody what it does, or many that tell each other.

A lock of a session, which ends with its connection and so with its process, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from headbox.models.database.connection import Database
from headbox.models.database.failures import DatabaseUnusable, waiting_for_database
from headbox.models.database.postgres import PostgresServer, Session, keep_alive, keepalive_settings
from headbox.models.database.postgres_errors import translating

#: Key of the lock: "sole use" in ASCII.
SOLE_USE_LOCK = int.from_bytes(b"sole use")
#: As `KEEPALIVE`, of the connection that has the lock: whoever comes next waits until the host of a dead one is missed.
LOCK_KEEPALIVE = (2, 2, 2)
#: How long a process waits for the lock of another one, in seconds: longer than a server misses a host that is gone.
WAIT_SECONDS = 10.0
#: How often it asks for the lock meanwhile, in seconds.
POLL_SECONDS = 0.2

_HINT = (
    "Stop it; or let many processes share the database: set HEADBOX_REDIS_URL, the same for all, and run headbox api,"
    " headbox content and headbox worker."
)

log = logging.getLogger(__name__)


class InUse(DatabaseUnusable):
    """Another process has the database for itself, or needs it for itself."""


@asynccontextmanager
async def sole_use(database: Database) -> AsyncIterator[asyncio.Event]:
    """Keep other processes from a database on a server for as long as the block lasts.

    Yields:
        Set when another process has it: the connection was lost, and that one was faster.

    Raises:
        InUse: Another process has it now.
        DatabaseUnusable: It cannot be used.
    """
    server = _server_of(database)
    connection = await waiting_for_database(lambda: _locked(server, is_shared=False))
    lost = asyncio.Event()
    keeping = asyncio.create_task(_keep(server, connection, lost))
    try:
        yield lost
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def check_shareable(database: Database) -> None:
    """Make sure that no process has a database on a server for itself.

    Raises:
        InUse: One has.
        DatabaseUnusable: It cannot be used.
    """
    (await _locked(_server_of(database), is_shared=True)).terminate()


def _server_of(database: Database) -> PostgresServer:
    assert isinstance(database.place, PostgresServer), "a file is locked with its folder"
    return database.place


async def _keep(server: PostgresServer, connection: Session, lost: asyncio.Event) -> None:
    """Take the lock again whenever its connection was lost, until another process has it."""
    try:
        while True:
            await _ended(connection)
            log.warning("the connection that keeps the database for this process alone was lost")
            connection = await waiting_for_database(lambda: _locked(server, is_shared=False))
    except DatabaseUnusable as error:
        log.error("this process has the database for itself no more", extra={"reason": str(error)})  # noqa: TRY400
    finally:
        lost.set()
        connection.terminate()


async def _ended(connection: Session) -> None:
    """Return once a connection is closed, by whomever."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    if not connection.is_closed():
        await ended.wait()


async def _locked(server: PostgresServer, *, is_shared: bool) -> Session:
    """Return a connection that has the lock."""
    connection = await server.connect(**keepalive_settings(LOCK_KEEPALIVE))
    try:
        keep_alive(connection, LOCK_KEEPALIVE)
        with translating():
            await _lock(connection, server.name, "pg_try_advisory_lock_shared" if is_shared else "pg_try_advisory_lock")
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _lock(connection: Session, name: str, function: str) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + WAIT_SECONDS
    is_told = False
    while not await connection.fetchval(f"SELECT {function}($1)", SOLE_USE_LOCK):
        if clock() > deadline:
            raise InUse(f"another headbox serve runs on {name} without Redis: two would not hear of each other", _HINT)
        if not is_told:
            log.warning("another headbox serve has the database; waiting for it to end")
            is_told = True
        await asyncio.sleep(POLL_SECONDS)
