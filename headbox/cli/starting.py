"""How a command that runs a process begins and ends."""

from __future__ import annotations

from collections.abc import Callable

import click

from headbox.cli import logs
from headbox.cli.failures import UsageFailure
from headbox.cli.plugins import checked_plugins
from headbox.cli.processes.refusal import StartRefused
from headbox.settings import Settings


def run_process(settings: Settings, main: Callable[[Settings], int]) -> None:
    """Run a process until it ends, and end the command with its exit code.

    Raises:
        UsageFailure: It does not start.
    """
    logs.configure(settings.log)
    try:
        with checked_plugins():
            exit_code = main(settings)
    except StartRefused as refused:
        raise UsageFailure(str(refused), hint=refused.hint) from refused
    click.get_current_context().exit(exit_code)
