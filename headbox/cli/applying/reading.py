"""What a thing has now, in the form in which an input would give it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    value_from_ast_untyped,
)

from headbox.cli.derived.operations import Composite
from headbox.cli.derived.references import Lookup


def selection_of(
    schema: GraphQLSchema,
    named: GraphQLObjectType,
    fields: Mapping[str, GraphQLInputField],
    known: Mapping[str, Lookup],
) -> dict[str, str]:
    """Return what to ask for to learn the values of fields, by field.

    A field is shown by the name that it is given by, or as `taskInput` where `task` would be the task itself. What is
    not shown at all is a secret, and missing here.
    """
    found = {}
    for name, field in fields.items():
        shown = next((shown for shown in (name, f"{name}Input") if shown in named.fields), None)
        if shown is None:
            continue
        output = get_named_type(named.fields[shown].type)
        alias = name if shown == name else f"{name}: {shown}"
        if is_leaf_type(output):
            found[name] = alias
        elif isinstance(output, GraphQLUnionType):
            found[name] = f"{alias} {{ __typename {_members(output, known)} }}"
        else:
            assert isinstance(output, Composite), "a field shows a value, an object or one of several"
            found[name] = f"{alias} {{ {_object(schema, output, field, known.get(name))} }}"
    return found


def _members(union: GraphQLUnionType, known: Mapping[str, Lookup]) -> str:
    """Return the fragments for a union: each member says by its one field what is meant."""
    fragments = []
    for member in union.types:
        [(name, field)] = member.fields.items()
        inner = get_named_type(field.type)
        key = known[name].argument if name in known else ""
        shown = f" {key}" if isinstance(inner, Composite) and key in inner.fields else ""
        fragments.append(f"... on {member.name} {{ {name} {{ id{shown} }} }}")
    return " ".join(fragments)


def _object(schema: GraphQLSchema, output: Composite, field: GraphQLInputField, lookup: Lookup | None) -> str:
    if lookup is not None:
        return f"id {lookup.argument}"
    created = _created(field)
    concrete = schema.get_type(created.name.removesuffix("Input")) if created else None
    if created is None or not isinstance(concrete, GraphQLObjectType):
        return "id"
    inner = " ".join(name for name in created.fields if name in concrete.fields)
    return f"id ... on {concrete.name} {{ {inner} }}" if isinstance(output, GraphQLInterfaceType) else f"id {inner}"


def _created(field: GraphQLInputField) -> GraphQLInputObjectType | None:
    """Return what a field takes that may be given by an id or by its values; None for any other."""
    named = get_named_type(field.type)
    if not isinstance(named, GraphQLInputObjectType) or not named.is_one_of or "create" not in named.fields:
        return None
    created = get_named_type(named.fields["create"].type)
    return created if isinstance(created, GraphQLInputObjectType) else None


def as_input(value: Any, field: GraphQLInputField, lookup: Lookup | None) -> Any:
    """Return a value that the API shows as the input that would give it; things are ids.

    Args:
        value: What was selected for the field.
        field: The field of the input.
        lookup: The query that finds what the field names, or None.
    """
    named = get_named_type(field.type)
    if not isinstance(value, dict):
        return value
    if "__typename" in value:
        return {name: inner["id"] for name, inner in value.items() if name != "__typename"}
    if lookup is not None:
        return value["id"] if named is GraphQLID else {"id": value["id"]}
    if _created(field) is not None:
        return {"create": {name: item for name, item in value.items() if name != "id"}}
    return value


def with_defaults(value: Any, given: GraphQLInputType) -> Any:
    """Return a value with the defaults of what is not given in its objects, as the server completes it.

    Args:
        value: The value of an input.
        given: Its type.
    """
    named, inner = get_named_type(given), get_nullable_type(given)
    if isinstance(value, list) and isinstance(inner, GraphQLList):
        return [with_defaults(item, inner.of_type) for item in value]
    if not isinstance(value, dict) or not isinstance(named, GraphQLInputObjectType):
        return value
    defaults = {
        name: value_from_ast_untyped(field.default.literal)
        for name, field in named.fields.items()
        if field.default and field.default.literal
    }
    return defaults | {name: with_defaults(item, named.fields[name].type) for name, item in value.items()}
