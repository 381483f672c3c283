"""Processes of servers that end with the tests, whatever happens to these."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: How long a server may take to start or to end, in seconds: the machine may be busy with other tests.
PATIENCE_SECONDS = 60.0
#: Below the ports that the system gives to outgoing connections: a client that tries again and again to reach a server
#: that is down would else be given its port sooner or later, and talk to itself.
_PORTS = range(12_000, 32_000)
#: The ports that this test process has given away: whoever got one may not listen yet.
_given: set[int] = set()


class GuardedProcess:
    """A running server.

    Attributes:
        pid: Its process id.
    """

    def __init__(
        self,
        command: list[str],
        *,
        folders: Sequence[Path],
        log: Path,
        credentials: tuple[int, int] | None = None,
        end_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start a server.

        Args:
            command: Program and arguments; it runs in the foreground.
            folders: Where it keeps everything; removed when the test process ends, or closes the server.
            log: Where it writes what it has to say.
            credentials: User and group to run as; None for those of the tests.
            end_signal: What it gets to end at once.
        """
        user, group = credentials or (None, None)
        options = {
            "command": command,
            "user": user,
            "group": group,
            "log": str(log),
            "end_signal": int(end_signal),
            "folders": [str(folder) for folder in folders],
        }
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py")), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for the tests, which then end their servers.
            start_new_session=True,
        )
        assert self._guardian.stdout is not None
        self.pid = int(self._guardian.stdout.readline())

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._guardian.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> None:
        """Return once it has ended by itself; its folders stay.

        Raises:
            subprocess.TimeoutExpired: It does not end.
        """
        self._guardian.wait(PATIENCE_SECONDS)
        self.close()

    def close(self) -> None:
        """End it at once and remove its folders; does nothing to one that has ended."""
        assert self._guardian.stdin is not None
        assert self._guardian.stdout is not None
        self._guardian.stdin.close()
        self._guardian.stdout.close()
        self._guardian.wait(PATIENCE_SECONDS)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that no outgoing connection will get."""
    # Other test processes have ports of their own.
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = random.SystemRandom().choice(_PORTS[number::count])
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
