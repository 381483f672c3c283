"""What is true of every file that deploys headbox."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from headbox.cli.main import main
from tools.reference import variables

ROOT = Path(__file__).parents[2]
#: Where programs from wheels are.
SCRIPTS = Path(sysconfig.get_path("scripts"))
#: What headbox reads from the environment.
SETTINGS = variables()


def succeeds(*command: str | Path) -> None:
    """Run a program, which must find nothing wrong."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def unknown(variables: Iterable[str]) -> set[str]:
    """Return those of the variables that look like settings and are none."""
    return {name for name in variables if name.startswith("HEADBOX_")} - SETTINGS


def parse_headbox(words: Sequence[str]) -> dict[str, object]:
    """Read a command line of `headbox`, without the program's name, as far as to its execution.

    Returns:
        The values of its options.

    Raises:
        click.UsageError: There is no such command, or it has no such option.
    """
    context = main.make_context("headbox", [words[0], "--help"], resilient_parsing=True)
    assert isinstance(main, click.Group)
    _, command, rest = main.resolve_command(context, list(words))
    assert command is not None
    return command.make_context(words[0], rest, parent=context).params
