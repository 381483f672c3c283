"""What resolvers are told about the operation that they serve, and how types of other modules are named."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, ForwardRef

import strawberry

from headbox.resolvers.context import Context

Info = strawberry.Info[Context, None]


def lazy(name: str, module: str) -> Any:
    """Return a type of another module of this package, which is looked up only when the schema is built.

    The types of a graph refer to each other in circles; their modules need not.
    """
    return Annotated[ForwardRef(name), strawberry.lazy(f"headbox.schema.{module}")]


def list_of(item: Any) -> Any:
    """Return the type of lists of a type, which may be known at run time only."""
    return GenericAlias(list, (item,))


def read_field(source: Any, name: str) -> Any:
    """Return a field of a row, or of a document that a row holds."""
    return source.get(name) if type(source) is dict else getattr(source, name)
