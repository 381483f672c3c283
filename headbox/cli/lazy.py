"""A group of commands that imports a command when it is run, so that `--help` and completion are quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command that is not there yet.

    Attributes:
        load: Imports and returns it.
        help: One line for the list of commands.
    """

    load: Callable[[], click.Command]
    help: str


class LazyGroup(click.Group):
    """Commands by section; the help lists them without loading one."""

    def sections(self) -> Mapping[str, Mapping[str, LazyCommand]]:
        """Return the commands by name, by heading, in the order of the help."""
        raise NotImplementedError

    def _all(self) -> Iterator[tuple[str, LazyCommand]]:
        for commands in self.sections().values():
            yield from commands.items()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [name for name, _ in self._all()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        found = dict(self._all()).get(cmd_name)
        return found.load() if found else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command or an option, without loading one."""
        commands = [
            CompletionItem(name, help=command.help) for name, command in self._all() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, their first column equally wide."""
        width = max((len(name) for name, _ in self._all()), default=0)
        for title, commands in self.sections().items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), command.help) for name, command in commands.items()])
