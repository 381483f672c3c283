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
    is_leaf_type,
    is_required_argument,
)

_WORD = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]")

#: The queries that no command is derived of, and why.
NOT_DERIVED = {
    "node": "every `show` takes an id, and knows what it shows",
    "nodes": "every `show` takes an id, and knows what it shows",
    "search": "`headbox search` is written by hand: a row for each match, whatever it is",
    "status": "`headbox status` is written by hand: its exit code tells how the server is",
}

#: Nouns that would stand in the way of a command that is written by hand, `headbox upload`.
_OTHER_NOUNS = {"Upload": "open-upload"}

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
    #: One object with its lists and the beginnings of its connections, or null.
    REPORT = auto()
    #: Plain values.
    VALUES = auto()


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
    if kind:
        return tuple(part.replace("_", "-") for part in kind.split("."))
    return (_OTHER_NOUNS.get(type_name, kebab(type_name)),)


def operations(schema: GraphQLSchema, kinds: Mapping[str, str]) -> Iterator[Operation]:
    """Yield everything of a schema that is a command, in the order of the schema.

    Args:
        schema: The schema.
        kinds: The kinds that plugins declare, such as "file.sync", by the names of their types.
    """
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for name, field in mutations.items():
        yield _of_mutation(schema, kinds, name, field)
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        if name not in NOT_DERIVED:
            yield _of_query(schema, kinds, name, field)


def _of_mutation(schema: GraphQLSchema, kinds: Mapping[str, str], name: str, field: GraphQLField) -> Operation:
    verb, noun = _verb_and_noun(name)
    if schema.get_type(noun) is None:
        verb, noun = _of_many(schema, name, verb, noun) or _of_part(schema, verb, noun)
    return Operation((*noun_path(noun, kinds), verb), "mutation", name, field, Shape.PAYLOAD, schema.get_type(noun))


def _of_query(schema: GraphQLSchema, kinds: Mapping[str, str], name: str, field: GraphQLField) -> Operation:
    verb, noun = _verb_and_noun(name)
    shape, read = _read(field)
    if verb == "plan":
        shape = Shape.PLAN
    elif shape is not None and read is not None:
        listing = "list-all" if name.startswith("all") and name[3:4].isupper() else "list"
        verb, noun = "show" if shape is Shape.OBJECT else listing, read.name
    else:
        shape = _shape(field)
        verb, noun = _of_answer(schema, name)
    return Operation((*noun_path(noun, kinds), verb), "query", name, field, shape, schema.get_type(noun))


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


def _of_answer(schema: GraphQLSchema, name: str) -> tuple[str, str]:
    """Return the verb and the type of a query that neither lists a type nor looks up a node of it.

    "remoteImpact" ends with the verb, "artifact" shows one, "haveArtifacts" begins with the verb. A type may be called
    by its last words: "versionDiff" is about a RepositoryVersion.
    """
    words = _WORD.findall(name[0].upper() + name[1:])
    verb, noun = _of_part(schema, "", "".join(words))
    if noun != "".join(words):
        return verb.removeprefix("-"), noun
    if schema.get_type(noun) is not None:
        return "show", noun
    if schema.get_type("".join(words[1:]).removesuffix("s")) is not None:
        return words[0].lower(), "".join(words[1:]).removesuffix("s")
    ending = [
        type_name for type_name in schema.type_map if type_name.endswith(words[0]) and _is_node(schema, type_name)
    ]
    return kebab("".join(words[1:])), ending[0] if len(ending) == 1 else words[0]


def _is_node(schema: GraphQLSchema, type_name: str) -> bool:
    named = schema.get_type(type_name)
    return isinstance(named, GraphQLObjectType) and any(interface.name == "Node" for interface in named.interfaces)


def _shape(field: GraphQLField) -> Shape:
    """Return what a query returns that neither lists a type nor looks up a node of it."""
    named = get_named_type(field.type)
    if is_leaf_type(named):
        return Shape.VALUES
    return Shape.CONNECTION if node_of_connection(named) is not None else Shape.REPORT


def _read(field: GraphQLField) -> tuple[Shape | None, Composite | None]:
    """Return what a query returns and of which type, where it lists a type or looks up a node of it."""
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
