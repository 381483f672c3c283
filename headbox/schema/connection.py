"""Connections: lists that are read page by page."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET

from headbox.resolvers.paging import Page, PageArguments
from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.schema.scalars import BigInt

NodeT = TypeVar("NodeT")

First = Annotated[
    int | None,
    strawberry.argument(description="How many from the start, or from behind `after`: at most 500, 50 when left out."),
]
After = Annotated[str | None, strawberry.argument(description="Cursor behind which the page starts.")]
Last = Annotated[
    int | None,
    strawberry.argument(description="How many before the end, or before `before`: at most 500; not with `first`."),
]
Before = Annotated[str | None, strawberry.argument(description="Cursor before which the page ends.")]


def page_arguments(
    first: int | None, after: str | None, last: int | None = None, before: str | None = None
) -> PageArguments:
    """Return the arguments of a page as a client gave them; those that it left out are None."""
    given = {"first": first, "after": after, "last": last, "before": before}
    return PageArguments(**{name: value for name, value in given.items() if value is not UNSET})  # type: ignore[arg-type]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """See `resolvers.paging.PageInfo`."""

    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether some come before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first one; null when the page is empty.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last one; null when the page is empty.")


@strawberry.type(description="One of a list, and where it stands in it.")
class Edge(Generic[NodeT]):
    """See `resolvers.paging.Edge`."""

    cursor: str = strawberry.field(description="Where it stands: for `after` and `before`; opaque.")
    node: NodeT = strawberry.field(description="What stands there.")


@strawberry.type
class ConnectionFields:
    """What all connections have besides their edges."""

    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")

    @field(
        description="How many the whole list has; null where that can't be known cheaply.",
        graphql_type=BigInt | None,
    )
    @staticmethod
    async def total_count(root: strawberry.Parent[Page[Any]], info: Info) -> int | None:
        if root.count.is_needed and root.listing is not None:
            return await info.context.loaders.row_count.load(root.listing)
        return root.count.known


@strawberry.type(name="Connection", description="A page of a list.")
class Connection(ConnectionFields, Generic[NodeT]):
    """See `resolvers.paging.Page`."""

    edges: list[Edge[NodeT]] = strawberry.field(description="What the page has, in the order of the list.")


def connection_of(node_type: Any) -> Any:
    """Return the type of the connections to a type, which may be known at run time only."""
    return Connection[node_type]
