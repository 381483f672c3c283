"""The click command of an operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from graphql import GraphQLObjectType, get_named_type

from headbox.cli.asking import ask
from headbox.cli.derived.operations import Composite, Operation, Shape
from headbox.cli.derived.parameters import option_name, parameters, put, variables
from headbox.cli.derived.printing import print_result
from headbox.cli.derived.references import Lookup
from headbox.cli.derived.request import perform
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.watch import EXIT_CODES
from headbox.client import Profile


def watch_option() -> click.Option:
    """Return the option that shows the task that a command creates."""
    help_text = "Show the task until it has ended: 0 when it is completed, 1 when it has failed, 4 when it is canceled."
    return click.Option(["watch", "--watch", "-w"], is_flag=True, help=help_text)


class DerivedCommand(click.Command):
    """The command of an operation; its help lists the options for the fields of an object by themselves.

    Args:
        operation: The operation.
        lookups: The queries that find a node by a name, by the names of the root fields.
        but: Where inputs stand in the variables that the command does not take.
    """

    def __init__(
        self,
        operation: Operation,
        lookups: Mapping[str, Lookup],
        but: frozenset[tuple[str, ...]] = frozenset(),
    ) -> None:
        self.operation = operation
        self.inputs = tuple(given for given in parameters(operation, lookups) if given.path not in but)
        self.nullable = {
            option_name(given.click): given
            for given in self.inputs
            if given.is_nullable and operation.path[-1] == "update" and isinstance(given.click, click.Option)
        }
        super().__init__(
            operation.path[-1],
            callback=self._call,
            help=operation.field.description,
            params=[*(given.click for given in self.inputs), *self._own_options()],
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by the object that they are for."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            # The one argument is in the usage line.
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)):
                outer, dot, _ = option_name(parameter).partition(".")
                title = f"Fields of --{outer}, instead of JSON" if dot else "Options"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def _own_options(self) -> list[click.Option]:
        options = []
        if self.nullable:
            unset = click.Option(
                ["unset", "--unset"],
                type=click.Choice(list(self.nullable)),
                multiple=True,
                metavar="NAME",
                help="Name of an option whose value is to be taken away; may be repeated.",
            )
            options.append(unset)
        if self._returns_task():
            options.append(watch_option())
        return [*options, output_option(), *server_options()]

    def _returns_task(self) -> bool:
        payload = get_named_type(self.operation.field.type)
        if self.operation.shape is not Shape.PAYLOAD or not isinstance(payload, GraphQLObjectType):
            return False
        task = get_named_type(payload.fields["task"].type) if "task" in payload.fields else None
        names = (
            {task.name, *(interface.name for interface in task.interfaces)} if isinstance(task, Composite) else set()
        )
        return "Task" in names

    def _call(
        self,
        *,
        server: Profile,
        output_format: OutputFormat,
        watch: bool = False,
        unset: tuple[str, ...] = (),
        **values: Any,
    ) -> None:
        given = variables(self.operation, self.inputs, values)
        for name in unset:
            put(given, self.nullable[name].path, None)
        result = ask(server, lambda client: perform(client, self.operation, given, is_watched=watch))
        task = result.get("task") if watch else None
        # Whoever watched has seen the task already.
        shown = (
            {name: value for name, value in result.items() if name != "task"}
            if task and output_format == "table"
            else result
        )
        print_result(self.operation.shape, shown, output_format)
        if task:
            click.get_current_context().exit(EXIT_CODES[task["state"]])
