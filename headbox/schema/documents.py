"""Fields of declared documents as fields of the API."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from enum import Enum
from inspect import cleandoc
from typing import Any, TypeVar, Union

import strawberry
from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from strawberry import UNSET

from headbox.kinds import ContentUnit, Document, PluginInvalid
from headbox.schema import enums
from headbox.schema.info import list_of
from headbox.schema.scalars import JSON, BigInt

TypeT = TypeVar("TypeT", bound=type)
#: Reads a document in a row.
ReadDocument = Callable[[Any], Mapping[str, Any]]

_PLAIN: Mapping[Any, Any] = {str: str, float: float, bool: bool, datetime: datetime, SecretStr: str, Any: JSON}


def description_of(declared: type[Document]) -> str:
    """Return what a declared type says of itself, without its sections on code."""
    return cleandoc(declared.__doc__ or "").partition("\n\nAttributes:")[0]


def api_type(declared: type[Document], name: str) -> Any:
    """Return the type that a field has in the API; `| None` is kept.

    Raises:
        PluginInvalid: It has none.
    """
    annotation = declared.model_fields[name].annotation
    whole = BigInt if issubclass(declared, ContentUnit) else int
    found = _api_type(annotation, whole)
    if found is None:
        where = f"{declared.__module__}.{declared.__name__}.{name}"
        raise PluginInvalid(f"{where} has the type {annotation!r}, which the API does not have.")
    return found


def _api_type(annotation: Any, whole: Any) -> Any:
    if typing.get_origin(annotation) is typing.Annotated:
        # An item of a list: pydantic takes the field's own apart by itself.
        annotation = typing.get_args(annotation)[0]
    if annotation is int:
        return whole
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _api_type_of_class(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not types.NoneType]
        found = _api_type(inner[0], whole) if len(inner) == 1 else None
        return found and (found | None if len(inner) < len(arguments) else found)
    if origin in (list, tuple, set, frozenset):
        item = _api_type(arguments[0], whole)
        return item and list_of(item)
    return JSON if origin is dict else None


def _api_type_of_class(annotation: type) -> Any:
    if issubclass(annotation, Enum):
        if not enums.is_declared(annotation):
            enums.declare(annotation, {})
        return annotation
    return JSON if issubclass(annotation, BaseModel | dict | list) else None


def default_of(field: FieldInfo) -> Any:
    """Return the default of a field as it is stored, or None when it has none."""
    if field.is_required():
        return None
    return TypeAdapter(Any).dump_python(field.get_default(call_default_factory=True), mode="json")


def output_fields(declared: type[Document], read: ReadDocument, *, but: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of a type that stands over rows with such a document; secrets are left out.

    Args:
        declared: The document.
        read: How to read it in a row.
        but: Names of fields to leave out.
    """
    names = (name for name in declared.model_fields if name not in but and name not in declared.secret_fields())
    return {name: _output_field(declared, name, read) for name in names}


def _output_field(declared: type[Document], name: str, read: ReadDocument) -> Any:
    field = declared.model_fields[name]
    # A document that an older version of the plugin wrote may lack it.
    default = default_of(field)

    def resolve(root: strawberry.Parent[Any]) -> Any:
        return read(root).get(name, default)

    return strawberry.field(resolver=resolve, graphql_type=api_type(declared, name), description=field.description)


def input_fields(declared: type[Document], *, is_update: bool = False, but: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of an input: their annotations with defaults, by name.

    Args:
        declared: The document.
        is_update: Whether the input holds changes: every field may be left out, and stays as it is then.
        but: Names of fields to leave out.
    """
    return {name: _input_field(declared, name, is_update) for name in declared.model_fields if name not in but}


def _input_field(declared: type[Document], name: str, is_update: bool) -> tuple[Any, Any]:
    field = declared.model_fields[name]
    annotation = api_type(declared, name)
    if field.is_required() and not is_update:
        return annotation, strawberry.field(description=field.description)
    default = UNSET if is_update else _shown_default(field)
    return annotation | None, strawberry.field(default=default, description=field.description)


def _shown_default(field: FieldInfo) -> Any:
    """Return the default that the schema shows; none is shown where leaving the field out says it all."""
    default = field.default
    return default if isinstance(default, str | int | float | bool) else UNSET


def with_document_fields(declared: type[Document]) -> Callable[[TypeT], TypeT]:
    """Add the fields of a document to a type that is about to be declared; its rows hold it as `document`."""

    def add(cls: TypeT) -> TypeT:
        for name, field in output_fields(declared, read_document).items():
            setattr(cls, name, field)
        return cls

    return add


def read_document(row: Any) -> Mapping[str, Any]:
    """Return the document of a row."""
    document: Mapping[str, Any] = row.document
    return document
