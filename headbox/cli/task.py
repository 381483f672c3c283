"""`headbox task watch`."""

from __future__ import annotations

import click
from rich.console import Console

from headbox.cli.asking import ask
from headbox.cli.options import OutputFormat, output_option, server_option
from headbox.cli.output import print_json
from headbox.cli.watch import EXIT_CODES, watch


def _watch(id: str, server: str, output_format: OutputFormat) -> None:
    """Show a task until it has ended: 0 when it is completed, 1 when it has failed, 4 when it is canceled."""
    task = ask(server, lambda client: watch(client, id, Console(stderr=True)))
    if output_format == "json":
        print_json(task)
    click.get_current_context().exit(EXIT_CODES[task["state"]])


watch_command = click.Command(
    "watch",
    callback=_watch,
    help=_watch.__doc__,
    params=[click.Argument(["id"], metavar="ID"), output_option(), server_option()],
)
