"""What servers have in common that tests start, stop, kill and start again."""

from __future__ import annotations

import shutil
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.support.services.process import GuardedProcess, free_port


class Server(ABC):
    """A server on a free port of 127.0.0.1, which it keeps over restarts.

    Attributes:
        port: Where it listens.
        log: What it has to say.
    """

    #: What it gets to end in order.
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, *folders: Path) -> None:
        """Set up a server.

        Args:
            folders: Where it keeps everything, its log in the first; removed when it is closed.
        """
        self.port = free_port()
        self.log = folders[0] / "log"
        self._folders = folders
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

    @abstractmethod
    def start(self) -> None:
        """Start, and wait until it takes connections.

        Raises:
            TimeoutError: It does not start; its log is in the message.
        """

    def stop(self) -> None:
        """End it in order, as an operator does."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it at once, wherever it stands."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def ensure_running(self) -> None:
        """Start it again where a test that failed has left it ended."""
        if self._process is None or not self._process.is_running:
            self.start()

    def close(self) -> None:
        """End it for good and remove all it had."""
        if self._process is not None:
            self._process.close()
            self._process = None
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None, "the server was never started"
        self._process.send(number)
        self._process.wait()
