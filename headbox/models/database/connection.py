"""Contexts of connections: one for each event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from tortoise.backends.base.client import BaseDBAsyncClient

# Tortoise selects a context with `with context:` in one task; a server selects it for each request, a worker for each
# message.
from tortoise.context import TortoiseContext, _current_context
from tortoise.transactions import in_transaction

from headbox.models.database.place import Place
from headbox.models.database.pools import POOLS
from headbox.models.database.postgres import PostgresServer
from headbox.models.database.sqlite import SQLITE_FILE, SqliteFile
from headbox.settings import DatabaseSettings, Settings

if TYPE_CHECKING:
    from headbox.models.database.postgres_backend import PooledClient

Connection = BaseDBAsyncClient


class Database:
    """Where the database is, and the connections to it of one event loop.

    Attributes:
        place: SQLite's file, or PostgreSQL's server.
    """

    # What this process's models are prepared for. Tortoise would do it with each context that it opens: for nothing,
    # since models belong to the process, and under the statements that run in other contexts.
    _prepared_for: ClassVar[type[Place] | None] = None

    def __init__(
        self,
        data_dir: Path,
        settings: DatabaseSettings = DatabaseSettings(),  # noqa: B008 - frozen
        *,
        part: str = "headbox",
        client: str | None = None,
    ) -> None:
        """Describe a database.

        Args:
            data_dir: Where SQLite has its file.
            settings: Names a PostgreSQL server, or none for SQLite.
            part: What of this process uses the connections, such as "api"; one pool each.
            client: What they are called on the server, at most 63 characters of ASCII; None for the name of the part.
        """
        name = client or ("headbox" if part == "headbox" else f"headbox {part}")
        self.place: Place = PostgresServer(settings, name) if settings.url else SqliteFile(data_dir / SQLITE_FILE)
        self._part = part
        self._context: TortoiseContext | None = None

    @classmethod
    def of(cls, settings: Settings, part: str = "headbox", *, client: str | None = None) -> Database:
        """Return the database that the settings name; see the class for the other arguments."""
        return cls(settings.data_dir, settings.database, part=part, client=client)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite and not PostgreSQL."""
        return isinstance(self.place, SqliteFile)

    @property
    def name(self) -> str:
        """Where it is, for people; without credentials."""
        return self.place.name

    def config(self, *, is_migrating: bool = False) -> dict[str, Any]:
        """Return the configuration for Tortoise, of connections that serve or of one that migrates."""
        return {
            "connections": {"default": self.place.connection_config(is_migrating=is_migrating)},
            "apps": {
                "core": {
                    "models": ["headbox.models"],
                    "default_connection": "default",
                    "migrations": "headbox.models.migrations",
                }
            },
            "use_tz": True,
            "timezone": "UTC",
        }

    @asynccontextmanager
    async def connected(self, *, is_migrating: bool = False) -> AsyncIterator[Database]:
        """Open the connections for this event loop, select them here, and close them at the end."""
        context = TortoiseContext()
        is_first = Database._prepared_for is not type(self.place)
        with context:
            # Connections that are not opened here are opened when they are first asked for.
            await context.init(config=self.config(is_migrating=is_migrating), init_connections=is_first)
        Database._prepared_for = type(self.place)
        self._context = context
        self.select()
        try:
            with self._shown():
                yield self
        finally:
            # Entered and left in different tasks, where a server's life is not one block: no token to go back to.
            with self.selected():
                await context.connections.close_all()
            self._context = None
            self.select()

    def _shown(self) -> AbstractContextManager[None]:
        return nullcontext() if self.is_sqlite else POOLS.shown(self._part, cast("PooledClient", self.connection))

    @contextmanager
    def selected(self) -> Iterator[None]:
        """Let the models use these connections for as long as the block lasts, in this task and those it starts."""
        token = _current_context.set(self._context)
        try:
            yield
        finally:
            _current_context.reset(token)

    def select(self) -> None:
        """Let the models use these connections from here on, in whatever runs in this thread's context."""
        _current_context.set(self._context)

    @property
    def connection(self) -> Connection:
        """The connection outside of transactions."""
        assert self._context is not None, "the database is not connected"
        return self._context.connections.get("default")


@asynccontextmanager
async def transaction() -> AsyncIterator[Connection]:
    """Run a block as one transaction: all of it happens, or nothing. An inner block is a savepoint."""
    async with in_transaction("default") as connection:
        yield connection
