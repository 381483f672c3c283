from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from headbox.models.database import Database, migrate
from tests.integration.content_app.site import Site
from tests.support.upstream import Upstream


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated database: to copy it takes a hundredth of the time that migrations take."""
    database = Database(tmp_path_factory.mktemp("empty"))
    asyncio.run(migrate(database))
    return database.path


@pytest.fixture
async def site(tmp_path: Path, empty_database: Path) -> AsyncIterator[Site]:
    shutil.copy(empty_database, tmp_path)
    async with Site(tmp_path).running() as site:
        yield site


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream
