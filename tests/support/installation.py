"""Where an installation of headbox keeps what it knows: made anew for each test, in hundredths of a second.

One run of the tests goes one way, which HEADBOX_TEST_WAY names: `embedded` (SQLite, and all else in memory) or
`distributed` (PostgreSQL and Redis). One way and not both, because Tortoise keeps statements of one SQL dialect.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from headbox.models.database import Database, migrate
from headbox.settings import DatabaseSettings
from tests.support.services import PostgresServer, RedisServer

WAYS = ("embedded", "distributed")
#: Which way this run goes.
WAY = os.environ.get("HEADBOX_TEST_WAY", WAYS[0])
assert WAY in WAYS, f"HEADBOX_TEST_WAY is one of {', '.join(WAYS)}"


class Installations(Protocol):
    """Makes installations."""

    def new(self, data_dir: Path) -> AbstractContextManager[Path]:
        """Make a data folder, and a migrated and empty database that settings find for as long as the block lasts."""


class EmbeddedInstallations:
    """Makes data folders with a database in them."""

    def __init__(self, template: Path) -> None:
        """Migrate once for all test processes, in a folder that they share: it takes seconds, and to copy it none."""
        self._template = template
        with template.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not template.exists():
                folder = Path(tempfile.mkdtemp(dir=template.parent))
                asyncio.run(migrate(Database(folder)))
                folder.rename(template)

    @contextmanager
    def new(self, data_dir: Path) -> Iterator[Path]:
        """See `Installations.new`."""
        shutil.copytree(self._template, data_dir)
        yield data_dir


class DistributedInstallations:
    """Makes empty data folders, and databases on a server."""

    def __init__(self, postgres: PostgresServer, redis: RedisServer, template: str) -> None:
        """Set up.

        Args:
            postgres: Has the databases.
            redis: Emptied for each installation, so there is one at a time.
            template: Name of the database that they are copies of.
        """
        self._postgres = postgres
        self._redis = redis
        self._template = template

    @contextmanager
    def new(self, data_dir: Path) -> Iterator[Path]:
        """See `Installations.new`."""
        data_dir.mkdir()
        self._redis.flush()
        with self._postgres.database(template=self._template) as url, pytest.MonkeyPatch.context() as environment:
            environment.setenv("HEADBOX_DATABASE_URL", url)
            environment.setenv("HEADBOX_REDIS_URL", self._redis.url)
            yield data_dir


async def migrate_postgres(url: str) -> None:
    """Bring an empty database on a server up to this release."""
    await migrate(Database(Path(), DatabaseSettings(url=url)))
