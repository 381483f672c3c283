"""Content units: lists, filters, and where their bytes are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError

from headbox.errors import Invalid
from headbox.kinds import ContentUnit
from headbox.models import ArtifactSource, Content, ContentArtifact
from headbox.models.database import fetch, is_sqlite, json_field
from headbox.resolvers.conditions import (
    ANY,
    NONE,
    Condition,
    check_size,
    compiled,
    every,
    nested,
    one_of,
    some,
    starts_with,
)
from headbox.resolvers.context import Context
from headbox.resolvers.labels import labeled
from headbox.resolvers.paging import COUNTED, UNCOUNTED, Edge, Listing, Page, PageArguments, edges_of, request
from headbox.types import Availability, derived_id_range

#: Most artifacts below a prefix that are looked up and sorted for each page.
MAX_SORTED_ARTIFACTS = 20_000


@dataclass(frozen=True, slots=True)
class PlacedArtifact:
    """An artifact of a content unit, and where its bytes can be had."""

    content_id: UUID
    relative_path: str
    sha256: str | None
    size: int | None
    availability: Availability


async def page(
    context: Context, kind: str, arguments: PageArguments, filter: Mapping[str, Any] | None
) -> Page[Edge[Content]]:
    """Return a page of all content units of a kind, by their ids."""
    listing = Listing(
        "content.*",
        "content",
        "content.id",
        "id",
        where=every([_of_kind(kind), await condition(context, filter, kind)]),
    )
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
    # Before its prefixes are looked up.
    check_size(filter)
    common = await _common_prefixes(context, filter)
    return compiled(
        filter,
        {
            "kind": lambda kinds: one_of("content.kind", kinds),
            "relative_path": lambda path: _with_artifact(Condition("relative_path = ?", (path,))),
            "relative_path_prefix": lambda prefix: _with_prefix(prefix, is_common=prefix in common),
            "sha256": lambda digest: _with_artifact(Condition("sha256 = ?", (digest.lower(),))),
            "created_after": lambda time: Condition("content.created_at > ?", (_utc(time),)),
            "created_before": lambda time: Condition("content.created_at < ?", (_utc(time),)),
            "label": lambda labels: labeled(context.connection, "content.labels", labels),
            "field": lambda fields: every([_with_field(context, field, kind) for field in fields]),
        },
    )


def _of_kind(kind: str) -> Condition:
    # The range finds them by the primary key: a page of a rare kind needs no index of its own.
    return Condition("content.kind = ? AND content.id BETWEEN ? AND ?", (kind, *derived_id_range(kind)))


def _with_artifact(condition: Condition) -> Condition:
    return Condition(
        f"content.id IN (SELECT content_id FROM content_artifact WHERE {condition.sql})",  # noqa: S608
        condition.parameters,
    )


def _with_prefix(prefix: str, *, is_common: bool) -> Condition:
    """Return the condition that a content unit has an artifact below a prefix.

    Args:
        prefix: The prefix.
        is_common: Whether many have one: then a page is found soon by asking of each unit in order whether it has.
    """
    below = starts_with("relative_path", prefix)
    if not is_common:
        return _with_artifact(below)
    return Condition(
        f"EXISTS (SELECT 1 FROM content_artifact WHERE content_artifact.content_id = content.id AND {below.sql})",  # noqa: S608
        below.parameters,
    )


async def _common_prefixes(context: Context, filter: Mapping[str, Any]) -> frozenset[str]:
    """Return those of the prefixes in a filter that many artifacts are below."""
    common = set()
    for prefix in set(_prefixes(filter)):
        below = starts_with("relative_path", prefix)
        rows = await fetch(
            context.connection,
            "SELECT COUNT(*) AS artifacts FROM"  # noqa: S608
            f" (SELECT 1 FROM content_artifact WHERE {below.sql} LIMIT {MAX_SORTED_ARTIFACTS + 1}) AS below",
            below.parameters,
        )
        if rows[0]["artifacts"] > MAX_SORTED_ARTIFACTS:
            common.add(prefix)
    return frozenset(common)


def _prefixes(filter: Mapping[str, Any]) -> Iterator[str]:
    if (prefix := filter.get("relative_path_prefix")) is not None:
        yield prefix
    for part in nested(filter):
        yield from _prefixes(part)


def _with_field(context: Context, field: Mapping[str, str], kind: str | None) -> Condition:
    """Return the condition that the field of a document has a value, in whatever kinds it can be searched."""
    name, value = field["name"], field["value"]
    kinds = [unit for unit in context.registry.contents if kind in (None, unit.kind)]
    searched = [unit for unit in kinds if name in searchable(unit)]
    if not searched:
        known = ", ".join(sorted({field for unit in kinds for field in searchable(unit)})) or "none"
        raise Invalid(
            field="field", reason=f"{name!r} cannot be searched; these can: {known}", path=("filter", "field")
        )
    return some([_field_is(context, unit, name, value) for unit in searched])


def searchable(unit: type[ContentUnit]) -> frozenset[str]:
    """Return the fields of a kind of content that lists can be filtered by."""
    return frozenset(unit.searched)


def _field_is(context: Context, unit: type[ContentUnit], name: str, value: str) -> Condition:
    annotation = unit.model_fields[name].annotation
    assert annotation is not None, "the fields of a document are annotated"
    field: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        stored = field.dump_python(field.validate_python(value), mode="json")
    except ValidationError:
        # What the field cannot be, it is in no unit.
        return NONE
    if not is_sqlite(context.connection) and not isinstance(stored, str):
        stored = orjson.dumps(stored).decode()
    expression = json_field(context.connection, "content.document", name)
    # The kind as a literal: an index on the units of one kind serves no condition whose kind is told later. Kinds hold
    # letters, digits, dots and underscores alone, the registry sees to that.
    return Condition(f"content.kind = '{unit.kind}' AND {expression} = ?", (stored,))


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
