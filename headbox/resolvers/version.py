"""Repository versions: what they hold, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from headbox.errors import NotFound
from headbox.models import Content, Publication, Repository, RepositoryVersion
from headbox.models.database import fetch, model_from
from headbox.resolvers import content as contents
from headbox.resolvers.conditions import ANY, Condition, every, negated, one_of
from headbox.resolvers.context import Context
from headbox.resolvers.paging import (
    UNCOUNTED,
    Count,
    Edge,
    Listing,
    Page,
    PageArguments,
    edges_of,
    request,
)
from headbox.types import Origin

#: Most changed memberships between two versions that are sorted for each page of their difference.
MAX_SPARSE_CHANGES = 20_000


class ContentChangeKind(StrEnum):
    """Which units of a version: all, or how it differs from the one that it was made from."""

    PRESENT = "present"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class MemberEdge(Edge[Content]):
    """A content unit in a repository version.

    Attributes:
        repository_id: Of which repository.
        origin: How it came in.
        added_in: Number of the version that it came in with.
    """

    repository_id: UUID
    origin: Origin
    added_in: int


@dataclass(frozen=True, slots=True)
class DiffEdge(Edge[Content]):
    """A content unit that one of two versions holds, and the other does not."""

    change: ContentChangeKind


@dataclass(frozen=True, slots=True)
class KindCount:
    """Units of one kind in a version."""

    kind: str
    present: int
    added: int
    removed: int


def counts_by_kind(version: RepositoryVersion) -> list[KindCount]:
    """Return how many units of each kind a version holds, by kind."""
    return [KindCount(kind=kind, **counts) for kind, counts in sorted(version.by_kind.items())]


async def find(context: Context, repository: Repository, number: int) -> RepositoryVersion | None:
    """Return a version of a repository by its number."""
    return await context.loaders.version_numbered.load((repository.id, number))


async def latest(context: Context, repository: Repository) -> RepositoryVersion:
    """Return the latest version of a repository; an empty one where the repository was deleted."""
    version = await find(context, repository, repository.latest_number)
    return version or RepositoryVersion(
        repository_id=repository.id, number=repository.latest_number, created_at=repository.created_at
    )


async def publications(
    context: Context, version: RepositoryVersion, arguments: PageArguments
) -> Page[Edge[Publication]]:
    """Return a page of a version's publications, the latest first."""
    listing = Listing(
        "publication.*",
        "publication",
        "publication.id",
        "id",
        where=Condition("publication.repository_version_id = ?", (str(version.id),)),
        is_descending=True,
    )
    return await context.loaders.page(request(listing, arguments, edges_of(Publication)))


async def content(
    context: Context,
    version: RepositoryVersion,
    arguments: PageArguments,
    *,
    change: ContentChangeKind,
    filter: Mapping[str, Any] | None,
) -> Page[MemberEdge]:
    """Return a page of a version's content units, by their ids.

    Args:
        context: The operation.
        version: Which version.
        arguments: Which page.
        change: All units, or those that it added to or removed from the version that it was made from.
        filter: Which of them; see `resolvers.content`.
    """
    hidden = sorted(set(version.by_kind) - set(context.types.kinds_of(Content)))
    conditions = [
        Condition("member.repository_id = ?", (str(version.repository_id),)),
        _membership(change, version.number),
        contents.condition(context, filter),
        negated(one_of("content.kind", hidden)) if hidden else ANY,
    ]
    listing = Listing(
        "content.*, member.content_id AS member_id, member.repository_id AS member_repository_id,"
        " member.origin AS member_origin, member.added_in AS member_added_in",
        "membership member JOIN content ON content.id = member.content_id",
        "member.content_id",
        "member_id",
        where=every(conditions),
    )
    units = sum(counts[change.value] for kind, counts in version.by_kind.items() if kind not in hidden)
    count = UNCOUNTED if filter else Count(is_needed=False, known=units)
    return await context.loaders.page(request(listing, arguments, _member_edge, count))


def _membership(change: ContentChangeKind, number: int) -> Condition:
    # The sign keeps a column out of the choice of an index: only the one that also gives the order will do.
    if change is ContentChangeKind.PRESENT:
        return _present("member", number)
    column = "added_in" if change is ContentChangeKind.ADDED else "removed_in"
    return Condition(f"member.{column} = ?", (number,))


