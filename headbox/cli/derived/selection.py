"""What a derived command asks for: the plain fields of a type, and those of the objects beside it."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
)

from headbox.cli.derived.operations import Composite, Operation, Shape, node_of_connection

#: How many nodes of each connection of a plan are asked for.
SHOWN_NODES = 20

_ERRORS = "errors { code message path hint retryable }"


def selection(operation: Operation) -> str:
    """Return the selection set of an operation, in braces; empty where it returns plain values."""
    named = get_named_type(operation.field.type)
    if operation.shape is Shape.PAYLOAD:
        assert isinstance(named, GraphQLObjectType), "a payload is an object"
        results = [
            f"{name} {_object(field.type, depth=1)}"
            for name, field in named.fields.items()
            if name != "errors" and _is_composite(field)
        ]
        return f"{{ {' '.join([*results, *_plain(named), _ERRORS])} }}"
    if operation.shape in {Shape.PLAN, Shape.REPORT}:
        assert isinstance(named, GraphQLObjectType), "a plan is an object, and so is a report"
        errors = [_ERRORS] if operation.shape is Shape.PLAN else []
        return f"{{ {' '.join([*_plain(named), *_parts(named), *errors])} }}"
    if operation.shape is Shape.CONNECTION:
        node = node_of_connection(named)
        assert node is not None, "a connection has nodes"
        edge = "".join(f"{name} " for name in edge_fields(named))
        return f"{{ edges {{ {edge}node {_object(node, depth=1)} }} pageInfo {{ hasNextPage endCursor }} }}"
    if operation.shape is Shape.VALUES:
        return ""
    return _object(operation.field.type, depth=1)


def edge_fields(connection: GraphQLNamedType) -> list[str]:
    """Return the plain fields that the edges of a connection have beside their nodes and cursors."""
    assert isinstance(connection, GraphQLObjectType), "a connection is an object"
    edge = get_named_type(connection.fields["edges"].type)
    assert isinstance(edge, GraphQLObjectType), "an edge is an object"
    return [name for name in _plain(edge) if name != "cursor"]


def _object(output: GraphQLOutputType, depth: int) -> str:
    named = get_named_type(output)
    if isinstance(named, GraphQLUnionType):
        # The members of a union say which object is meant: they are nothing without it.
        members = " ".join(f"... on {member.name} {_object(member, max(depth, 1))}" for member in named.types)
        return f"{{ __typename {members} }}"
    assert isinstance(named, Composite)
    fields = [*_plain(named), *_paths(named), *(_nested(named, depth - 1) if depth else ())]
    return f"{{ {' '.join(fields) or '__typename'} }}"


def _plain(named: Composite) -> Iterator[str]:
    for name, field in named.fields.items():
        if is_leaf_type(get_named_type(field.type)) and not _needs_arguments(field):
            yield name


def _paths(named: Composite) -> Iterator[str]:
    """Yield the paths of what an object of some type consists of: people know it by them, whatever it is."""
    if not isinstance(named, GraphQLInterfaceType):
        return
    for name, field in named.fields.items():
        is_list = isinstance(get_nullable_type(field.type), GraphQLList)
        inner = get_named_type(field.type)
        if is_list and isinstance(inner, Composite) and "relativePath" in inner.fields and not _needs_arguments(field):
            yield f"{name} {{ relativePath }}"


def _nested(named: Composite, depth: int) -> Iterator[str]:
    for name, field in named.fields.items():
        is_list = isinstance(get_nullable_type(field.type), GraphQLList)
        if _is_composite(field) and not is_list and not _needs_arguments(field):
            yield f"{name} {_object(field.type, depth)}"


def _parts(named: Composite) -> Iterator[str]:
    """Yield what a plan consists of: objects, lists of them, and the first nodes of its connections."""
    for name, field in named.fields.items():
        inner = get_named_type(field.type)
        if name == "errors" or is_leaf_type(inner) or _needs_arguments(field):
            continue
        if (node := node_of_connection(inner)) is not None:
            yield f"{name}(first: {SHOWN_NODES}) {{ totalCount edges {{ node {_with_lists(node)} }} }}"
        else:
            is_list = isinstance(get_nullable_type(field.type), GraphQLList)
            yield f"{name} {_object(field.type, depth=1 if is_list else 0)}"


def _with_lists(named: Composite) -> str:
    """Return the plain fields of a type, and those of the lists that it has."""
    lists = (
        f"{name} {_object(field.type, depth=0)}"
        for name, field in named.fields.items()
        if _is_composite(field) and isinstance(get_nullable_type(field.type), GraphQLList)
    )
    return f"{{ {' '.join([*_plain(named), *lists])} }}"


def _is_composite(field: GraphQLField) -> bool:
    named = get_named_type(field.type)
    return not is_leaf_type(named) and node_of_connection(named) is None


def _needs_arguments(field: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in field.args.values())
