"""Content units: lists, filters, and where their bytes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headbox.filters.conditions import ANY, Condition, every
from headbox.filters.content import condition, of_kinds, with_artifact
from headbox.models import ArtifactSource, Content, ContentArtifact
from headbox.resolvers.context import Context
from headbox.resolvers.paging import COUNTED, UNCOUNTED, Edge, Listing, Page, PageArguments, edges_of, request
from headbox.types import Availability


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
        of_kinds([kind] if kind else context.types.kinds_of(Content)),
        with_artifact(context, Condition("sha256 = ?", (artifact,))) if artifact else ANY,
        await condition(context, filter, kind),
    ]
    listing = Listing("content.*", "content", "content.id", "id", where=every(conditions))
    return await context.loaders.page(request(listing, arguments, edges_of(Content), UNCOUNTED if filter else COUNTED))


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
