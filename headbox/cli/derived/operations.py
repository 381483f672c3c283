"""The operations of a schema that become commands, and their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_required_argument,
)

_WORD = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]")

Composite = GraphQLObjectType | GraphQLInterfaceType


class Shape(Enum):
    """What an operation returns."""

    #: A payload of a mutation: results by name, and errors.
    PAYLOAD = auto()
    #: A page of nodes.
    CONNECTION = auto()
    #: Objects, all of them.
    LIST = auto()
    #: One object, or null.
    OBJECT = auto()
    #: What something would come to, and errors.
    PLAN = auto()


@dataclass(frozen=True, slots=True)
class Operation:
    """A field of a root type that becomes a command.

    Attributes:
        path: The words of the command, such as ("file", "sync", "create").
        keyword: "query" or "mutation".
        name: Name of the field.
        field: The field.
        shape: What it returns.
        noun: The type that it is about.
    """

    path: tuple[str, ...]
    keyword: str
    name: str
    field: GraphQLField
    shape: Shape
    noun: GraphQLNamedType | None


def kebab(name: str) -> str:
    """Return a name of the API as it is written on a command line: "base-path" of "basePath"."""
    return "-".join(word.lower() for word in _WORD.findall(name))


def noun_path(type_name: str, kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words for a type: those of its kind when a plugin declares it, and its name when it is the core's.

    Args:
        type_name: Name of a GraphQL type.
        kinds: The kinds that plugins declare, such as "file.sync", by the names of their types.
    """
    kind = kinds.get(type_name)
    return tuple(part.replace("_", "-") for part in kind.split(".")) if kind else (kebab(type_name),)


def operations(schema: GraphQLSchema, kinds: Mapping[str, str]) -> Iterator[Operation]:
    """Yield everything of a schema that is a command, in the order of the schema.

    Args:
        schema: The schema.
        kinds: The kinds that plugins declare, such as "file.sync", by the names of their types.
    """
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for name, field in mutations.items():
        verb, noun = _verb_and_noun(name)
        if schema.get_type(noun) is None:
            verb, noun = _of_many(schema, name, verb, noun) or _of_part(schema, verb, noun)
        path = (*noun_path(noun, kinds), verb)
        yield Operation(path, "mutation", name, field, Shape.PAYLOAD, schema.get_type(noun))
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        verb, noun = _verb_and_noun(name)
        if verb == "plan":
            yield Operation((*noun_path(noun, kinds), verb), "query", name, field, Shape.PLAN, schema.get_type(noun))
            continue
        shape, noun_type = _read(field)
        if shape is not None and noun_type is not None:
            listing = "list-all" if name.startswith("all") and name[3:4].isupper() else "list"
            verb = "show" if shape is Shape.OBJECT else listing
            yield Operation((*noun_path(noun_type.name, kinds), verb), "query", name, field, shape, noun_type)


def _verb_and_noun(name: str) -> tuple[str, str]:
    """Return the verb of an operation and the type that it is about, as the operation names it.

    "createFileSync" gives ("create", "FileSync"), "purgeTasks" gives ("purge", "Tasks").
    """
    verb, *noun = _WORD.findall(name)
    return verb, "".join(noun)


def _of_many(schema: GraphQLSchema, name: str, verb: str, noun: str) -> tuple[str, str] | None:
    """Return the verb and the type of a mutation that is about many of them; None when it is not."""
    assert schema.mutation_type is not None, "it has a mutation"
    single = noun.removesuffix("s")
    if schema.get_type(single) is None:
        return None
    # Beside the one that is about a single thing.
    return (f"{verb}-many" if name.removesuffix("s") in schema.mutation_type.fields else verb), single


def _of_part(schema: GraphQLSchema, verb: str, noun: str) -> tuple[str, str]:
    """Return the verb and the type of a mutation that is about a part of it: "updateContentLabels" updates labels."""
    words = _WORD.findall(noun)
    for length in range(len(words) - 1, 0, -1):
        if schema.get_type("".join(words[:length])) is not None:
            return f"{verb}-{kebab(''.join(words[length:]))}", "".join(words[:length])
    return verb, noun


def _read(field: GraphQLField) -> tuple[Shape | None, Composite | None]:
    """Return what a query returns and of which type; no shape when it is no command."""
    required = [argument for argument in field.args.values() if is_required_argument(argument)]
    named = get_named_type(field.type)
    if not isinstance(named, Composite):
        return None, None
    if not required:
        if (node := node_of_connection(named)) is not None:
            return Shape.CONNECTION, node
        return (Shape.LIST, named) if isinstance(get_nullable_type(field.type), GraphQLList) else (None, None)
    is_lookup = len(required) == 1 and not isinstance(get_nullable_type(field.type), GraphQLList)
    is_node = any(interface.name == "Node" for interface in named.interfaces)
    return (Shape.OBJECT, named) if is_lookup and is_node else (None, None)


def node_of_connection(named: GraphQLNamedType) -> Composite | None:
    """Return the type of a connection's nodes, or None when the type is no connection.

    Source: GraphQL Cursor Connections Specification.
    """
    if not isinstance(named, GraphQLObjectType) or not {"edges", "pageInfo"} <= named.fields.keys():
        return None
    edge = get_named_type(named.fields["edges"].type)
    node = get_named_type(edge.fields["node"].type) if isinstance(edge, GraphQLObjectType) else None
    return node if isinstance(node, Composite) else None
