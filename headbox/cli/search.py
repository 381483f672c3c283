"""`headbox search`: what begins with a text, across everything."""

from __future__ import annotations

from typing import Any

import click

from headbox.cli.asking import ask
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.output import print_data, print_page
from headbox.client import Profile

_SEARCH = """\
query Search($text: String!, $first: Int, $after: String) {
  search(text: $text, first: $first, after: $after) {
    edges { matchedBy matched node { __typename id } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def _search(*, text: str, server: Profile, output_format: OutputFormat, first: int | None, after: str | None) -> None:
    """Find repositories, remotes, distributions and content by the beginning of a name, a path or a digest."""
    given = {"text": text, "first": first, "after": after}
    wanted = {name: value for name, value in given.items() if value is not None}
    found = ask(server, lambda client: client.execute(_SEARCH, wanted))["search"]
    if output_format != "table":
        print_data(found, output_format)
        return
    print_page([_row(edge) for edge in found["edges"]], found["pageInfo"])


def _row(edge: dict[str, Any]) -> dict[str, Any]:
    node = edge["node"]
    return {
        "type": node["__typename"],
        "matchedBy": edge["matchedBy"].lower().replace("_", " "),
        "matched": edge["matched"],
        "id": node["id"],
    }


command = click.Command(
    "search",
    callback=_search,
    help=_search.__doc__,
    params=[
        click.Argument(["text"]),
        click.Option(["first", "--first"], type=click.INT, help="How many: at most 500, 50 when left out."),
        click.Option(["after", "--after"], help="Cursor behind which the page starts."),
        output_option(),
        *server_options(),
    ],
)
