"""A database on PostgreSQL, whatever happens to its server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headbox.models.database import Database
from headbox.settings import DatabaseSettings


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A database with a pool of three connections."""
    settings = DatabaseSettings(url=postgres_url, pool_size=3)
    async with Database(Path(), settings, part="test").connected() as database:
        yield database
