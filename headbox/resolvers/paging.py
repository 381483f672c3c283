"""Lists read page by page with keyset cursors: a page at any depth costs what the first one costs.

Every list is ordered by one unique column. A cursor holds that column's value in the row that it stands at.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from tortoise.models import Model

from headbox.errors import Invalid, LimitExceeded
from headbox.filters.conditions import ANY, Condition, every
from headbox.models.database import Connection, fetch, model_from

#: Rows of a page that does not say how many it wants.
DEFAULT_PAGE = 50
#: Most rows of a page.
MAX_PAGE = 500
#: Largest number that a column holds.
MAX_INTEGER = 2**63 - 1
#: Most queries in one UNION: below SQLite's limit of 500.
MAX_UNION = 100

ItemT = TypeVar("ItemT")
ModelT = TypeVar("ModelT", bound=Model)
NodeT_co = TypeVar("NodeT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class PageArguments:
    """Which page: the first ones after a cursor, or the last ones before one."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    @property
    def is_backward(self) -> bool:
        """Whether the page is read from the end of the list."""
        return self.last is not None

    @property
    def size(self) -> int:
        """How many rows.

        Raises:
            Invalid: Both ends are asked for, or fewer rows than none.
            LimitExceeded: More than `MAX_PAGE`.
        """
        if self.first is not None and self.last is not None:
            raise Invalid(field="last", reason="a page has either first or last", path=("last",))
        name = "first" if self.last is None else "last"
        size = DEFAULT_PAGE if self.first is None else self.first
        size = size if self.last is None else self.last
        if size < 0:
            raise Invalid(field=name, reason="it is negative", path=(name,))
        if size > MAX_PAGE:
            raise LimitExceeded(what=f"{name}: {size}", limit=MAX_PAGE, path=(name,))
        return size


@dataclass(frozen=True, slots=True)
class Edge(Generic[NodeT_co]):
    """A row of a page, and where it stands in the list."""

    cursor: str
    node: NodeT_co


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


EdgeT = TypeVar("EdgeT", bound=Edge[Any])


