"""Repository versions: what they hold, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from headbox.errors import Invalid, LimitExceeded, NotFound
from headbox.filters import content as content_filters
from headbox.filters.conditions import ANY, Condition, every, negated, one_of
from headbox.models import Content, Membership, Publication, Repository, RepositoryVersion
from headbox.models.database import fetch, model_from
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change, wanted
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
from headbox.services import version_deletion
from headbox.services.version_deletion import DeletionPlan
from headbox.tasking.engine import UnitOfWork
from headbox.types import derived_id

#: Most changed memberships that are looked up and sorted for each page.
MAX_SORTED_CHANGES = 20_000
#: Most versions that are named to have their deletion planned.
MAX_NAMED = 1_000

_MEMBER_COLUMNS = (
    "id", "repository_id", "content_id", "added_in", "removed_in", "slot", "origin", "added_at", "added_by_id",
    "added_by_user",
)  # fmt: skip
_MEMBER = ", ".join(f"member.{column} AS member_{column}" for column in _MEMBER_COLUMNS)


class ContentChangeKind(StrEnum):
    """Which units of a version: all, or how it differs from the one that it was made from."""

    PRESENT = "present"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class MemberEdge(Edge[Content]):
    """A content unit in a repository version."""

    membership: Membership


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
    size: int


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
        # Its own is not known any more: one that is always the same, and that nothing else has.
        id=derived_id("deleted repository_version", str(repository.id), str(repository.latest_number)),
        repository_id=repository.id,
        number=repository.latest_number,
        created_at=repository.created_at,
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
    members = _members(version, change)
    asked = await content_filters.condition(context, filter)
    hidden = sorted(set(version.by_kind) - set(context.types.kinds_of(Content)))
    listing = Listing(
        f"content.*, {_MEMBER}",
        # SQLite never changes the order of a CROSS JOIN.
        f"content CROSS JOIN {members.source}" if asked.found_in else f"{members.source} CROSS JOIN content",
        "member.content_id",
        "member_content_id",
        where=every(
            [
                Condition("content.id = member.content_id"),
                members.where,
                asked,
                negated(one_of("content.kind", hidden)) if hidden else ANY,
            ]
        ),
        source_parameters=members.source_parameters,
    )
    units = sum(counts[change.value] for kind, counts in version.by_kind.items() if kind not in hidden)
    count = UNCOUNTED if filter else Count(is_needed=False, known=units)
    return await context.loaders.page(request(listing, arguments, _member_edge, count))


@dataclass(frozen=True, slots=True)
class _Members:
    """Some memberships of a repository, called `member`: a FROM clause with its parameters, and a condition."""

    source: str
    source_parameters: tuple[Any, ...]
    where: Condition


def _members(version: RepositoryVersion, change: ContentChangeKind) -> _Members:
    """Return the memberships of a version, or those that it began or ended."""
    if change is ContentChangeKind.PRESENT:
        of_repository = Condition("member.repository_id = ?", (str(version.repository_id),))
        return _Members("membership member", (), of_repository & _present("member", version.number))
    changed = version.added if change is ContentChangeKind.ADDED else version.removed
    previous = -1 if version.previous_number is None else version.previous_number
    return _changed(version.repository_id, change, previous, version.number, changed)


def _changed(repository_id: UUID, change: ContentChangeKind, after: int, until: int, changes: int) -> _Members:
    """Return the memberships that began or ended with one of some versions.

    Args:
        repository_id: Of which repository.
        change: ADDED for those that began, REMOVED for those that ended.
        after: Number of the version before the first one.
        until: Number of the last one.
        changes: How many there are. Few are looked up and sorted; of many, a page is found soon by going through all
            memberships in order.
    """
    column = f"{change.value}_in"
    of_repository = Condition("member.repository_id = ?", (str(repository_id),))
    if changes > MAX_SORTED_CHANGES:
        between = Condition(f"+member.{column} > ? AND +member.{column} <= ?", (after, until))
        return _Members("membership member", (), of_repository & between)
    # SQLite never changes the order of a CROSS JOIN.
    return _Members(
        f"(SELECT id FROM membership WHERE repository_id = ? AND {column} > ? AND {column} <= ?) AS changed"  # noqa: S608
        " CROSS JOIN membership member",
        (str(repository_id), after, until),
        of_repository & Condition("member.id = changed.id"),
    )


def _present(alias: str, number: int) -> Condition:
    # The sign keeps the columns out of the choice of an index: the one that gives the order is wanted.
    return Condition(
        f"+{alias}.added_in <= ? AND (+{alias}.removed_in IS NULL OR +{alias}.removed_in > ?)", (number, number)
    )


def _member_edge(cursor: str, row: dict[str, Any]) -> MemberEdge:
    membership = model_from(Membership, {column: row[f"member_{column}"] for column in _MEMBER_COLUMNS})
    return MemberEdge(cursor, model_from(Content, row), membership)


async def delete(context: Context, id: str) -> RepositoryVersion:
    """Delete a version, and return it as it was.

    Raises:
        NotFound: There is none with this id.
        InUse: It is the latest one, or something of it is served or pinned.
    """

    async def step(work: UnitOfWork) -> RepositoryVersion:
        return await version_deletion.delete(work, await wanted(work, context, id, RepositoryVersion, "id"))

    return await change(context, step)


async def plan_deletion(
    context: Context, repository_id: str, *, retain_versions: int | None, versions: Sequence[str] | None
) -> dict[str, Any]:
    """Return what the deletion of versions would come to, as the API shows it; nothing is changed.

    Raises:
        NotFound: There is no such repository, or no such version of it.
        Invalid: Neither or both of the versions and their number are given.
        LimitExceeded: There are too many.
    """
    if (retain_versions is None) == (versions is None):
        reason = "either it or versions says what to delete"
        raise Invalid(field="retain_versions", reason=reason, path=("retain_versions",))
    repository = await Repository.get_or_none(id=context.types.decode(repository_id, Repository, path=("repository",)))
    if repository is None:
        raise NotFound(what="Repository", key=repository_id, path=("repository",))
    if retain_versions is not None:
        plan = await version_deletion.plan_retention(context.connection, repository, retain_versions)
    else:
        plan = await version_deletion.plan(
            context.connection, repository, await _versions_of(context, repository, versions or ())
        )
    return shown(plan)


def shown(plan: DeletionPlan) -> dict[str, Any]:
    """Return a plan under the names of the API."""
    return {
        "versions": list(plan.versions),
        "kept": list(plan.kept),
        "units": plan.units,
        "freed_bytes": plan.size,
    }


async def _versions_of(context: Context, repository: Repository, texts: Sequence[str]) -> list[RepositoryVersion]:
    if len(texts) > MAX_NAMED:
        raise LimitExceeded(what="The number of versions", limit=MAX_NAMED, path=("versions",))
    found: dict[UUID, RepositoryVersion] = {}
    for place, text in enumerate(texts):
        path = ("versions", str(place))
        key = context.types.decode(text, RepositoryVersion, path=path)
        version = await RepositoryVersion.get_or_none(id=key, repository_id=repository.id)
        if version is None:
            raise NotFound(what="RepositoryVersion", key=text, path=path)
        found[version.id] = version
    return list(found.values())


async def diff(context: Context, from_id: str, to_id: str, arguments: PageArguments) -> Page[DiffEdge]:
    """Return a page of the content units that lie between two versions, of one repository or of two, by their ids.

    Raises:
        NotFound: One of the versions is not there.
        WrongType: One of the ids is that of something else.
    """
    old = await _version(context, from_id, "from")
    new = await _version(context, to_id, "to")
    # Each half is limited by itself, so that no more than two pages are ever sorted.
    halves = [
        (await _only_in(context, new, old, ContentChangeKind.ADDED)).page(arguments),
        (await _only_in(context, old, new, ContentChangeKind.REMOVED)).page(arguments),
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
    is_next = old.repository_id == new.repository_id and new.previous_number == old.number
    count = Count(is_needed=False, known=new.added + new.removed) if is_next else UNCOUNTED
    return await context.loaders.page(request(listing, arguments, _diff_edge, count))


async def _only_in(
    context: Context, version: RepositoryVersion, other: RepositoryVersion, change: ContentChangeKind
) -> Listing:
    """Return the units of a version that another one does not hold; `change` is what to call them."""
    members = _members(version, ContentChangeKind.PRESENT)
    if version.repository_id == other.repository_id:
        # Such a membership began after the other version, or ended before it.
        is_newer = version.number > other.number
        began_or_ended = ContentChangeKind.ADDED if is_newer else ContentChangeKind.REMOVED
        after, until = sorted((version.number, other.number))
        changes = await _changes(context, version.repository_id, began_or_ended, after, until)
        members = _changed(version.repository_id, began_or_ended, after, until, changes)
    absent = _present("other", other.number)
    not_in_other = Condition(
        "NOT EXISTS (SELECT 1 FROM membership other WHERE other.repository_id = ?"  # noqa: S608
        f" AND other.content_id = member.content_id AND {absent.sql})",
        (str(other.repository_id), *absent.parameters),
    )
    return Listing(
        f"member.content_id AS difference_id, '{change.value}' AS difference_change",
        members.source,
        "member.content_id",
        "difference_id",
        where=every([members.where, _present("member", version.number), not_in_other]),
        source_parameters=members.source_parameters,
    )


async def _changes(context: Context, repository_id: UUID, change: ContentChangeKind, after: int, until: int) -> int:
    """Return how many units some versions added or removed."""
    rows = await fetch(
        context.connection,
        f"SELECT COALESCE(SUM({change.value}), 0) AS changes FROM repository_version"  # noqa: S608
        " WHERE repository_id = ? AND number > ? AND number <= ?",
        [str(repository_id), after, until],
    )
    return int(rows[0]["changes"])


def _diff_edge(cursor: str, row: dict[str, Any]) -> DiffEdge:
    return DiffEdge(cursor, model_from(Content, row), ContentChangeKind(row["difference_change"]))


async def _version(context: Context, id: str, path: str) -> RepositoryVersion:
    identifier = context.types.decode(id, RepositoryVersion, path=(path,))
    version = await context.loaders.version.load(identifier)
    if version is None or await context.loaders.repository.load(version.repository_id) is None:
        raise NotFound(what="RepositoryVersion", key=id, path=(path,))
    return version
