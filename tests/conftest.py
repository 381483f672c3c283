"""What tests of every kind share: data folders, engines, upstreams and servers."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.engine import LocalEngine
from tests.support.installation import (
    WAY,
    WAYS,
    DistributedInstallations,
    EmbeddedInstallations,
    Installations,
    migrate_postgres,
)
from tests.support.object_store import ObjectStore
from tests.support.server import HeadboxServer
from tests.support.services import PostgresServer, RedisServer
from tests.support.upstream import Upstream

# Whoever runs the tests in the background has Ctrl-C ignored, and so would every command that is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples at every run, and no deadlines: the machine may be busy with other tests.
hypothesis.settings.register_profile("headbox", derandomize=True, deadline=None)
hypothesis.settings.load_profile("headbox")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that go only the other way."""
    (other_way,) = (way for way in WAYS if way != WAY)
    left_out = [item for item in items if item.get_closest_marker(other_way)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker(other_way)]


@pytest.fixture(scope="session", autouse=True)
def _nobodys_profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the profiles of whoever runs the tests out of them: commands talk to the servers of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


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


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database that is migrated and empty, to be cloned."""
    return postgres_server.make_template("headbox_template", migrate_postgres)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The URL of a database that is migrated and empty, beside the one of `data_dir`."""
    with postgres_server.database(template=postgres_template) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def installations(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installations:
    """What makes installations, for tests that need more than one; the others have one by its `data_dir`."""
    if WAY == "embedded":
        # The folder of one test process lies in that of all.
        folder = tmp_path_factory.getbasetemp()
        return EmbeddedInstallations((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "template")
    names = ("postgres_server", "redis_server", "postgres_template")
    return DistributedInstallations(*map(request.getfixturevalue, names))


@pytest.fixture
def data_dir(installations: Installations, tmp_path: Path) -> Iterator[Path]:
    """The data folder of an installation that settings find everything of."""
    with installations.new(tmp_path / "data") as data_dir:
        yield data_dir


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
