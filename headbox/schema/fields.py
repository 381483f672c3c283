"""Decorators for the fields of the schema: what strawberry's own do, typed, with the type of the API named apart.

A resolver returns rows; which type of the API stands over them, `graphql_type` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from headbox.schema.errors import Expected

ResolverT = TypeVar("ResolverT", bound=Callable[..., Any])


def field(*, description: str, graphql_type: Any) -> Callable[[ResolverT], ResolverT]:
    """Declare a field whose resolver is the decorated function."""
    decorator: Callable[[ResolverT], ResolverT] = strawberry.field(description=description, graphql_type=graphql_type)
    return decorator


def mutation(*, description: str, graphql_type: Any, **empty: Any) -> Callable[[ResolverT], ResolverT]:
    """Declare a mutation; its resolver returns the payload without errors, and raises what is expected to go wrong.

    Args:
        description: What it does.
        graphql_type: Its payload.
        empty: Payload fields that are not null even when nothing was done, with their values.
    """
    decorator: Callable[[ResolverT], ResolverT] = strawberry.mutation(
        description=description, graphql_type=graphql_type, extensions=[Expected(**empty)]
    )
    return decorator


def subscription(*, description: str, graphql_type: Any) -> Callable[[ResolverT], ResolverT]:
    """Declare a subscription; its resolver returns the stream."""
    decorator: Callable[[ResolverT], ResolverT] = strawberry.subscription(
        description=description, graphql_type=graphql_type
    )
    return decorator
