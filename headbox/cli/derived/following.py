"""The command of a query that the API has a subscription for: `--watch` goes on with every change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import click
from graphql import GraphQLSchema

from headbox.cli.asking import ask, tell_lost
from headbox.cli.derived.commands import DerivedCommand
from headbox.cli.derived.operations import Operation, Shape
from headbox.cli.derived.parameters import variables
from headbox.cli.derived.references import Lookup, Reference, resolved
from headbox.cli.derived.request import document
from headbox.cli.options import OutputFormat
from headbox.cli.output import line_of, print_object, print_record
from headbox.client import Client, Profile

#: Things whose last line is remembered.
MOST_TOLD = 10_000


def stream_of(schema: GraphQLSchema, operation: Operation) -> Operation | None:
    """Return the subscription that tells the changes of what a query shows; None where there is none of its name."""
    streams = schema.subscription_type.fields if schema.subscription_type else {}
    if operation.shape not in {Shape.CONNECTION, Shape.OBJECT} or operation.name not in streams:
        return None
    return replace(operation, keyword="subscription", field=streams[operation.name], shape=Shape.LIST)


class FollowingCommand(DerivedCommand):
    """The command of a query, which may go on with what changes.

    Args:
        operation: The query.
        lookups: The queries that find a node by a name, by the names of the root fields.
        stream: The subscription.
    """

    def __init__(self, operation: Operation, lookups: Mapping[str, Lookup], stream: Operation) -> None:
        self._stream = stream
        self._lookup = lookups.get(operation.name)
        self._told: dict[str, str] = {}
        super().__init__(operation, lookups)

    def _own_options(self) -> list[click.Option]:
        help_text = "Go on with each change, until Ctrl-C; with --output json, each is a line."
        return [click.Option(["watch", "--watch", "-w"], is_flag=True, help=help_text), *super()._own_options()]

    def _call(self, *, server: Profile, output_format: OutputFormat, watch: bool = False, **values: Any) -> None:
        if not watch:
            super()._call(server=server, output_format=output_format, **values)
            return
        given = variables(self.operation, self.inputs, values)
        if self.operation.shape is Shape.OBJECT:
            [key] = given.values()
            given = {"id": Reference(key, self._lookup) if self._lookup else key}
        if unknown := given.keys() - self._stream.field.args.keys():
            raise click.UsageError(f"--watch shows all of them: not with --{' and --'.join(sorted(unknown))}.")
        ask(server, lambda client: self._follow(client, given, output_format))

    async def _follow(self, client: Client, given: dict[str, Any], output_format: OutputFormat) -> None:
        text, values = document(self._stream, await resolved(client, given))
        async for data in client.follow(text, values, on_lost=tell_lost):
            self._show(data["result"], output_format)

    def _show(self, state: dict[str, Any], output_format: OutputFormat) -> None:
        if output_format != "table":
            print_record(state, output_format)
        elif self.operation.shape is Shape.CONNECTION:
            self._tell(state["id"], line_of(state))
        else:
            print_object(state)
            click.echo()

    def _tell(self, key: str, line: str) -> None:
        """Print a line, unless it is the one that was printed last of the same thing: progress alone changes none."""
        if self._told.get(key) == line:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[key] = line
        click.echo(f"{datetime.now().astimezone():%H:%M:%S}  {line}")
