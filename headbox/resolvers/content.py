"""Content units: lists, filters, and where their bytes are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from headbox.models import ArtifactSource, Content, ContentArtifact
from headbox.resolvers import searched_fields
from headbox.resolvers.conditions import (
    ANY,
    NONE,
    Condition,
    Range,
    check_size,
    common_ranges,
    compiled,
    every,
    found_by,
    nested,
    one_of,
    starts_with,
)
from headbox.resolvers.context import Context
from headbox.resolvers.labels import labeled
from headbox.resolvers.paging import COUNTED, UNCOUNTED, Edge, Listing, Page, PageArguments, edges_of, request
from headbox.types import Availability, derived_id_range

#: The units that have labels, which are few as a rule: an index has them alone.
_LABELED = Range("content", Condition("content.labels <> '{}'"), "content.id")


@dataclass(frozen=True, slots=True)
class PlacedArtifact:
    """An artifact of a content unit, and where its bytes can be had."""

    content_id: UUID
    relative_path: str
    sha256: str | None
    size: int | None
    availability: Availability


async def page(
    context: Context,
    arguments: PageArguments,
    *,
    filter: Mapping[str, Any] | None = None,
    kind: str | None = None,
    artifact: str | None = None,
) -> Page[Edge[Content]]:
    """Return a page of the content units, by their ids: of all kinds or of one, or of those with an artifact."""
    conditions = [
        _of_kinds([kind] if kind else context.types.kinds_of(Content)),
        _with_artifact(context, Condition("sha256 = ?", (artifact,))) if artifact else ANY,
        await condition(context, filter, kind),
    ]
    listing = Listing("content.*", "content", "content.id", "id", where=every(conditions))
    return await context.loaders.page(request(listing, arguments, edges_of(Content), UNCOUNTED if filter else COUNTED))


async def condition(context: Context, filter: Mapping[str, Any] | None, kind: str | None = None) -> Condition:
    """Return the condition of a filter on content units.

    Args:
        context: The operation.
        filter: The filter.
        kind: The kind of the list, or None for a list of all kinds: which fields can be searched.

    Raises:
        Invalid: A field cannot be searched, or not for this value.
        LimitExceeded: It nests too deep, or holds too many conditions.
    """
    if filter is None:
        return ANY
    # Before its ranges are looked up.
    check_size(filter)
    common = await common_ranges(context.connection, _ranges(context, filter, kind))
    return compiled(
        filter,
        {
            "kind": _of_kinds,
            "relative_path": lambda paths: _with_artifact(context, one_of("relative_path", paths)),
            "relative_path_prefix": lambda prefix: _with_prefix(context, prefix, common),
            "sha256": lambda digests: _with_artifact(context, one_of("sha256", [digest.lower() for digest in digests])),
            "created_after": lambda time: Condition("content.created_at > ?", (_utc(time),)),
            "created_before": lambda time: Condition("content.created_at < ?", (_utc(time),)),
            "label": lambda labels: _labeled(context, labels, common),
            "field": lambda fields: every(
                [searched_fields.condition(context, field, kind, common) for field in fields]
            ),
        },
    )


def _of_kinds(kinds: Sequence[str]) -> Condition:
    condition = one_of("content.kind", kinds)
    if len(kinds) != 1 or condition is NONE:
        return condition
    # The range finds them by the primary key: a page of a rare kind needs no index of its own.
    return condition & Condition("content.id BETWEEN ? AND ?", derived_id_range(kinds[0]))


def _with_artifact(context: Context, condition: Condition) -> Condition:
    query = Condition(f"SELECT content_id FROM content_artifact WHERE {condition.sql}", condition.parameters)  # noqa: S608
    return found_by(context.connection, "content", query)


def _below(prefix: str) -> Range:
    return Range("content_artifact", starts_with("relative_path", prefix), "relative_path")


def _with_prefix(context: Context, prefix: str, common: frozenset[Range]) -> Condition:
    """Return the condition that a content unit has an artifact below a prefix."""
    below = _below(prefix)
    if below not in common:
        return found_by(context.connection, "content", below.rows("content_id"))
    return Condition(
        "EXISTS (SELECT 1 FROM content_artifact WHERE content_artifact.content_id = content.id"  # noqa: S608
        f" AND {below.condition.sql})",
        below.condition.parameters,
    )


def _ranges(context: Context, filter: Mapping[str, Any], kind: str | None) -> Iterator[Range]:
    """Yield the ranges that a filter asks for, those of filters within it too."""
    if (prefix := filter.get("relative_path_prefix")) is not None:
        yield _below(prefix)
    if filter.get("label"):
        yield _LABELED
    for field in filter.get("field") or ():
        yield from searched_fields.ranges(context, field, kind)
    for part in nested(filter):
        yield from _ranges(context, part, kind)


def _labeled(context: Context, labels: Sequence[dict[str, Any]], common: frozenset[Range]) -> Condition:
    condition = labeled(context.connection, "content.labels", labels)
    if not labels or _LABELED in common:
        return condition
    return replace(_LABELED.condition & condition, found_in="content")


async def artifacts(context: Context, content: Content) -> list[PlacedArtifact]:
    """Return the artifacts of a content unit, by path."""
    rows: Sequence[ContentArtifact] = await context.loaders.artifacts.load(content.id)
    return [
        PlacedArtifact(row.content_id, row.relative_path, row.sha256, row.size, await _availability(context, row))
        for row in rows
    ]


async def sources(context: Context, artifact: PlacedArtifact) -> list[ArtifactSource]:
    """Return where the bytes of an artifact can be fetched, first known first."""
    return await context.loaders.sources.load((artifact.content_id, artifact.relative_path))


async def _availability(context: Context, artifact: ContentArtifact) -> Availability:
    if artifact.sha256 is not None and await context.loaders.stored_digest.load(artifact.sha256):
        return Availability.LOCAL
    place = (artifact.content_id, artifact.relative_path)
    return Availability.REMOTE if await context.loaders.sources.load(place) else Availability.MISSING


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)
