"""Where content is: in which versions, and at which addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from headbox.filters.conditions import Condition, every, one_of
from headbox.models import Content, Distribution, Membership, Repository
from headbox.models.database import model_from
from headbox.resolvers import distribution as distributions
from headbox.resolvers.context import Context
from headbox.resolvers.paging import COUNTED, Edge, Listing, Page, PageArguments, edges_of, request

# Distributions are few, and their versions are looked up once: a repository may have a version for each hour of years.
_SERVED = (
    "WITH served AS MATERIALIZED ("
    " SELECT distribution.id AS distribution_id, distribution.base_path, publication.id AS publication_id,"
    "        version.repository_id, version.number"
    " FROM distribution JOIN publication ON publication.id = distribution.serving_id"
    " JOIN repository_version version ON version.id = publication.repository_version_id)"
)
_PLACE = "served.distribution_id, file.relative_path, served.base_path || '/' || file.relative_path AS place"
# What a publication brings itself is served in the place of what its version has there.
_OF_CONTENT = (
    f"SELECT {_PLACE} FROM content_artifact file CROSS JOIN membership member CROSS JOIN served"  # noqa: S608
    " WHERE {condition} AND member.content_id = file.content_id AND served.repository_id = member.repository_id"
    " AND served.number >= member.added_in AND (member.removed_in IS NULL OR served.number < member.removed_in)"
    " AND NOT EXISTS (SELECT 1 FROM published_file own WHERE own.publication_id = served.publication_id"
    "                 AND own.relative_path = file.relative_path)"
)
_OF_PUBLICATIONS = (
    f"SELECT {_PLACE} FROM published_file file CROSS JOIN served"  # noqa: S608
    " WHERE file.sha256 = ? AND served.publication_id = file.publication_id"
)


@dataclass(frozen=True, slots=True)
class ServedEdge(Edge[Distribution]):
    """A distribution that serves a file, and where below its base path."""

    relative_path: str

    def url(self, context: Context) -> str:
        """Return the address of the file."""
        return distributions.url(context, self.node) + quote(self.relative_path)


async def memberships(context: Context, content: Content, arguments: PageArguments) -> Page[Edge[Membership]]:
    """Return a page of the intervals of versions that hold a content unit, in the order of their making."""
    # What a task prepares is in no version yet.
    columns = ", ".join(
        f"member.{column}" for column in ("id", "repository_id", "content_id", "added_in", "slot", "origin")
    )
    listing = Listing(
        f"{columns}, member.added_at, member.added_by_id, member.added_by_user,"
        " CASE WHEN member.removed_in <= repository.latest_number THEN member.removed_in END AS removed_in",
        "membership member JOIN repository ON repository.id = member.repository_id",
        "member.id",
        "id",
        key_type=int,
        where=every(
            [
                Condition("member.content_id = ? AND member.added_in <= repository.latest_number", (str(content.id),)),
                one_of("repository.kind", context.types.kinds_of(Repository)),
            ]
        ),
    )
    return await context.loaders.page(request(listing, arguments, edges_of(Membership)))


async def serving_content(context: Context, content: Content, arguments: PageArguments) -> Page[ServedEdge]:
    """Return a page of the distributions that serve the files of a content unit, once for each file, by address."""
    parts = [Condition(_OF_CONTENT.format(condition="file.content_id = ?"), (str(content.id),))]
    return await _serving(context, parts, arguments)


async def serving_artifact(context: Context, sha256: str, arguments: PageArguments) -> Page[ServedEdge]:
    """Return a page of the distributions that serve some bytes, once for each place, by address."""
    parts = [
        Condition(_OF_CONTENT.format(condition="file.sha256 = ?"), (sha256,)),
        Condition(_OF_PUBLICATIONS, (sha256,)),
    ]
    return await _serving(context, parts, arguments)


async def _serving(context: Context, parts: list[Condition], arguments: PageArguments) -> Page[ServedEdge]:
    # No two base paths overlap: what has one address is one place.
    places = " UNION ".join(part.sql for part in parts) if len(parts) > 1 else f"SELECT DISTINCT{parts[0].sql[6:]}"
    listing = Listing(
        "distribution.*, places.relative_path, places.place",
        f"({_SERVED} {places}) AS places JOIN distribution ON distribution.id = places.distribution_id",
        "places.place",
        "place",
        key_type=str,
        source_parameters=tuple(parameter for part in parts for parameter in part.parameters),
    )
    return await context.loaders.page(request(listing, arguments, _edge, COUNTED))


def _edge(cursor: str, row: dict[str, Any]) -> ServedEdge:
    return ServedEdge(cursor, model_from(Distribution, row), row["relative_path"])