@dataclass(frozen=True, slots=True)
class Page(Generic[EdgeT]):
    """Some rows of a list.

    Attributes:
        edges: The rows, in the order of the list.
        page_info: Where they lie in it.
        listing: The list; None where it is no `Listing`, and its rows cannot be counted.
        count: How many rows the list has, where that is known already or would take long to know.
    """

    edges: list[EdgeT]
    page_info: PageInfo
    listing: Listing | None
    count: Count


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows a list has, when counting them is not the way to know.

    Attributes:
        is_needed: Whether the rows are to be counted when somebody asks.
        known: The number, or None when nobody can know it cheaply.
    """

    is_needed: bool = True
    known: int | None = None


#: Count the rows when somebody asks.
COUNTED = Count()
#: Tell nobody how many rows there are.
UNCOUNTED = Count(is_needed=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that can be read page by page.

    Attributes:
        columns: What is selected of each row.
        source: The FROM clause.
        key: The unique column that orders the list.
        key_name: What the rows call it.
        key_type: What it holds.
        where: Which rows.
        is_descending: Whether the highest key comes first.
        source_parameters: Values of the `?` in the FROM clause.
    """

    columns: str
    source: str
    key: str
    key_name: str
    key_type: type[str] | type[int] | type[UUID] = UUID
    where: Condition = ANY
    is_descending: bool = False
    source_parameters: tuple[Any, ...] = ()

    def cursor(self, row: dict[str, Any]) -> str:
        """Return the cursor that stands at a row."""
        value = row[self.key_name]
        key = value if isinstance(value, int) else str(value)
        return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")

    def _key_in(self, cursor: str, name: str) -> int | str:
        try:
            key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if self.key_type is UUID:
                return str(UUID(key))
            if self.key_type is int and type(key) is int and abs(key) <= MAX_INTEGER:
                return key
            if self.key_type is str and type(key) is str:
                return key
        except (AttributeError, TypeError, ValueError):
            pass
        raise Invalid(field=name, reason="it is no cursor of this list", path=(name,))

    def place(self, cursor: str, name: str) -> int:
        """Return the place that a cursor of a list in memory stands at.

        Args:
            cursor: The cursor.
            name: The argument that holds it.

        Raises:
            Invalid: It is none.
        """
        place = self._key_in(cursor, name)
        assert isinstance(place, int), "the keys of such a list are its places"
        return max(place, -1)

    def _beyond(self, cursor: str | None, name: str, *, is_after: bool) -> Condition:
        if cursor is None:
            return ANY
        operator = "<" if self.is_descending == is_after else ">"
        return Condition(f"{self.key} {operator} ?", (self._key_in(cursor, name),))

    def page(self, arguments: PageArguments) -> Condition:
        """Return the query of a page and one row more, in the order in which it is read.

        Raises:
            Invalid: A cursor is none, or the size is.
            LimitExceeded: The page is too large.
        """
        where = every(
            [
                self.where,
                self._beyond(arguments.after, "after", is_after=True),
                self._beyond(arguments.before, "before", is_after=False),
            ]
        )
        direction = "DESC" if self.is_descending != arguments.is_backward else "ASC"
        return Condition(
            f"SELECT {self.columns} FROM {self.source} WHERE {where.sql} ORDER BY {self.key} {direction} LIMIT ?",  # noqa: S608
            (*self.source_parameters, *where.parameters, arguments.size + 1),
        )

    def rows(self) -> Condition:
        """Return the query that counts the rows of the list, as `row_count`."""
        return Condition(
            f"SELECT COUNT(*) AS row_count FROM {self.source} WHERE {self.where.sql}",  # noqa: S608
            (*self.source_parameters, *self.where.parameters),
        )


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[EdgeT]):
    """A page that somebody wants.

    Attributes:
        query: See `Listing.page`.
        edge: Makes an edge of a cursor and a row.
    """

    listing: Listing
    arguments: PageArguments
    query: Condition
    edge: Callable[[str, dict[str, Any]], EdgeT]
    count: Count

    def page(self, rows: list[dict[str, Any]]) -> Page[EdgeT]:
        """Return the page that these rows make: those of the query, one too many where there is more."""
        size = self.arguments.size
        has_more = len(rows) > size
        rows = rows[:size]
        if self.arguments.is_backward:
            rows.reverse()
        edges = [self.edge(self.listing.cursor(row), row) for row in rows]
        page_info = PageInfo(
            # On the side that was not read towards lies at least the cursor's own row.
            has_next_page=self.arguments.before is not None if self.arguments.is_backward else has_more,
            has_previous_page=has_more if self.arguments.is_backward else self.arguments.after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return Page(edges, page_info, self.listing, self.count)


def request(
    listing: Listing,
    arguments: PageArguments,
    edge: Callable[[str, dict[str, Any]], EdgeT],
    count: Count = COUNTED,
) -> PageRequest[EdgeT]:
    """Return the request for a page.

    Raises:
        Invalid: A cursor is none, or the size is.
        LimitExceeded: The page is too large.
    """
    return PageRequest(listing, arguments, listing.page(arguments), edge, count)


def page_of(items: Sequence[ItemT], arguments: PageArguments, *, known: int) -> Page[Edge[ItemT]]:
    """Return a page of what is in memory, in its order and read forward.

    Args:
        items: The beginning of the list.
        arguments: Which page: `first` and `after`.
        known: How many the whole list has.

    Raises:
        Invalid: The cursor is none, or the size is.
        LimitExceeded: The page is too large.
    """
    listing = Listing("", "", "", "place", key_type=int)
    start = listing.place(arguments.after, "after") + 1 if arguments.after is not None else 0
    edges = [
        Edge(listing.cursor({"place": place}), item)
        for place, item in enumerate(items[start : start + arguments.size], start)
    ]
    page_info = PageInfo(
        has_next_page=start + len(edges) < len(items),
        has_previous_page=arguments.after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Page(edges, page_info, listing, Count(is_needed=False, known=known))


def edges_of(model: type[ModelT]) -> Callable[[str, dict[str, Any]], Edge[ModelT]]:
    """Return what makes edges of rows that hold all columns of a model."""
    return lambda cursor, row: Edge(cursor, model_from(model, row))


async def read_pages(connection: Connection, requests: Sequence[PageRequest[Any]]) -> list[Page[Any]]:
    """Read pages, with one query for all that select the same columns."""
    found: list[list[dict[str, Any]]] = [[] for _ in requests]
    for batch in _batches(requests, lambda wanted: wanted.listing.columns):
        for index, row in await _union(connection, [(index, wanted.query) for index, wanted in batch]):
            found[index].append(row)
    return [wanted.page(rows) for wanted, rows in zip(requests, found, strict=True)]


async def count_rows(connection: Connection, listings: Sequence[Listing]) -> list[int]:
    """Return how many rows each list has, with one query for many."""
    counts = [0] * len(listings)
    for batch in _batches(listings, lambda _: None):
        for index, row in await _union(connection, [(index, listing.rows()) for index, listing in batch]):
            counts[index] = row["row_count"]
    return counts


async def _union(connection: Connection, queries: Sequence[tuple[int, Condition]]) -> list[tuple[int, dict[str, Any]]]:
    """Run queries that select the same columns as one; return their rows, each with the number of its query."""
    statement = " UNION ALL ".join(
        f"SELECT {number} AS query_number, part_{number}.* FROM ({query.sql}) AS part_{number}"  # noqa: S608
        for number, query in queries
    )
    parameters = [parameter for _, query in queries for parameter in query.parameters]
    return [(row["query_number"], row) for row in await fetch(connection, statement, parameters)]


def _batches(items: Sequence[ItemT], shape: Callable[[ItemT], Any]) -> Iterator[list[tuple[int, ItemT]]]:
    """Yield the items of each shape with their indexes, at most `MAX_UNION` at a time."""
    groups: defaultdict[Any, list[tuple[int, ItemT]]] = defaultdict(list)
    for index, item in enumerate(items):
        groups[shape(item)].append((index, item))
    for group in groups.values():
        for start in range(0, len(group), MAX_UNION):
            yield group[start : start + MAX_UNION]
