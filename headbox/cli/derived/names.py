"""Names that a shell completes: those of the things on the server that begin with what was typed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem
from graphql import GraphQLInputObjectType, GraphQLSchema, get_named_type

from headbox.cli.derived.operations import node_of_connection
from headbox.cli.printable import printable
from headbox.client import Client, ClientError, Profile

#: How long a shell waits for names, in seconds.
ANSWER_SECONDS = 1.0
#: Most names that are offered.
MOST_NAMES = 50

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def listing(schema: GraphQLSchema, field: str, argument: str) -> str | None:
    """Return the document that lists the names which begin with `$prefix`; None where there is no such list.

    Args:
        schema: The schema.
        field: Name of the root field that finds one thing, such as "repository".
        argument: Its argument, and the field of the thing that is its name, such as "name".
    """
    assert schema.query_type is not None, "what finds one thing is a query"
    wanted = get_named_type(schema.query_type.fields[field].type)
    for name, root in schema.query_type.fields.items():
        given = get_named_type(root.args["filter"].type) if "filter" in root.args else None
        is_list = node_of_connection(get_named_type(root.type)) is wanted
        if is_list and isinstance(given, GraphQLInputObjectType) and f"{argument}Prefix" in given.fields:
            call = f"{name}(first: {MOST_NAMES}, filter: {{ {argument}Prefix: $prefix }})"
            return f"query Names($prefix: String!) {{ found: {call} {{ edges {{ node {{ name: {argument} }} }} }} }}"
    return None


def completing(document: str) -> Complete:
    """Return what completes a parameter with the names that a document lists.

    It offers nothing, and says nothing, where the server does not answer at once.
    """

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        server = ctx.params.get("server")
        if not isinstance(server, Profile):
            return []
        # What answers may be anything: an error in the middle of a command line would help nobody.
        with suppress(ClientError, TimeoutError, KeyError, TypeError):
            names = asyncio.run(_names(server, document, incomplete))
            return [CompletionItem(name) for name in names if name == printable(name)]
        return []

    return complete


async def _names(server: Profile, document: str, prefix: str) -> list[str]:
    async with (
        asyncio.timeout(ANSWER_SECONDS),
        Client(server.url, token=server.token, ca_file=server.ca_file) as client,
    ):
        found: dict[str, Any] | None = (await client.execute(document, {"prefix": prefix}))["found"]
        return [edge["node"]["name"] for edge in found["edges"]] if found else []
