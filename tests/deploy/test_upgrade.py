"""Processes of this release on the database of the next one, as during an upgrade without downtime."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from headbox.cli.main import main
from headbox.models.database import Database, execute
from headbox.settings import Settings
from tests.support import client
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Upstream

#: What a migration of the next release may do, as docs/operate/upgrade.md has it.
NEXT_RELEASE = (
    "CREATE TABLE release_note (id BIGINT PRIMARY KEY, task_id CHAR(36))",
    "ALTER TABLE task ADD COLUMN cost INT NULL",
    "ALTER TABLE repository ADD COLUMN quota BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX task_cost ON task (cost)",
    "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('core', '9999_next', CURRENT_TIMESTAMP)",
)


@pytest.fixture
def next_data_dir(data_dir: Path) -> Path:
    """The data folder of an installation whose database is that of the next release."""

    async def migrate() -> None:
        async with Database.of(Settings(data_dir=data_dir)).connected() as database:
            for statement in NEXT_RELEASE:
                await execute(database.connection, statement)

    asyncio.run(migrate())
    return data_dir


def test_database_of_the_next_release_lacks_nothing(next_data_dir: Path) -> None:
    result = CliRunner().invoke(main, ["migrate", "--check", "--data-dir", str(next_data_dir)])

    assert (result.exit_code, result.output.endswith("is up to date.\n")) == (0, True)


def test_this_release_works_on_the_database_of_the_next(next_data_dir: Path, upstream: Upstream) -> None:
    serve(upstream, {"a": b"first"})
    with HeadboxServer(next_data_dir) as server:
        made = client.create_mirror(server, f"{upstream.url}/{MANIFEST}", "mirror", sync=True)
        client.completed(server, made["task"]["id"])
        serve(upstream, {"a": b"second"})
        client.completed(server, client.sync(server, made["repository"]["id"])["id"])

        assert server.get("/content/mirror/a").content == b"second"
