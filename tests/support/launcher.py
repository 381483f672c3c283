"""Runs headbox in a tenth of the time: by forking a process that has imported everything and done nothing else.

What runs in the fork is the `headbox` command from its first line, in a process of its own that can be killed.
Importing takes most of its time, and tests start a hundred servers and run as many commands.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

#: How long a command may run that ends by itself, in seconds: the machine may be busy with other tests.
_RUN_SECONDS = 120.0

_starting = threading.Lock()


class Launcher:
    """The process that is forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.launcher"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, *, errors: Path | None = None
    ) -> int:
        """Run the command in a new process and return its id.

        Args:
            arguments: Those of the command.
            environment: All its variables.
            log: File that what it prints is added to.
            errors: Another one for its standard error; None for the same.
        """
        files = {"output": str(log), "errors": str(errors or log)}
        return int(self._ask(arguments=list(arguments), environment=dict(environment), **files)["pid"])

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the command to its end.

        Raises:
            TimeoutError: It does not end.
        """
        with tempfile.TemporaryDirectory(prefix="headbox-command-") as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            pid = self.start(arguments, environment, output, errors=errors)
            code = self.wait(pid, _RUN_SECONDS)
            if code is None:
                os.kill(pid, signal.SIGKILL)
                raise TimeoutError(errors.read_text())
            return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())

    def poll(self, pid: int) -> int | None:
        """Return the exit code of a process that has ended, or None for one that runs.

        Of one that was killed it is the signal, negative. May be asked for once.
        """
        code: int | None = self._ask(pid=pid)["exit_code"]
        return code

    def wait(self, pid: int, seconds: float) -> int | None:
        """Return the exit code of a process once it has ended, or None when it does not end in time."""
        with _end_of(pid) as end:
            end.poll(seconds * 1000)
        return self.poll(pid)

    def close(self) -> None:
        """End the launcher."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def _end_of(pid: int) -> Iterator[select.poll]:
    """Give what waits for the end of a process."""
    file = os.pidfd_open(pid)
    try:
        end = select.poll()
        end.register(file)
        yield end
    finally:
        os.close(file)


def launcher() -> Launcher:
    """Return the launcher of this test process, started when it is first needed; from any thread."""
    with _starting:
        return _launcher()


@cache
def _launcher() -> Launcher:
    started = Launcher()
    atexit.register(started.close)
    return started


def _serve_requests() -> None:
    running: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            ended, status = os.waitpid(request["pid"], os.WNOHANG)
            running.discard(ended)
            answer: dict[str, Any] = {"exit_code": os.waitstatus_to_exitcode(status) if ended else None}
        else:
            pid = os.fork() or _run(**request)
            running.add(pid)
            answer = {"pid": pid}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer's way to the test
    # The tests have ended, or were killed.
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _run(arguments: list[str], environment: dict[str, str], output: str, errors: str) -> NoReturn:
    """Become the command."""
    with Path(os.devnull).open("rb") as nothing, Path(output).open("ab") as printed, Path(errors).open("ab") as told:
        for number, file in enumerate((nothing, printed, told)):
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    # As Python does at its start, which was before.
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    code = 1
    try:
        main.main(arguments, prog_name="headbox")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    # All that `headbox serve` imports when it runs, and all that the commands of a client do.
    import uvicorn.lifespan.on
    import uvicorn.protocols.http.httptools_impl
    import uvicorn.protocols.websockets.websockets_sansio_impl  # noqa: F401

    import headbox.cli.derived
    import headbox.cli.processes.serving
    import headbox.cli.serve
    import headbox.models.migrations
    import headbox.plugins.file.plugin  # noqa: F401
    from headbox.cli.main import main

    _serve_requests()
