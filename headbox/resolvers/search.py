"""Search: by the beginning of a name, a path or a digest, across everything that has one.

Each place to look in has an index that gives its matches in order. A page goes through the places one after the other;
its cursors say in which of them it stands, and where.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from strawberry.dataloader import DataLoader
from tortoise.models import Model

from headbox.errors import Invalid, LimitExceeded
from headbox.filters.conditions import ANY, Condition, every, is_findable, one_of, starts_with
from headbox.models import Content, Distribution, Remote, Repository
from headbox.models.database import Connection, fetch, json_field
from headbox.resolvers.context import Context
from headbox.resolvers.paging import MAX_INTEGER, UNCOUNTED, Edge, Page, PageArguments, PageInfo
from headbox.types import MAX_PATH_BYTES

#: Longest text that is looked for, in characters: nothing that an index holds is longer.
MAX_TEXT = MAX_PATH_BYTES
#: Fewest digits of a digest: shorter ones would rather be the beginning of a name.
MIN_DIGITS = 8
#: What may stand before a digest.
_ALGORITHM = "sha256:"
_HEXADECIMAL = frozenset("0123456789abcdef")


class MatchedBy(StrEnum):
    """What of a thing begins with the text that was looked for."""

    NAME = "name"
    BASE_PATH = "base_path"
    SHA256 = "sha256"
    RELATIVE_PATH = "relative_path"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class FoundEdge(Edge[Any]):
    """Something that was found, and by what."""

    matched_by: MatchedBy
    matched: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look.

    Attributes:
        name: Its name in cursors.
        matched_by: What is looked at.
        model: What is found there.
        source: The FROM clause.
        text: The column or expression that is looked at; with `tie`, an index orders by it.
        tie: A unique column that orders what has the same text.
        tie_type: What it holds.
        id: The id of what is found.
        prefix: What the text begins with.
        where: Which rows.
    """

    name: str
    matched_by: MatchedBy
    model: type[Model]
    source: str
    text: str
    tie: str
    tie_type: type[int] | type[UUID]
    id: str
    prefix: str
    where: Condition

    def read_tie(self, tie: str) -> int | str:
        """Return the value of `tie` in a row, so that values are ordered as the database orders them."""
        return int(tie) if self.tie_type is int else tie

    def query(self, after: Position | None, limit: int) -> Condition:
        """Return the query of the first matches, or of those behind one of them."""
        beyond = [starts_with(self.text, self.prefix), self.where]
        if after is not None:
            key = (after.text, after.text, after.tie)
            beyond.append(Condition(f"{self.text} >= ? AND ({self.text} > ? OR {self.tie} > ?)", key))
        where = every(beyond)
        return Condition(
            f"SELECT '{self.name}' AS place, {self.text} AS found, CAST({self.tie} AS TEXT) AS tie,"  # noqa: S608
            f" CAST({self.id} AS TEXT) AS node_id"
            f" FROM {self.source} WHERE {where.sql} ORDER BY {self.text}, {self.tie} LIMIT {limit}",
            where.parameters,
        )


@dataclass(frozen=True, slots=True)
class Position:
    """Where a cursor stands: in a place, at a text, and among what has the same."""

    place: str
    text: str
    tie: int | str

    def __str__(self) -> str:
        document = orjson.dumps([self.place, self.text, self.tie])
        return base64.urlsafe_b64encode(document).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str, places: Sequence[Place]) -> Position:
        """Return the position that a cursor stands for.

        Raises:
            Invalid: It is no cursor of this search.
        """
        try:
            name, text, tie = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            [place] = [place for place in places if place.name == name]
            is_text = isinstance(text, str) and is_findable(text)
            if is_text and place.tie_type is UUID:
                return cls(name, text, str(UUID(tie)))
            if is_text and type(tie) is int and abs(tie) <= MAX_INTEGER:
                return cls(name, text, tie)
        except (AttributeError, TypeError, ValueError):
            pass
        raise Invalid(field="after", reason="it is no cursor of this search", path=("after",))


