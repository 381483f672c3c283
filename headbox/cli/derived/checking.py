"""What is wrong with what was given for an operation, in the words of the command line, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLList,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from headbox.cli.derived.operations import Operation
from headbox.cli.derived.references import Reference
from headbox.cli.derived.values import nearest

#: Where something stands in the variables, outermost first.
Path = tuple[str, ...]
#: Where something is wrong, and what: None where a value is missing.
Problem = tuple[Path, str | None]


def check(operation: Operation, options: Mapping[Path, str], given: Mapping[str, Any]) -> None:
    """Make sure that an operation is given what it needs, and nothing that it does not have.

    Args:
        operation: The operation.
        options: The options of its command, as they are written, by where their values stand in the variables.
        given: The variables; references stand for ids.

    Raises:
        click.UsageError: It is not; the message names the option at fault.
    """
    for path, problem in _problems_of_fields(operation.field.args, given, ()):
        raise click.UsageError(_told(path, problem, options))


def _told(path: Path, problem: str | None, options: Mapping[Path, str]) -> str:
    """Return a problem with the option at fault, and the field within the JSON that was given for that."""
    outer = next(path[:end] for end in range(len(path), 0, -1) if path[:end] in options)
    option, inner = options[outer], ".".join(path[len(outer) :])
    if problem is not None:
        return ": ".join(part for part in (option, inner, problem) if part)
    return f"{option}: the field {inner!r} is missing." if inner else f"Missing option {option!r}."


def _problems_of_fields(
    fields: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField], given: Mapping[str, Any], path: Path
) -> Iterator[Problem]:
    # A name that is mistyped is told before the one that is missing because of it.
    for name in [name for name in given if name not in fields]:
        yield (*path, name), f"there is no such field{nearest(name, fields) or '.'}"
    for name, field in fields.items():
        is_required = (
            is_required_argument(field) if isinstance(field, GraphQLArgument) else is_required_input_field(field)
        )
        if name in given:
            yield from _problems(field.type, given[name], (*path, name))
        elif is_required:
            yield (*path, name), None


def _problems(input_type: GraphQLInputType, value: Any, path: Path) -> Iterator[Problem]:
    nullable = get_nullable_type(input_type)
    if value is None or isinstance(value, Reference):
        return
    if isinstance(nullable, GraphQLList):
        for item in value if isinstance(value, list) else [value]:
            yield from _problems(nullable.of_type, item, path)
    elif isinstance(nullable, GraphQLInputObjectType):
        yield from _problems_of_object(nullable, value, path)
    else:
        assert is_leaf_type(nullable), "an input is a list, an object or a leaf"
        yield from _problems_of_leaf(nullable, value, path)


def _problems_of_object(named: GraphQLInputObjectType, value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield path, "an object is needed."
        return
    if named.is_one_of and len(value) != 1:
        yield path, f"exactly one is needed of {', '.join(named.fields)}."
    yield from _problems_of_fields(named.fields, value, path)


def _problems_of_leaf(named: GraphQLLeafType, value: Any, path: Path) -> Iterator[Problem]:
    try:
        named.coerce_input_value(value)
    except GraphQLError as error:
        yield path, error.message
