"""The command of a plan, which may apply what it has shown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import click
from graphql import GraphQLInputObjectType, get_named_type

from headbox.cli.asking import ask
from headbox.cli.derived.commands import DerivedCommand, watch_option
from headbox.cli.derived.operations import Operation, Shape
from headbox.cli.derived.parameters import option_name, variables
from headbox.cli.derived.printing import print_result
from headbox.cli.derived.references import Lookup
from headbox.cli.derived.request import perform
from headbox.cli.options import OutputFormat
from headbox.cli.output import print_data
from headbox.cli.watch import EXIT_CODES
from headbox.client import Client, Profile


def applied_by(plan: Operation, others: Sequence[Operation]) -> Operation | None:
    """Return the operation that does what a plan says; None where nothing takes its id."""
    for other in others:
        if other.shape is not Shape.PAYLOAD or other.path != (*plan.path[:-1], "create"):
            continue
        named = get_named_type(other.field.args["input"].type) if "input" in other.field.args else None
        if isinstance(named, GraphQLInputObjectType) and "plan" in named.fields:
            return other
    return None


class PlanCommand(DerivedCommand):
    """The command of a plan that can be applied: `--apply` does just what it says."""

    def __init__(self, operation: Operation, lookups: Mapping[str, Lookup], applied_by: Operation) -> None:
        self._applied_by = applied_by
        super().__init__(operation, lookups, but=frozenset({("input", "plan")}))

    def _own_options(self) -> list[click.Option]:
        apply = click.Option(
            ["apply", "--apply"], is_flag=True, help="Do what the plan says, or nothing where anything has moved since."
        )
        return [apply, watch_option(), *super()._own_options()]

    def _call(
        self, *, server: Profile, output_format: OutputFormat, apply: bool = False, watch: bool = False, **values: Any
    ) -> None:
        if watch and not apply:
            raise click.UsageError("There is no task to watch without --apply.")
        given = variables(self.operation, self.inputs, values)
        plan = ask(server, lambda client: perform(client, self.operation, given, is_watched=False))
        if output_format == "table":
            print_result(Shape.PLAN, plan, "table")
        task: dict[str, Any] | None = None
        if apply:
            task = ask(server, lambda client: self._apply(client, given, plan["id"], is_watched=watch))["task"]
        if output_format != "table":
            print_data({"plan": plan, "task": task} if apply else plan, output_format)
        elif task is None:
            click.echo(f"To do just this: {self._command_to_apply(values, plan['id'])}", err=True)
        elif not watch:
            click.echo()
            print_result(Shape.PAYLOAD, {"task": task}, "table")
        if task and watch:
            click.get_current_context().exit(EXIT_CODES[task["state"]])

    def _command_to_apply(self, values: Mapping[str, Any], plan_id: str) -> str:
        """Return the command line that applies a plan: what it leaves out is taken from the plan."""
        words = ["headbox", *self._applied_by.path]
        for given in self.inputs:
            if given.click.required:
                words += [f"--{option_name(given.click)}", values[str(given.click.name)]]
        return shlex.join([*words, "--plan", plan_id])

    async def _apply(self, client: Client, given: dict[str, Any], plan_id: str, *, is_watched: bool) -> Any:
        wanted = {**given, "input": given["input"] | {"plan": plan_id}}
        return await perform(client, self._applied_by, wanted, is_watched=is_watched)