async def page(context: Context, text: str, arguments: PageArguments) -> Page[FoundEdge]:
    """Return a page of what begins with a text, by where it was found, and then by what begins with it.

    A thing comes once for each of its names and paths that match.

    Raises:
        LimitExceeded: The text is longer than anything that could be found, or the page is too large.
        Invalid: The cursor is none of this search.
    """
    wanted = text.strip()
    if len(wanted) > MAX_TEXT:
        raise LimitExceeded(what="The length of the text", limit=MAX_TEXT, path=("text",))
    size = arguments.size
    places = list(_places(context, wanted)) if wanted and is_findable(wanted) else []
    names = [place.name for place in places]
    after = None
    if arguments.after is not None:
        after = Position.read(arguments.after, places)
        places = places[names.index(after.place) :]
    rows = await _read(context.connection, places, after, size + 1)
    edges = await asyncio.gather(*(_edge(context, row) for row in rows[:size]))
    info = PageInfo(
        has_next_page=len(rows) > size,
        has_previous_page=after is not None,
        start_cursor=str(rows[0].position) if edges else None,
        end_cursor=str(rows[len(edges) - 1].position) if edges else None,
    )
    return Page([edge for edge in edges if edge is not None], info, None, UNCOUNTED)


@dataclass(frozen=True, slots=True)
class _Row:
    """A match."""

    place: Place
    position: Position
    node_id: UUID


async def _read(connection: Connection, places: Sequence[Place], after: Position | None, limit: int) -> list[_Row]:
    """Return the first matches, in order, with one query: of each place, it reads no more than are wanted of all."""
    if not places:
        return []
    queries = [place.query(after if after and after.place == place.name else None, limit) for place in places]
    statement = " UNION ALL ".join(f"SELECT * FROM ({query.sql}) AS part_{n}" for n, query in enumerate(queries))  # noqa: S608
    parameters = [parameter for query in queries for parameter in query.parameters]
    order = {place.name: number for number, place in enumerate(places)}
    found = [
        _Row(place, Position(place.name, row["found"], place.read_tie(row["tie"])), UUID(row["node_id"]))
        for row in await fetch(connection, statement, parameters)
        for place in [places[order[row["place"]]]]
    ]
    # Texts of Python are in the order of their characters, and those of the databases in that of their bytes in UTF-8,
    # which is the same; so are identifiers as texts.
    found.sort(key=lambda row: (order[row.place.name], row.position.text, row.position.tie))
    return found[:limit]


async def _edge(context: Context, row: _Row) -> FoundEdge | None:
    """Return the edge of a match; None where it was deleted a moment ago."""
    loaders: dict[type[Model], DataLoader[UUID, Any]] = {
        Content: context.loaders.content,
        Distribution: context.loaders.distribution,
        Remote: context.loaders.remote,
        Repository: context.loaders.repository,
    }
    node = await loaders[row.place.model].load(row.node_id)
    if node is None:
        return None
    return FoundEdge(str(row.position), node, row.place.matched_by, row.position.text)


def _places(context: Context, text: str) -> Iterator[Place]:
    """Yield where a text is looked for, in the order in which it is found."""
    kinds = context.types.kinds_of
    yield _named("repository", Repository, text, one_of("repository.kind", kinds(Repository)))
    alive = Condition("remote.deleted_at IS NULL")
    yield _named("remote", Remote, text, alive & one_of("remote.kind", kinds(Remote)))
    yield _named("distribution", Distribution, text, ANY)
    yield Place(
        "base_path", MatchedBy.BASE_PATH, Distribution, "distribution", "distribution.base_path", "distribution.id",
        UUID, "distribution.id", text, ANY,
    )  # fmt: skip
    installed = one_of("content.kind", kinds(Content))
    digest = text.lower().removeprefix(_ALGORITHM)
    if len(digest) >= MIN_DIGITS and _HEXADECIMAL.issuperset(digest):
        yield _of_files("sha256", MatchedBy.SHA256, digest, installed)
    yield _of_files("relative_path", MatchedBy.RELATIVE_PATH, text, installed)
    for unit in context.registry.contents:
        for field in unit.searched_fields():
            if field.is_text:
                expression = json_field(context.connection, "content.document", field.name)
                yield Place(
                    f"{field.kind}:{field.name}", MatchedBy.FIELD, Content, "content", expression, "content.id",
                    UUID, "content.id", text, Condition(f"content.kind = '{field.kind}'"),
                )  # fmt: skip


def _named(table: str, model: type[Model], text: str, where: Condition) -> Place:
    return Place(table, MatchedBy.NAME, model, table, f"{table}.name", f"{table}.id", UUID, f"{table}.id", text, where)


def _of_files(column: str, matched_by: MatchedBy, text: str, installed: Condition) -> Place:
    return Place(
        column,
        matched_by,
        Content,
        # SQLite never changes the order of a CROSS JOIN.
        "content_artifact file CROSS JOIN content",
        f"file.{column}",
        "file.id",
        int,
        "content.id",
        text,
        Condition("content.id = file.content_id") & installed,
    )
