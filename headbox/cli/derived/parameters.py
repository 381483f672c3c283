"""Options of derived commands, from the arguments and input objects of an operation.

A field of an input is an option. One that takes an object takes it as JSON (`--remote '{"create": {…}}'`), and each
field of the object is an option too (`--remote.create.url URL`). Where an object has an `id`, or needs one text, that
alone will do: `--remote centos`, `--distribution mirrors/centos`. Lists are options that may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLNamedType,
    GraphQLNonNull,
    get_named_type,
    value_from_ast_untyped,
)

from headbox.cli.derived.checking import check
from headbox.cli.derived.names import Complete, completing
from headbox.cli.derived.operations import Composite, Operation, kebab
from headbox.cli.derived.references import Lookup
from headbox.cli.derived.values import Convert, choice, constant, converter, is_json, is_list, short_form

#: Arguments whose fields are the options themselves.
_TRANSPARENT = frozenset({"input", "filter"})
#: Options that every derived command has, or may have, for itself.
_RESERVED = frozenset({"server", "output", "watch", "unset", "help"})
#: How deep the fields of objects within objects become options.
_MAX_DEPTH = 3

InputField = GraphQLArgument | GraphQLInputField


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option or argument, and where its value goes.

    Attributes:
        click: The parameter of the command.
        path: Where the value stands in the variables, outermost first.
        convert: Makes what is sent of what click gives.
        is_nullable: Whether null may be sent.
    """

    click: click.Parameter
    path: tuple[str, ...]
    convert: Convert
    is_nullable: bool


def parameters(operation: Operation, lookups: Mapping[str, Lookup]) -> tuple[Parameter, ...]:
    """Return the parameters of the command of an operation, those that are required first.

    Args:
        operation: The operation.
        lookups: The queries that find a node by a name, by the names of the root fields.
    """
    found = _Walk(operation, lookups).operation()
    return tuple(sorted(found, key=lambda parameter: not parameter.click.required))


