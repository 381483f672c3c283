"""headbox as processes of its own, as an operator starts, stops and kills them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.support.launcher import launcher

#: The command, beside the interpreter of the tests.
COMMAND = Path(sys.executable).with_name("headbox")
#: How long a server may take to listen, in seconds: the machine may be busy with other tests.
START_SECONDS = 120.0
#: How long a server may take to end, in seconds.
STOP_SECONDS = 30.0


class HeadboxProcess:
    """A command that serves, on a free port.

    Attributes:
        url: Where it listens, without a trailing slash; another one after each start.
        data_dir: Its data folder.
        log: The file of its log, of all its lives.
    """

    def __init__(self, data_dir: Path, *arguments: str, name: str = "", **environment: str) -> None:
        """Set up a process.

        Args:
            data_dir: Its data folder.
            arguments: The command and its options, besides the data folder.
            name: What tells its log from those of other processes with the same data folder.
            environment: Variables such as `HEADBOX_WORKER_THREADS`.
        """
        self.url = ""
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{name or data_dir.name}.log")
        self._arguments = [*arguments, "--data-dir", str(data_dir)]
        self._environment = {"HEADBOX_DOWNLOAD_BACKOFF_SECONDS": "0.05", **environment}
        self._pid: int | None = None
        self._exit_code: int | None = None

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

    def close(self) -> None:
        """End it, in order if it still runs, and at once if it does not end."""
        try:
            if self._is_running():
                self.resume()
                self.terminate()
        finally:
            self.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._pid is not None, "the process was never started"
        return self._pid

    def start(self) -> None:
        """Start and wait until it listens."""
        self.log.touch()
        offset = self.log.stat().st_size
        self._pid = launcher().start(self._arguments, {**os.environ, **self._environment}, self.log)
        self._exit_code = None
        deadline = time.monotonic() + START_SECONDS
        while not (url := self._listening_at(offset)):
            assert self._is_running(), f"the process ended with {self._exit_code}:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"the process does not listen:\n{self.log.read_text()}"
            time.sleep(0.02)
        self.url = url.rstrip("/")

    def _listening_at(self, offset: int) -> str | None:
        with self.log.open("rb") as log:
            log.seek(offset)
            for line in log:
                if line.endswith(b"\n") and b'"listening"' in line:
                    return str(json.loads(line)["url"])
        return None

    def _is_running(self) -> bool:
        if self._pid is not None and self._exit_code is None:
            self._exit_code = launcher().poll(self._pid)
        return self._pid is not None and self._exit_code is None

    def kill(self) -> None:
        """End it at once, wherever it stands; a process that has ended stays as it is."""
        if self._is_running():
            os.kill(self.pid, signal.SIGKILL)
            self._exit_code = launcher().wait(self.pid, STOP_SECONDS)

    def suspend(self) -> None:
        """Let it do nothing until it is resumed."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, unaware of the time that has passed."""
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> int:
        """Ask it to end, wait, and return its exit code.

        Raises:
            TimeoutError: It does not end.
        """
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended by itself, and return its exit code.

        Raises:
            TimeoutError: It does not end.
        """
        self._exit_code = launcher().wait(self.pid, STOP_SECONDS)
        if self._exit_code is None:
            raise TimeoutError
        return self._exit_code

    def restart(self) -> None:
        """Kill it, if it still runs, and start it again on the same data folder."""
        self.kill()
        self.start()


class HeadboxServer(HeadboxProcess):
    """`headbox serve`, or another command that serves the API, and a client of it."""

    def __init__(self, data_dir: Path, *arguments: str, name: str = "", **environment: str) -> None:
        """As of every process; without arguments it is `headbox serve`."""
        super().__init__(data_dir, *(arguments or ("serve", "--port", "0")), name=name, **environment)
        self._client = httpx2.Client(timeout=30)

    def close(self) -> None:
        """End it, and its client."""
        try:
            super().close()
        finally:
            self._client.close()

    def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a query or a mutation and return its data; errors fail the test."""
        response = self._client.post(
            f"{self.url}/graphql",
            json={"query": document, "variables": dict(variables or {})},
            headers={"Accept": "application/graphql-response+json"},
        )
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def subscribe(self, document: str, variables: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the data of each message of a subscription, over server-sent events, until the server completes it."""
        with self._client.stream(
            "POST",
            f"{self.url}/graphql",
            json={"query": document, "variables": dict(variables or {})},
            headers={"Accept": "text/event-stream"},
        ) as response:
            event = ""
            for line in response.iter_lines():
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data" and event == "next":
                    answer = json.loads(value)
                    assert "errors" not in answer, answer["errors"]
                    yield answer["data"]
                elif not line and event == "complete":
                    return
                elif not line:
                    event = ""

    def get(self, path: str) -> httpx2.Response:
        """Fetch a path of the server, such as `/content/mirror/PULP_MANIFEST`."""
        return self._client.get(f"{self.url}{path}")
