"""What people write for the values of inputs, and what is sent for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import click
import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLScalarType,
    GraphQLString,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
)

from headbox.cli.derived.references import Lookup, Reference

#: Makes what is sent of what click gives.
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ShortForm:
    """A text that may stand for an object.

    Attributes:
        fields: Names of the one or two fields that it gives.
        metavar: How it is written.
    """

    fields: tuple[str, ...]
    metavar: str


def short_form(named: GraphQLInputObjectType) -> ShortForm | None:
    """Return the text that may stand for an object of a type, or None when it must be written as JSON.

    A choice with an `id` is given by the id; an object that needs one text, by that text; a key and its value, as
    KEY=VALUE.
    """
    if named.is_one_of:
        return ShortForm(("id",), "ID") if "id" in named.fields else None
    texts = [name for name, field in named.fields.items() if get_nullable_type(field.type) is GraphQLString]
    required = [name for name, field in named.fields.items() if is_required_input_field(field) and name != "value"]
    if len(required) != 1 or required[0] not in texts:
        return None
    fields = (*required, "value") if "value" in texts else (*required,)
    return ShortForm(fields, "=".join(constant(name).upper() for name in fields))


def constant(name: str) -> str:
    """Return the name of a field or an enum value in lower case, with "_" between words: "base_path" of "basePath"."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def choice(value: str) -> str:
    """Return an enum value as it is written on a command line: "on-demand" of "ON_DEMAND"."""
    return value.lower().replace("_", "-")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question after the name that was meant, to stand behind a sentence; nothing where none is near."""
    by_folded = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_folded, n=1)
    return f": did you mean {by_folded[found[0]]!r}?" if found else ""


def is_list(input_type: GraphQLInputType) -> bool:
    """Tell whether a type is a list."""
    return isinstance(get_nullable_type(input_type), GraphQLList)


def is_json(named: GraphQLNamedType) -> bool:
    """Tell whether a type is the scalar of any JSON value."""
    return isinstance(named, GraphQLScalarType) and named.name == "JSON"


def converter(input_type: GraphQLInputType, lookup: Lookup | None) -> Convert:
    """Return what makes the value of an input of the value that click gives.

    Args:
        input_type: Type of the input.
        lookup: The query that finds what an id in it may be named by, or None.
    """
    convert = _converter_of_one(get_named_type(input_type), lookup)
    if is_list(input_type):
        return lambda values: [convert(value) for value in values]
    return convert


def _converter_of_one(named: GraphQLNamedType, lookup: Lookup | None) -> Convert:
    if isinstance(named, GraphQLEnumType):
        return {choice(value): value for value in named.values}.__getitem__
    if isinstance(named, GraphQLInputObjectType):
        return lambda text: _read_object(text, named, lookup)
    if named is GraphQLID and lookup is not None:
        return lambda text: Reference(text, lookup)
    return _read_json if is_json(named) else lambda value: value


def _read_object(text: str, named: GraphQLInputObjectType, lookup: Lookup | None) -> Any:
    """Read an object from JSON or from its short form."""
    if text.lstrip().startswith("{"):
        return _parse(text)
    form = short_form(named)
    if form is None:
        raise click.UsageError(f"{text!r} must be a JSON object: a {named.name}.")
    if form.fields == ("id",):
        return {"id": Reference(text, lookup) if lookup else text}
    return dict(zip(form.fields, text.split("=", len(form.fields) - 1), strict=False))


def _read_json(texts: tuple[str, ...]) -> Any:
    """Read a JSON value, or an object from words such as NAME=VALUE."""
    if len(texts) == 1 and ("=" not in texts[0] or texts[0].lstrip().startswith(("{", "[", '"'))):
        return _parse(texts[0])
    pairs = [text.partition("=") for text in texts]
    if any(not separator for _, separator, _ in pairs):
        raise click.UsageError(f"{' '.join(texts)!r} is neither JSON nor NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _parse(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"{text!r} is not JSON: {error}.") from error
