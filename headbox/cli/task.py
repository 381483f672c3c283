"""`headbox task watch`."""

from __future__ import annotations

import click
from rich.console import Console

from headbox.cli.asking import ask
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.output import print_data
from headbox.cli.watch import EXIT_CODES, watch
from headbox.client import Profile


def _watch(id: str, server: Profile, output_format: OutputFormat) -> None:
    """Show a task until it has ended: 0 when it is completed, 1 when it has failed, 4 when it is canceled."""
    task = ask(server, lambda client: watch(client, id, Console(stderr=True)))
    if output_format != "table":
        print_data(task, output_format)
    click.get_current_context().exit(EXIT_CODES[task["state"]])


watch_command = click.Command(
    "watch",
    callback=_watch,
    help=_watch.__doc__,
    params=[click.Argument(["id"], metavar="ID"), output_option(), *server_options()],
)
