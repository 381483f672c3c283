"""Where a database is: what SQLite and PostgreSQL do differently before a statement is run."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Place(Protocol):
    """A place for a database.

    Attributes:
        name: For people; without credentials.
    """

    name: str

    def connection_config(self, *, is_migrating: bool) -> dict[str, Any]:
        """Return engine and credentials for Tortoise, of the connections that serve or of one that migrates."""

    async def check(self) -> None:
        """Look before the migrations do: they take a database that they cannot read for an empty one.

        Raises:
            DatabaseUnusable: Something else is in its place, or nothing can be.
        """

    def migration_lock(self) -> AbstractAsyncContextManager[None]:
        """Let no other process migrate for as long as the block lasts; wait until none does."""