def _present(alias: str, number: int) -> Condition:
    return Condition(
        f"+{alias}.added_in <= ? AND (+{alias}.removed_in IS NULL OR +{alias}.removed_in > ?)", (number, number)
    )


def _member_edge(cursor: str, row: dict[str, Any]) -> MemberEdge:
    return MemberEdge(
        cursor,
        model_from(Content, row),
        UUID(str(row["member_repository_id"])),
        Origin(row["member_origin"]),
        row["member_added_in"],
    )


async def diff(context: Context, from_id: str, to_id: str, arguments: PageArguments) -> Page[DiffEdge]:
    """Return a page of the content units that lie between two versions, of one repository or of two, by their ids.

    Raises:
        NotFound: One of the versions is not there.
        WrongType: One of the ids is that of something else.
    """
    old = await _version(context, from_id, "from")
    new = await _version(context, to_id, "to")
    is_sparse = await _is_sparse(context, old, new)
    # Each half is limited by itself, so that no more than two pages are ever sorted.
    halves = [
        _only_in(new, old, ContentChangeKind.ADDED, is_sparse=is_sparse).page(arguments),
        _only_in(old, new, ContentChangeKind.REMOVED, is_sparse=is_sparse).page(arguments),
    ]
    union = " UNION ALL ".join(f"SELECT * FROM ({half.sql}) AS half_{n}" for n, half in enumerate(halves))  # noqa: S608
    listing = Listing(
        "content.*, difference.difference_id, difference.difference_change",
        f"({union}) AS difference JOIN content ON content.id = difference.difference_id",
        "difference.difference_id",
        "difference_id",
        where=one_of("content.kind", context.types.kinds_of(Content)),
        source_parameters=tuple(parameter for half in halves for parameter in half.parameters),
    )
    is_next = old.repository_id == new.repository_id and new.base_number == old.number
    count = Count(is_needed=False, known=new.added + new.removed) if is_next else UNCOUNTED
    return await context.loaders.page(request(listing, arguments, _diff_edge, count))


def _only_in(
    version: RepositoryVersion, other: RepositoryVersion, change: ContentChangeKind, *, is_sparse: bool
) -> Listing:
    """Return the units of a version that another one does not hold.

    Args:
        version: That holds them.
        other: That does not.
        change: What to call them.
        is_sparse: Whether so few memberships changed between the two that finding and sorting those is cheaper than
            going through all of them in order.
    """
    absent = _present("other", other.number)
    conditions = [
        Condition("member.repository_id = ?", (str(version.repository_id),)),
        _present("member", version.number),
        Condition(
            "NOT EXISTS (SELECT 1 FROM membership other WHERE other.repository_id = ?"  # noqa: S608
            f" AND other.content_id = member.content_id AND {absent.sql})",
            (str(other.repository_id), *absent.parameters),
        ),
    ]
    if is_sparse:
        column, later, earlier = (
            ("added_in", version.number, other.number)
            if version.number > other.number
            else ("removed_in", other.number, version.number)
        )
        conditions.append(Condition(f"member.{column} > ? AND member.{column} <= ?", (earlier, later)))
    return Listing(
        f"member.content_id AS difference_id, '{change.value}' AS difference_change",
        "membership member",
        "member.content_id",
        "difference_id",
        where=every(conditions),
    )


async def _is_sparse(context: Context, one: RepositoryVersion, other: RepositoryVersion) -> bool:
    if one.repository_id != other.repository_id:
        return False
    low, high = sorted((one.number, other.number))
    rows = await fetch(
        context.connection,
        "SELECT COALESCE(SUM(added + removed), 0) AS changes FROM repository_version"
        " WHERE repository_id = ? AND number > ? AND number <= ?",
        [str(one.repository_id), low, high],
    )
    return int(rows[0]["changes"]) <= MAX_SPARSE_CHANGES


def _diff_edge(cursor: str, row: dict[str, Any]) -> DiffEdge:
    return DiffEdge(cursor, model_from(Content, row), ContentChangeKind(row["difference_change"]))


async def _version(context: Context, id: str, path: str) -> RepositoryVersion:
    identifier = context.types.decode(id, RepositoryVersion, path=(path,))
    version = await context.loaders.version.load(identifier)
    if version is None or await context.loaders.repository.load(version.repository_id) is None:
        raise NotFound(what="RepositoryVersion", key=id, path=(path,))
    return version
