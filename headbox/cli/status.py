"""`headbox status`."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table
from rich.text import Text

from headbox.cli.asking import ask
from headbox.cli.failures import ExitCode
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.output import print_data, print_table
from headbox.client import Client, Profile

_STATUS = """\
query Status {
  status {
    version
    plugins { name version }
    database { name ok detail }
    broker { name ok detail }
    bus { name ok detail }
    storage { name ok detail }
    workersOnline
    tasks { waiting running completed failed canceled }
  }
}
"""
_COMPONENTS = ("database", "broker", "bus", "storage")


def _status(server: Profile, output_format: OutputFormat) -> None:
    """Show how the server is doing. Ends with 1 when something is not as it should be, with 3 when nobody answers."""
    address, status = ask(server, _look)
    if output_format != "table":
        print_data(status, output_format)
    else:
        print_table(_table(address, status))
    is_well = status["workersOnline"] > 0 and all(status[name]["ok"] for name in _COMPONENTS)
    click.get_current_context().exit(ExitCode.OK if is_well else ExitCode.FAILED)


async def _look(client: Client) -> tuple[str, dict[str, Any]]:
    return client.server, (await client.execute(_STATUS))["status"]


def _table(address: str, status: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_row("server", Text(address))
    table.add_row("version", status["version"])
    table.add_row("plugins", ", ".join(f"{plugin['name']} {plugin['version']}" for plugin in status["plugins"]))
    for name in _COMPONENTS:
        component = status[name]
        said = component["detail"] or component["name"]
        table.add_row(name, _mark(said if component["ok"] else f"{component['name']}: {said}", ok=component["ok"]))
    workers = status["workersOnline"]
    table.add_row("workers", _mark(f"{workers} online", ok=workers > 0))
    table.add_row("tasks", ", ".join(f"{count} {state}" for state, count in status["tasks"].items()))
    return table


def _mark(text: str, *, ok: bool) -> Text:
    return Text.assemble(("✓ ", "green") if ok else ("✗ ", "bold red"), text)


command = click.Command("status", callback=_status, help=_status.__doc__, params=[*server_options(), output_option()])
