"""How a command ends: exit codes that scripts can use, and failures that say what to do next."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click

from headbox.cli.printable import printable


class ExitCode(IntEnum):
    """What the exit code of a command means."""

    OK = 0
    #: It was refused, it failed, or something is not as it should be.
    FAILED = 1
    #: The command line or the settings cannot be: nothing was tried.
    USAGE = 2
    #: There is no answer from a server.
    UNREACHABLE = 3
    #: The task that was watched was canceled.
    CANCELED = 4
    #: `headbox apply --plan`: there is something to do.
    PENDING = 5
    #: Somebody pressed Ctrl-C: 128 and the number of the signal, as shells have it.
    INTERRUPTED = 130


class Failure(click.ClickException):
    """An expected end of a command: one line on stderr, another one with what to do next, and no traceback."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the failure."""
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {printable(self.message)}", file=file, err=True)
        if self.hint:
            click.echo(f"{click.style('Hint:', fg='yellow')} {printable(self.hint)}", file=file, err=True)


class UsageFailure(Failure):
    """The command line or the settings cannot be."""

    exit_code = ExitCode.USAGE


class UnreachableFailure(Failure):
    """There is no answer from a server."""

    exit_code = ExitCode.UNREACHABLE
