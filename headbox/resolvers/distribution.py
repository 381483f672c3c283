"""Distributions: lists, what they follow, and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from headbox.filters.conditions import ANY, NONE, Condition, compiled, every, is_findable, starts_with
from headbox.filters.labels import named
from headbox.kinds import ClientSetup, SettingsDocument
from headbox.models import Distribution, DistributionHistory, Publication, Repository, RepositoryVersion
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change, refuse_null, wanted, without
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import distribution as service
from headbox.services import distribution_history as history
from headbox.services.serving import MAX_BASE_PATH
from headbox.tasking.engine import UnitOfWork

#: What a source may name, by the input's field.
SOURCE_MODELS: dict[str, type[Repository | RepositoryVersion | Publication]] = {
    "repository": Repository,
    "repository_version": RepositoryVersion,
    "publication": Publication,
}


@dataclass(frozen=True, slots=True)
class LatestOfRepository:
    """Follows whatever a repository publishes."""

    repository: Repository


@dataclass(frozen=True, slots=True)
class PinnedVersion:
    """Stays with one repository version."""

    repository_version: RepositoryVersion


@dataclass(frozen=True, slots=True)
class PinnedPublication:
    """Stays with one publication."""

    publication: Publication


Source = LatestOfRepository | PinnedVersion | PinnedPublication


async def find(base_path: str) -> Distribution | None:
    """Return the distribution with a base path."""
    return await Distribution.get_or_none(base_path=base_path) if is_findable(base_path, MAX_BASE_PATH) else None


async def page(
    context: Context,
    arguments: PageArguments,
    *,
    filter: Mapping[str, Any] | None = None,
    repository_id: UUID | None = None,
) -> Page[Edge[Distribution]]:
    """Return a page of the distributions, by name: of all, or of those that have to do with a repository."""
    conditions = [
        _of_repository(repository_id) if repository_id else ANY,
        compiled(
            filter,
            {
                **named(context.connection, "distribution"),
                "base_path_prefix": lambda prefix: starts_with("distribution.base_path", prefix),
                "repository": lambda text: _of_named_repository(context, text),
            },
        ),
    ]
    listing = Listing(
        "distribution.*", "distribution", "distribution.name", "name", key_type=str, where=every(conditions)
    )
    return await context.loaders.page(request(listing, arguments, edges_of(Distribution)))


def _of_repository(repository_id: UUID) -> Condition:
    """Return the condition that a distribution follows a repository, or is pinned to something of it."""
    key = str(repository_id)
    return Condition(
        "distribution.repository_id = ?"
        " OR distribution.repository_version_id IN (SELECT id FROM repository_version WHERE repository_id = ?)"
        " OR distribution.publication_id IN (SELECT publication.id FROM publication JOIN repository_version"
        " ON repository_version.id = publication.repository_version_id WHERE repository_version.repository_id = ?)",
        (key, key, key),
    )


def _of_named_repository(context: Context, id: str) -> Condition:
    repository_id = context.types.row_id(id, Repository)
    return _of_repository(repository_id) if repository_id else NONE


async def source(context: Context, distribution: Distribution) -> Source | None:
    """Return what a distribution was told to follow; None for nothing, and for what no installed plugin knows."""
    if distribution.repository_id is not None:
        repository = await context.loaders.repository.load(distribution.repository_id)
        return LatestOfRepository(repository) if repository else None
    if distribution.repository_version_id is not None:
        version = await context.loaders.version.load(distribution.repository_version_id)
        is_known = version and await context.loaders.repository.load(version.repository_id)
        return PinnedVersion(version) if version and is_known else None
    if distribution.publication_id is not None:
        publication = await context.loaders.publication.load(distribution.publication_id)
        return PinnedPublication(publication) if publication else None
    return None


async def serving(context: Context, distribution: Distribution) -> Publication | None:
    """Return the publication that clients get now."""
    if distribution.serving_id is None:
        return None
    return await context.loaders.publication.load(distribution.serving_id)


async def serving_version(context: Context, distribution: Distribution) -> RepositoryVersion | None:
    """Return the repository version that clients get now."""
    publication = await serving(context, distribution)
    return await context.loaders.version.load(publication.repository_version_id) if publication else None


def url(context: Context, distribution: Distribution) -> str:
    """Return the address at which clients find what a distribution serves."""
    base = context.engine.settings.server.public_url or context.base_url
    return f"{base.rstrip('/')}/content/{distribution.base_path}/"


async def client_setups(context: Context, distribution: Distribution) -> list[ClientSetup]:
    """Return how clients are pointed at what a distribution serves now."""
    publication = await serving(context, distribution)
    if publication is None:
        return []
    settings = await context.loaders.publish_settings.load(publication.settings_id)
    kind = context.registry.find(settings.kind, SettingsDocument) if settings else None
    if settings is None or kind is None:
        return []
    return list(kind.read(settings.document).client_setups(url(context, distribution)))


async def as_of(base_path: str, time: datetime) -> DistributionHistory | None:
    """Return what was served at a base path at a time, or None for nothing."""
    return await history.served_at(base_path, time) if is_findable(base_path, MAX_BASE_PATH) else None


async def version_of(context: Context, period: DistributionHistory) -> RepositoryVersion | None:
    """Return the version that was served for a time, or None when it is gone."""
    version = await context.loaders.version.load(period.version_id)
    return version if version and await context.loaders.repository.load(version.repository_id) else None


async def publication_of(context: Context, period: DistributionHistory) -> Publication | None:
    """Return the publication that was served for a time, or None when it is gone."""
    return await context.loaders.publication.load(period.publication_id) if await version_of(context, period) else None


async def create(context: Context, values: Mapping[str, Any]) -> Distribution:
    """Create a distribution.

    Raises:
        RequestError: Something of it cannot be; nothing was created.
    """

    async def step(work: UnitOfWork) -> Distribution:
        return await service.create(
            work,
            base_path=values["base_path"],
            name=values.get("name"),
            labels=values.get("labels"),
            source=await _source(work, context, values.get("source")),
        )

    return await change(context, step)


async def update(context: Context, values: Mapping[str, Any]) -> Distribution:
    """Change what the input holds of a distribution.

    Raises:
        RevisionConflict: It was changed since the revision that the client expected.
        RequestError: Something of it cannot be; nothing was changed.
    """

    async def step(work: UnitOfWork) -> Distribution:
        distribution = await wanted(work, context, values["id"], Distribution, "id")
        changes = without(values, "id", "expected_revision")
        refuse_null(changes, "name", "base_path")
        if "source" in changes:
            changes["source"] = await _source(work, context, changes["source"])
        return await service.update(
            work, distribution, changes=changes, expected_revision=values.get("expected_revision")
        )

    return await change(context, step)


async def delete(context: Context, id: str) -> Distribution:
    """Delete a distribution: nothing is served at its base path any more.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> Distribution:
        return await service.delete(work, await wanted(work, context, id, Distribution, "id"))

    return await change(context, step)


async def _source(
    work: UnitOfWork, context: Context, reference: Mapping[str, str] | None
) -> Repository | RepositoryVersion | Publication | None:
    if not reference:
        return None
    ((field, text),) = reference.items()
    return await wanted(work, context, text, SOURCE_MODELS[field], "source", field)
