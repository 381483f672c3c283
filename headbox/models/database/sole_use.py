"""Who may use a database on a server: one process that tells nobody what it does, or many that tell each other.

Every process holds a lock for as long as it runs, the one exclusively and the many together. It is a lock of a session,
which ends with its connection and so with its process, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from headbox.models.database.connection import Database
from headbox.models.database.failures import AWAY_SECONDS, DatabaseUnusable, waiting_for_database
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

_SHARED_HINT = "Set HEADBOX_REDIS_URL, the same for all; or stop them."
_SOLE_HINT = (
    "Stop it; or let many processes share the database: set HEADBOX_REDIS_URL, the same for all, and run headbox api,"
    " headbox content and headbox worker."
)

log = logging.getLogger(__name__)


class InUse(DatabaseUnusable):
    """Another process has the database, and would not hear of this one."""


@asynccontextmanager
async def in_use(database: Database, *, is_shared: bool) -> AsyncIterator[asyncio.Event]:
    """Keep a database on a server from those that this process would not hear of, for as long as the block lasts.

    Args:
        database: Where it is; not SQLite, whose file is locked with its folder.
        is_shared: Whether others that share it are let in.

    Yields:
        Set when this process has the database no more: the connection was lost, and another one was faster.

    Raises:
        InUse: Another process has it for itself; or has it at all, where it is not shared.
        DatabaseUnusable: It cannot be used.
    """
    assert isinstance(database.place, PostgresServer), "a file is locked with its folder"
    # An old server does not know the settings of the lock's connection: this says what it is, and not what it lacks.
    await waiting_for_database(database.place.check)
    lock = _Lock(database.place, is_shared=is_shared)
    await waiting_for_database(lock.take)
    lost = asyncio.Event()
    keeping = asyncio.create_task(_keep(lock, lost))
    try:
        yield lost
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        lock.let_go()


async def _keep(lock: _Lock, lost: asyncio.Event) -> None:
    """Take a lock again whenever its connection was lost, until another process has it."""
    try:
        while True:
            await lock.ended()
            log.warning("the connection that keeps other processes from the database was lost")
            await _take_again(lock)
    except InUse as error:
        log.error("this process has the database no more", extra={"reason": str(error)})  # noqa: TRY400
    finally:
        lost.set()


async def _take_again(lock: _Lock) -> None:
    """Take a lock, whatever keeps this process from that for a while.

    Raises:
        InUse: Another process has it.
    """
    while True:
        try:
            return await waiting_for_database(lock.take)
        except InUse:
            raise
        except DatabaseUnusable as error:
            # As for any other connection: whoever runs the server may be about to mend it.
            log.warning("the database lets nobody in; trying again", extra={"reason": str(error)})
        await asyncio.sleep(AWAY_SECONDS)


class _Lock:
    """The lock of one database, as one process wants it; taken over and over, with a connection for each time."""

    def __init__(self, server: PostgresServer, *, is_shared: bool) -> None:
        self._server = server
        self._is_shared = is_shared
        self._connection: Session | None = None

    async def take(self) -> None:
        """Take it.

        Raises:
            InUse: Another process does not let go of it.
            DatabaseUnusable: The database cannot be used.
        """
        self._connection = connection = await self._server.connect(**keepalive_settings(LOCK_KEEPALIVE))
        try:
            keep_alive(connection, LOCK_KEEPALIVE)
            with translating():
                await self._wait(connection)
        except BaseException:
            self.let_go()
            raise

    def let_go(self) -> None:
        """Let others have it."""
        if self._connection is not None:
            self._connection.terminate()

    async def ended(self) -> None:
        """Return once the connection that took it is closed, by whomever."""
        assert self._connection is not None, "it was taken"
        ended = asyncio.Event()
        self._connection.add_termination_listener(lambda _: ended.set())
        if not self._connection.is_closed():
            await ended.wait()

    async def _wait(self, connection: Session) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + WAIT_SECONDS
        is_told = False
        while not await _try(connection, is_shared=self._is_shared):
            if clock() > deadline:
                raise await self._refusal(connection)
            if not is_told:
                log.warning("another headbox has the database; waiting for it to end")
                is_told = True
            await asyncio.sleep(POLL_SECONDS)

    async def _refusal(self, connection: Session) -> InUse:
        name = self._server.name
        if not self._is_shared and await _try(connection, is_shared=True):
            return InUse(f"other processes share {name}, and would not hear of one without Redis", _SHARED_HINT)
        return InUse(f"another headbox serve runs on {name} without Redis: it would not hear of this one", _SOLE_HINT)


async def _try(connection: Session, *, is_shared: bool) -> bool:
    """Take the lock if it is to be had now, and tell whether it was."""
    function = "pg_try_advisory_lock_shared" if is_shared else "pg_try_advisory_lock"
    return bool(await connection.fetchval(f"SELECT {function}($1)", SOLE_USE_LOCK))
