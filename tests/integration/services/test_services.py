"""The servers that the tests start: what faults do to them, and that they never outlive the tests."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.services import PostgresServer, RedisServer, TcpProxy
from tests.support.services.process import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.distributed

_START_AND_DIE = """
import os, signal
from tests.support.services import PostgresServer, RedisServer
with PostgresServer() as postgres, RedisServer() as redis:
    print(postgres.port, postgres.log.parent, redis.port, redis.log.parent, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill])
def test_postgres_keeps_what_was_committed_over_restarts(
    postgres_server: PostgresServer, end: Callable[[PostgresServer], None]
) -> None:
    with postgres_server.database() as url:
        asyncio.run(_run(url, "CREATE TABLE kept AS SELECT 7 AS number"))
        end(postgres_server)
        with pytest.raises(ConnectionRefusedError):
            asyncio.run(_run(url, "SELECT 1"))
        postgres_server.start()
        assert asyncio.run(_run(url, "SELECT number FROM kept")) == 7


def test_databases_are_copies_of_their_template_and_gone_afterwards(postgres_server: PostgresServer) -> None:
    template = postgres_server.make_template("filled", _fill)
    with postgres_server.database(template=template) as url:
        asyncio.run(_run(url, "UPDATE kept SET number = 8"))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        asyncio.run(_run(url, "SELECT 1"))
    with postgres_server.database(template=template) as url:
        assert asyncio.run(_run(url, "SELECT number FROM kept")) == 7


@pytest.mark.parametrize("fault", [RedisServer.restart, RedisServer.flush])
def test_redis_is_empty_after_a_restart_and_a_flush(
    redis_server: RedisServer, redis_url: str, fault: Callable[[RedisServer], None]
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("key", "value")
        fault(redis_server)
        assert client.get("key") is None


def test_a_cut_connection_is_refused_until_it_is_healed(redis_server: RedisServer, redis_url: str) -> None:
    with TcpProxy(redis_server.port) as proxy, client_of(proxy.port) as client:
        client.set("key", "value")
        proxy.cut()
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        proxy.heal()
        assert client.get("key") == b"value"


def test_a_silent_connection_delivers_when_it_is_healed(redis_server: RedisServer, redis_url: str) -> None:
    with TcpProxy(redis_server.port) as proxy, client_of(proxy.port) as client, ThreadPoolExecutor() as threads:
        client.set("key", "value")
        proxy.silence()
        answer = threads.submit(client.get, "key")
        with pytest.raises(TimeoutError):
            answer.result(0.2)
        proxy.heal()
        assert answer.result(10) == b"value"


def test_a_connection_carries_much_at_once(redis_server: RedisServer, redis_url: str) -> None:
    body = bytes(20_000_000)
    with TcpProxy(redis_server.port) as proxy, client_of(proxy.port) as client:
        client.set("key", body)
        assert client.get("key") == body


def test_a_proxy_of_a_server_that_is_down_resets_its_clients(redis_server: RedisServer) -> None:
    with TcpProxy(free_port()) as proxy, client_of(proxy.port) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_servers_and_their_folders_end_with_a_test_process_that_is_killed() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _START_AND_DIE],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    ports, folders = killed.stdout.split()[::2], killed.stdout.split()[1::2]
    assert (len(ports), len(folders)) == (2, 2), killed.stderr
    wait_until(lambda: not any(_listens(int(port)) for port in ports))
    wait_until(lambda: not any(Path(folder).exists() for folder in folders))


def client_of(port: int) -> redis.Redis:
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _run(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def _fill(url: str) -> None:
    await _run(url, "CREATE TABLE kept AS SELECT 7 AS number")
