"""What tests of every kind share: data folders, engines, upstreams and servers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.engine import LocalEngine, write_template
from tests.support.object_store import ObjectStore
from tests.support.server import HeadboxServer
from tests.support.services import PostgresServer, RedisServer
from tests.support.upstream import Upstream

# The same examples at every run, and no deadlines: the machine may be busy with other tests.
hypothesis.settings.register_profile("headbox", derandomize=True, deadline=None)
hypothesis.settings.load_profile("headbox")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process; a test that stops it starts it again."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server of this test process; a test that stops it starts it again."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """An S3 server of this test process; each test makes a bucket of its own."""
    with ObjectStore() as store:
        yield store


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def data_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a migrated, empty database: migrating takes half a second, copying none."""
    folder = tmp_path_factory.mktemp("template")
    asyncio.run(write_template(folder))
    return folder


@pytest.fixture
def data_dir(data_template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(data_template, folder)
    return folder


@pytest.fixture
async def engine(data_dir: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(data_dir).running() as engine:
        yield engine


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def server(data_dir: Path) -> Iterator[HeadboxServer]:
    """A running `headbox serve`; may be killed and started again."""
    with HeadboxServer(data_dir) as server:
        yield server
