"""Commands that run a process, and have the derived commands of their noun besides."""

from __future__ import annotations

import click


class NounProcess(click.Group):
    """A group that runs a process where no command of its noun is given: `headbox worker`, `headbox worker list`.

    The commands take a moment to derive: not when the process is to be run. Its name is the noun.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the derived commands."""
        return self._derived().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a derived command."""
        return self._derived().get_command(ctx, cmd_name)

    def _derived(self) -> click.Group:
        from headbox.cli.derived import group  # noqa: PLC0415 - it derives the API, see above

        assert self.name is not None, "the group is that of a noun"
        return group(self.name, "")