def variables(operation: Operation, known: tuple[Parameter, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of an operation; where names may stand for ids, they hold references.

    Args:
        operation: The operation.
        known: Its parameters.
        values: What click parsed, by the names of its parameters; None and () are what was not given.

    Raises:
        click.UsageError: A value cannot be read, two contradict each other, or something is missing.
    """
    tree: dict[str, Any] = {"input": {}} if "input" in operation.field.args else {}
    for parameter in known:
        value = values[str(parameter.click.name)]
        if value is not None and value != ():
            put(tree, parameter.path, parameter.convert(value))
    check(operation, {parameter.path: _written(parameter.click) for parameter in known}, tree)
    return tree


def put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value within nested objects, which are made where they are missing.

    Raises:
        click.UsageError: Something on the way is given and is no object.
    """
    *outer, last = path
    for name in outer:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise click.UsageError(f"{'.'.join(path)!r} contradicts what is given for {name!r}.")
    tree[last] = value


def option_name(parameter: click.Parameter) -> str:
    """Return the name of a parameter as it is written, without dashes: "remote.create.url"."""
    return parameter.opts[0].lstrip("-")


def _written(parameter: click.Parameter) -> str:
    """Return a parameter as people write it: "--remote.create.url", or "NAME_OR_ID" of an argument."""
    return parameter.opts[0] if isinstance(parameter, click.Option) else str(parameter.metavar)


class _Walk:
    """The way through the inputs of an operation."""

    def __init__(self, operation: Operation, lookups: Mapping[str, Lookup]) -> None:
        self._operation = operation
        self._lookups = lookups

    def operation(self) -> Iterator[Parameter]:
        for name, argument in self._operation.field.args.items():
            named = get_named_type(argument.type)
            if name in _TRANSPARENT and isinstance(named, GraphQLInputObjectType):
                for inner, field in named.fields.items():
                    words = (name, inner) if inner in _RESERVED else (inner,)
                    yield from self._field((name, inner), words, field, (named,))
            else:
                yield from self._field((name,), (name,), argument, ())

    def _field(
        self, path: tuple[str, ...], words: tuple[str, ...], field: InputField, within: tuple[GraphQLNamedType, ...]
    ) -> Iterator[Parameter]:
        """Yield the parameter of a field, and those of the fields of its object.

        Args:
            path: Where its value stands in the variables.
            words: The words of the option.
            field: The field.
            within: The input types that it is in: one that has itself as a field is not followed for ever.
        """
        lookup = self._lookup(words)
        is_nullable = not isinstance(field.type, GraphQLNonNull)
        named = get_named_type(field.type)
        inner_fields = (
            _fields(named) if not is_list(field.type) and named not in within and len(words) < _MAX_DEPTH else {}
        )
        # An object within an object is given by its fields, or as a part of the outer one.
        if len(words) == 1 or not inner_fields:
            yield Parameter(self._click(words, field, lookup), path, converter(field.type, lookup), is_nullable)
        for name, inner in inner_fields.items():
            yield from self._field((*path, name), (*words, name), inner, (*within, named))

    def _lookup(self, words: tuple[str, ...]) -> Lookup | None:
        """Return the query that finds by name what an option of these words takes the id of."""
        if words != ("id",):
            return self._lookups.get(words[-1])
        noun = self._operation.noun
        names = [noun.name, *(interface.name for interface in noun.interfaces)] if isinstance(noun, Composite) else []
        roots = (name[0].lower() + name[1:] for name in names)
        return next((self._lookups[root] for root in roots if root in self._lookups), None)

    def _click(self, words: tuple[str, ...], field: InputField, lookup: Lookup | None) -> click.Parameter:
        name = "__".join(words)
        named = get_named_type(field.type)
        is_required = isinstance(field.type, GraphQLNonNull) and field.default is None and len(words) == 1
        if words == ("id",) or (self._operation.path[-1] == "show" and is_required):
            known = lookup or self._lookups.get(self._operation.name)
            metavar = known.metavar if known else constant(words[-1]).upper()
            return click.Argument([name], metavar=metavar, shell_complete=_complete(known))
        if named is GraphQLBoolean:
            off = ".".join([*map(kebab, words[:-1]), f"no-{kebab(words[-1])}"])
            return click.Option([name, f"--{_option(words)}/--{off}"], default=None, help=_help(field))
        many = is_list(field.type)
        return click.Option(
            [name, f"--{_option((*words[:-1], _singular(words[-1])) if many else words)}"],
            type=_click_type(named),
            multiple=many or is_json(named),
            required=is_required and not isinstance(named, GraphQLInputObjectType),
            metavar=_metavar(named, lookup),
            help=_help(field),
            shell_complete=_complete(lookup),
        )


def _fields(named: GraphQLNamedType) -> dict[str, GraphQLInputField]:
    """Return the fields of an object that become options; the id of a choice is what its own option takes."""
    if not isinstance(named, GraphQLInputObjectType):
        return {}
    return {name: field for name, field in named.fields.items() if not (named.is_one_of and name == "id")}


def _option(words: tuple[str, ...]) -> str:
    return ".".join(map(kebab, words))


def _singular(word: str) -> str:
    """Return the name of one of a list: each `--distribution` adds one to `distributions`."""
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


def _click_type(named: GraphQLNamedType) -> click.ParamType[Any]:
    if isinstance(named, GraphQLEnumType):
        return click.Choice([choice(value) for value in named.values], case_sensitive=False)
    if named is GraphQLInt or named.name == "BigInt":
        return click.INT
    return click.FLOAT if named is GraphQLFloat else click.STRING


def _complete(lookup: Lookup | None) -> Complete | None:
    return completing(lookup.listing) if lookup and lookup.listing else None


def _metavar(named: GraphQLNamedType, lookup: Lookup | None) -> str | None:
    id_metavar = lookup.metavar if lookup else "ID"
    if isinstance(named, GraphQLInputObjectType):
        form = short_form(named)
        short = id_metavar if named.is_one_of else form and form.metavar
        return f"{short}|JSON" if form else "JSON"
    if is_json(named):
        return "NAME=VALUE|JSON"
    return id_metavar if named is GraphQLID else None


def _help(field: InputField) -> str:
    text = " ".join((field.description or "").split())
    default = value_from_ast_untyped(field.default.literal) if field.default and field.default.literal else None
    if default in (None, [], False):
        return text
    shown = choice(str(default)) if isinstance(get_named_type(field.type), GraphQLEnumType) else default
    shown = "yes" if default is True else shown
    return f"{text}  [default: {shown}]"
