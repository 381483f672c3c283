"""Keeps several processes of one kind running, and ends them together."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from headbox.cli.failures import ExitCode, UsageFailure
from headbox.cli.processes.refusal import StartRefused

#: Wait before a process that ended is started again, in seconds; it doubles up to the longest with each time that the
#: process lived for less than the latter.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
#: What a process may need to end beyond the time that its work has, in seconds.
GRACE_SECONDS = 5.0

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Place:
    """One of the processes, in all its lives.

    Attributes:
        pid: Of its life now; None between two lives.
        started_at: When that began, on the monotonic clock.
        due_at: When the next one begins.
        wait_seconds: What comes between two lives.
    """

    pid: int | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    wait_seconds: float = FIRST_WAIT_SECONDS


class Supervisor:
    """Runs a function in processes of their own, and again whenever one ends.

    The process that runs it must have no threads: it forks.

    Args:
        run: What each process does: given its number, from 0, and a pipe that ends with the supervisor, it returns its
            exit code.
        processes: How many there are.
        stop_seconds: How long their work may take to end.
    """

    def __init__(self, run: Callable[[int, int], int], processes: int, stop_seconds: float) -> None:
        self._run = run
        self._places = [_Place() for _ in range(processes)]
        self._stop_seconds = stop_seconds + GRACE_SECONDS
        self._kill_at: float | None = None
        self._exit_code = int(ExitCode.OK)
        # Nobody ever writes into it: its end tells the processes that the supervisor is gone.
        self._read_end, self._write_end = os.pipe()

    def run(self) -> int:
        """Keep the processes running until told to stop, or until one refuses to start; return the exit code."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            while self._kill_at is None or self._living():
                self._start_due()
                self._wait()
                self._reap()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self._exit_code

    def _living(self) -> list[int]:
        return [place.pid for place in self._places if place.pid is not None]

    def _start_due(self) -> None:
        if self._kill_at is not None:
            return
        for index, place in enumerate(self._places):
            if place.pid is None and place.due_at <= time.monotonic():
                place.started_at = time.monotonic()
                place.pid = os.fork() or self._become(index)

    def _become(self, index: int) -> int:
        """Be one of the processes, until it ends."""
        code = int(ExitCode.FAILED)
        try:
            os.close(self._write_end)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            code = self._run(index, self._read_end)
        except StartRefused as refused:
            UsageFailure(str(refused), hint=refused.hint).show()
            code = ExitCode.USAGE
        except BaseException:
            log.exception("a worker process failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _wait(self) -> None:
        """Wait for a signal, or until something is due."""
        due = [place.due_at for place in self._places if place.pid is None and self._kill_at is None]
        if self._kill_at is not None:
            due.append(self._kill_at)
        seconds = max(0.0, min(due) - time.monotonic()) if due else LONGEST_WAIT_SECONDS
        told = signal.sigtimedwait(_SIGNALS, seconds)
        if told is not None and told.si_signo != signal.SIGCHLD:
            self._stop()
        elif self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._send(signal.SIGKILL)

    def _stop(self) -> None:
        """Ask all to end; at the second time, at once."""
        self._kill_at = self._kill_at or time.monotonic() + self._stop_seconds
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        # Not reaped yet, so the number is still that of our own process.
        for pid in self._living():
            os.kill(pid, number)

    def _reap(self) -> None:
        for place in self._places:
            if place.pid is None:
                continue
            ended, status = os.waitpid(place.pid, os.WNOHANG)
            if ended:
                self._note_end(place, os.waitstatus_to_exitcode(status))

    def _note_end(self, place: _Place, code: int) -> None:
        pid, place.pid = place.pid, None
        if self._kill_at is not None:
            return
        if code == ExitCode.USAGE:
            self._exit_code = code
            self._stop()
            return
        now = time.monotonic()
        if now - place.started_at >= LONGEST_WAIT_SECONDS:
            place.wait_seconds = FIRST_WAIT_SECONDS
        place.due_at = now + place.wait_seconds
        log.warning(
            "a worker process ended, and another one takes its place",
            extra={"pid": pid, "exit_code": code, "seconds": place.wait_seconds},
        )
        place.wait_seconds = min(place.wait_seconds * 2, LONGEST_WAIT_SECONDS)
