"""Classes of the schema that are made at run time."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import strawberry


def object_type(name: str, description: str, fields: Mapping[str, Any], *, interface: type | None = None) -> type:
    """Return a type whose fields have resolvers, or a type of their own as `graphql_type`."""
    bases = (interface,) if interface else ()
    cls = _new_class(name, bases, fields)
    return strawberry.type(cls, name=name, description=description)


def input_type(name: str, description: str, fields: Mapping[str, tuple[Any, Any]], *, one_of: bool = False) -> type:
    """Return an input type.

    Args:
        name: Its name.
        description: What it is.
        fields: Type and declaration of each field, by name.
        one_of: Whether a client gives exactly one of the fields.
    """
    namespace = {field: declaration for field, (_, declaration) in fields.items()}
    annotations = {field: annotation for field, (annotation, _) in fields.items()}
    cls = _new_class(name, (), {**namespace, "__annotations__": annotations})
    return strawberry.input(cls, name=name, description=description, one_of=one_of)


def payload_type(name: str, description: str, fields: Mapping[str, tuple[Any, str]]) -> type:
    """Return the payload of a mutation: what it made, and `errors`.

    Args:
        name: Its name.
        description: What it is.
        fields: Type and description of each field, by name.
    """
    declarations = {
        field: strawberry.field(description=field_description) for field, (_, field_description) in fields.items()
    }
    annotations = {field: annotation for field, (annotation, _) in fields.items()}
    cls = _new_class(name, (), {**declarations, "__annotations__": annotations})
    return strawberry.type(cls, name=name, description=description)


def root_type(name: str, description: str, parts: list[type], fields: Mapping[str, Any]) -> type:
    """Return a root type that has the fields of its parts and more."""
    return strawberry.type(_new_class(name, tuple(parts), fields), name=name, description=description)


def _new_class(name: str, bases: tuple[type, ...], namespace: Mapping[str, Any]) -> type:
    return types.new_class(name, bases, {}, lambda body: body.update({**namespace, "__module__": __name__}))
