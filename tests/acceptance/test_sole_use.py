"""Who shares a database on a server: `headbox serve` without Redis has it for itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from headbox.models.database.sole_use import SOLE_USE_LOCK
from tests.support.cluster import Cluster
from tests.support.launcher import launcher
from tests.support.server import HeadboxProcess, HeadboxServer
from tests.support.services import PostgresServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.distributed

HOLDERS = f"""
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND granted
      AND (classid::bigint << 32 | objid::bigint) = {SOLE_USE_LOCK}
"""


def ask(statement: str) -> list[int]:
    """Return the first column of what the database answers."""

    async def answer() -> list[int]:
        connection = await asyncpg.connect(os.environ["HEADBOX_DATABASE_URL"])
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(answer())


def refused(data_dir: Path, *arguments: str, **environment: str) -> str:
    """Return why a command does not start."""
    done = launcher().run([*arguments, "--data-dir", str(data_dir)], {**os.environ, **environment})
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.fixture
def alone(data_dir: Path) -> Iterator[HeadboxServer]:
    """A server that nobody hears of."""
    with HeadboxServer(data_dir, HEADBOX_REDIS_URL="", name="alone") as server:
        yield server


@pytest.fixture
def other(data_dir: Path) -> Iterator[HeadboxServer]:
    """Another one on the same database, not started."""
    server = HeadboxServer(data_dir, HEADBOX_REDIS_URL="", name="other")
    yield server
    server.close()


def test_no_other_process_is_let_in(alone: HeadboxServer) -> None:
    with ThreadPoolExecutor(2) as pool:
        second = pool.submit(refused, alone.data_dir, "serve", "--port", "0", HEADBOX_REDIS_URL="")
        worker = pool.submit(refused, alone.data_dir, "worker", "--health-port", "0")

    for why in (second.result(), worker.result()):
        assert "another headbox serve runs on postgres://127.0.0.1" in why
        assert "HEADBOX_REDIS_URL" in why
    assert alone.query("{ status { workersOnline } }") == {"status": {"workersOnline": 1}}


def test_next_one_starts_after_it_was_killed(alone: HeadboxServer, other: HeadboxServer) -> None:
    alone.kill()

    other.start()

    assert "waiting for it to end" not in other.log.read_text()


def test_lock_is_taken_again_when_its_connection_was_cut(alone: HeadboxServer) -> None:
    [before] = ask(HOLDERS)

    ask(f"SELECT pg_terminate_backend({before})")

    wait_until(lambda: ask(HOLDERS) not in ([], [before]))
    assert alone.query("{ status { workersOnline } }") == {"status": {"workersOnline": 1}}


def test_lock_is_taken_again_when_the_database_was_restarted(
    alone: HeadboxServer, postgres_server: PostgresServer
) -> None:
    postgres_server.restart()

    wait_until(lambda: len(ask(HOLDERS)) == 1)
    assert alone.query("{ status { workersOnline } }")


def test_those_that_lost_the_database_to_another_end(
    data_dir: Path, alone: HeadboxServer, other: HeadboxServer
) -> None:
    [before] = ask(HOLDERS)
    alone.suspend()
    ask(f"SELECT pg_terminate_backend({before})")
    with HeadboxProcess(data_dir, "worker", "--health-port", "0", name="worker") as worker:
        [before] = ask(HOLDERS)
        worker.suspend()
        ask(f"SELECT pg_terminate_backend({before})")
        other.start()

        alone.resume()
        worker.resume()

        for lost in (alone, worker):
            assert lost.wait() == 2
            assert "another headbox serve has taken the database" in lost.log.read_text()
    assert len(ask(HOLDERS)) == 1
    assert other.query("{ status { broker { ok } } }") == {"status": {"broker": {"ok": True}}}


def test_every_process_keeps_those_out_that_tell_nobody(data_dir: Path) -> None:
    with Cluster(data_dir, {}, workers=1) as cluster:
        assert len(ask(HOLDERS)) == len(cluster.nodes)


def test_servers_that_hear_of_each_other_share_the_database(data_dir: Path) -> None:
    with HeadboxServer(data_dir, name="one"), HeadboxServer(data_dir, name="two") as two:
        assert two.query("{ status { workersOnline } }") == {"status": {"workersOnline": 2}}
