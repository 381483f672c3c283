"""What a derived command prints, by what its operation returns."""

from __future__ import annotations

from typing import Any

import click

from headbox.cli.derived.operations import Shape
from headbox.cli.derived.plan_printing import print_plan
from headbox.cli.options import OutputFormat
from headbox.cli.output import print_data, print_heading, print_object, print_page, print_rows, words
from headbox.cli.printable import printable


def print_result(shape: Shape, result: Any, output_format: OutputFormat) -> None:
    """Print the result of an operation."""
    if output_format != "table":
        print_data(result, output_format)
    elif shape is Shape.PAYLOAD:
        _print_payload(result)
    elif shape is Shape.CONNECTION:
        print_page(result["nodes"], result["pageInfo"])
    elif shape is Shape.LIST:
        print_rows(result)
    elif shape in {Shape.PLAN, Shape.REPORT}:
        print_plan(result)
    elif shape is Shape.VALUES:
        for value in result:
            click.echo(printable(words(value)))
    else:
        print_object(result)


def _print_payload(result: dict[str, Any]) -> None:
    parts = {name: value for name, value in result.items() if isinstance(value, dict | list) and value}
    for name, value in parts.items():
        if len(parts) > 1:
            print_heading(name)
        if isinstance(value, list):
            print_rows(value)
        else:
            print_object(value)
    # What belongs to no object, such as a secret that is shown once.
    if plain := {name: value for name, value in result.items() if not isinstance(value, dict | list | None)}:
        print_object(plain)
