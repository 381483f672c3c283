"""`headbox task log`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any

import click

from headbox.cli.asking import ask, tell_lost
from headbox.cli.failures import Failure
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.output import print_record
from headbox.cli.printable import printable
from headbox.client import Client, Profile

_LINE = "number attempt loggedAt level logger message extra"
READ_LOG = f"""\
query ReadLog($id: ID!, $after: String) {{
  task(id: $id) {{
    log(first: 500, after: $after) {{ dropped edges {{ node {{ {_LINE} }} }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}
"""
FOLLOW_LOG = f"subscription FollowLog($id: ID!) {{ taskLog(id: $id) {{ ended lines {{ {_LINE} }} }} }}"


def _log(id: str, server: Profile, output_format: OutputFormat, *, is_followed: bool) -> None:
    """Show what a task said while it ran, its earlier attempts too; at most the last 1,000 lines."""
    updates = _follow if is_followed else _read

    async def show(client: Client) -> None:
        async for update in updates(client, id):
            if update["dropped"]:
                click.echo(f"(lines that are gone: {update['dropped']})", err=True)
            for line in update["lines"]:
                if output_format == "table":
                    click.echo(_text(line))
                else:
                    print_record(line, output_format)

    ask(server, show)


async def _read(client: Client, task_id: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the lines that there are, by page."""
    after = None
    while True:
        task = (await client.execute(READ_LOG, {"id": task_id, "after": after}))["task"]
        if task is None:
            raise Failure(f"There is no task {task_id!r}.")
        page = task["log"]
        dropped = page["dropped"] if after is None else 0
        yield {"dropped": dropped, "lines": [edge["node"] for edge in page["edges"]]}
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def _follow(client: Client, task_id: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the lines that there are, and those that come until the task has ended, through restarts of the server."""
    seen = 0
    async with aclosing(client.follow(FOLLOW_LOG, {"id": task_id}, on_lost=tell_lost)) as updates:
        async for data in updates:
            # Each connection begins with all lines so far.
            lines = [line for line in data["taskLog"]["lines"] if line["number"] > seen]
            if lines:
                yield {"dropped": lines[0]["number"] - seen - 1, "lines": lines}
                seen = lines[-1]["number"]
            if data["taskLog"]["ended"]:
                return


def _text(line: dict[str, Any]) -> str:
    """Return a line for people: when, how severe, what, and what was given beside it."""
    time = datetime.fromisoformat(line["loggedAt"]).astimezone()
    extra = "".join(f" {name}={value}" for name, value in line["extra"].items())
    return printable(f"{time:%H:%M:%S} {line['level']:<8} {line['message']}{extra}")


log_command = click.Command(
    "log",
    callback=_log,
    help=_log.__doc__,
    params=[
        click.Argument(["id"], metavar="ID"),
        click.Option(
            ["is_followed", "--follow", "-f"], is_flag=True, help="Go on with new lines until the task has ended."
        ),
        output_option(),
        *server_options(),
    ],
)
