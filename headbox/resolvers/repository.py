"""Repositories: lists, and changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from headbox.filters.conditions import Condition, compiled, every, is_findable, one_of
from headbox.filters.labels import named
from headbox.kinds import RepositoryDocument, SettingsDocument
from headbox.models import Content, Publication, PublishSettings, Remote, Repository, RepositoryVersion
from headbox.resolvers import publish_settings as settings_resolver
from headbox.resolvers.context import Context
from headbox.resolvers.edits import below, change, refuse_null, wanted, without
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import remote as remote_service
from headbox.services import repository as service
from headbox.services.documents import MAX_NAME
from headbox.tasking.engine import UnitOfWork

RepositoryPage = Page[Edge[Repository]]


async def find(context: Context, name: str) -> Repository | None:
    """Return the repository with a name."""
    repository = await Repository.get_or_none(name=name) if is_findable(name, MAX_NAME) else None
    return repository if repository and context.types.name_of(repository) else None


async def page(
    context: Context, arguments: PageArguments, *, filter: Mapping[str, Any] | None = None, kind: str | None = None
) -> RepositoryPage:
    """Return a page of the repositories, by name; of one kind, or of all."""
    conditions = [
        one_of("repository.kind", [kind] if kind else context.types.kinds_of(Repository)),
        compiled(
            filter,
            {
                "kind": lambda kinds: one_of("repository.kind", kinds),
                **named(context.connection, "repository"),
            },
        ),
    ]
    return await _page(context, "repository", every(conditions), arguments)


async def holding(context: Context, content: Content, arguments: PageArguments) -> RepositoryPage:
    """Return a page of the repositories whose latest version holds a content unit, by name."""
    holds = Condition(
        "member.content_id = ? AND member.added_in <= repository.latest_number"
        " AND (member.removed_in IS NULL OR member.removed_in > repository.latest_number)",
        (str(content.id),),
    )
    source = "repository JOIN membership member ON member.repository_id = repository.id"
    installed = one_of("repository.kind", context.types.kinds_of(Repository))
    return await _page(context, source, every([holds, installed]), arguments)


async def _page(context: Context, source: str, where: Condition, arguments: PageArguments) -> RepositoryPage:
    listing = Listing("repository.*", source, "repository.name", "name", key_type=str, where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(Repository)))


async def versions(context: Context, repository_id: UUID, arguments: PageArguments) -> Page[Edge[RepositoryVersion]]:
    """Return a page of a repository's versions, the latest first."""
    listing = Listing(
        "repository_version.*",
        "repository_version",
        "repository_version.number",
        "number",
        key_type=int,
        where=Condition("repository_version.repository_id = ?", (str(repository_id),)),
        is_descending=True,
    )
    return await context.loaders.page(request(listing, arguments, edges_of(RepositoryVersion)))


async def publications(context: Context, repository_id: UUID, arguments: PageArguments) -> Page[Edge[Publication]]:
    """Return a page of the publications of a repository's versions, the latest first."""
    listing = Listing(
        "publication.*",
        "publication JOIN repository_version version ON version.id = publication.repository_version_id",
        "publication.id",
        "id",
        where=Condition("version.repository_id = ?", (str(repository_id),)),
        is_descending=True,
    )
    return await context.loaders.page(request(listing, arguments, edges_of(Publication)))


async def create(
    context: Context, kind: type[RepositoryDocument], values: Mapping[str, Any]
) -> service.CreatedRepository:
    """Create a repository with all that the input names.

    Args:
        context: The operation.
        kind: Kind of the repository.
        values: The input: what all kinds share, and the fields of this one.

    Raises:
        RequestError: Something of it cannot be; nothing was created.
    """
    shared = ("name", "description", "labels", "automation", "sync_mode", "retain_versions", "require_complete", "sync")
    given = {name: values[name] for name in shared if values.get(name) is not None}

    async def step(work: UnitOfWork) -> service.CreatedRepository:
        remote = values.get("remote")
        new = service.NewRepository(
            **given,
            values={name: values[name] for name in kind.model_fields if name in values},
            remote=await _remote(work, context, kind, remote) if remote else None,
            publish_settings=await _settings(work, context, kind, values.get("publish_settings")),
            distributions=tuple(service.NewDistribution(**wanted) for wanted in values.get("distributions") or ()),
        )
        return await service.create(work, kind, new)

    return await change(context, step)


async def update(context: Context, kind: type[RepositoryDocument], values: Mapping[str, Any]) -> Repository:
    """Change what the input holds of a repository.

    Raises:
        RevisionConflict: It was changed since the revision that the client expected.
        RequestError: Something of it cannot be; nothing was changed.
    """

    async def step(work: UnitOfWork) -> Repository:
        repository = await wanted(work, context, values["id"], Repository, "id", kind=kind.kind)
        changes = without(values, "id", "expected_revision", *kind.model_fields)
        refuse_null(changes, "name", "automation", "sync_mode", "require_complete")
        own = {name: values[name] for name in kind.model_fields if name in values}
        if own:
            changes["values"] = own
        if changes.get("remote") is not None:
            changes["remote"] = await _existing_remote(work, context, kind, changes["remote"])
        if changes.get("publish_settings") is not None:
            changes["publish_settings"] = await _settings(work, context, kind, changes["publish_settings"])
        return await service.update(
            work, repository, changes=changes, expected_revision=values.get("expected_revision")
        )

    return await change(context, step)


async def delete(context: Context, id: str) -> Repository:
    """Delete a repository, and return it as it was.

    Raises:
        NotFound: There is none with this id.
        InUse: Something needs it.
    """

    async def step(work: UnitOfWork) -> tuple[Repository, RepositoryVersion]:
        repository = await wanted(work, context, id, Repository, "id")
        number = repository.latest_number
        latest = await RepositoryVersion.get(repository_id=repository.id, number=number, using_db=work.connection)
        await service.delete(work, repository)
        return repository, latest

    repository, latest = await change(context, step)
    # For what the payload shows of it: it cannot be loaded any more.
    context.loaders.repository.prime(repository.id, repository)
    context.loaders.version_numbered.prime((repository.id, latest.number), latest)
    return repository


async def _remote(
    work: UnitOfWork, context: Context, kind: type[RepositoryDocument], reference: Mapping[str, Any]
) -> Remote | service.NewRemote:
    """Return the remote that a reference names, or the one that it asks to create."""
    if "create" in reference:
        new = reference["create"]
        return service.NewRemote(name=new["name"], values=without(new, "name", "labels"), labels=new.get("labels"))
    remote_type = kind.remote_type
    return await wanted(
        work, context, reference["id"], Remote, "remote", "id", kind=remote_type.kind if remote_type else None
    )


async def _existing_remote(
    work: UnitOfWork, context: Context, kind: type[RepositoryDocument], reference: Mapping[str, Any]
) -> Remote:
    remote = await _remote(work, context, kind, reference)
    if isinstance(remote, Remote):
        return remote
    assert kind.remote_type is not None, "the input has a remote only where the kind has one"
    with below("remote", "create"):
        return await remote_service.create(
            work, kind.remote_type, name=remote.name, values=remote.values, labels=remote.labels
        )


async def _settings(
    work: UnitOfWork, context: Context, kind: type[RepositoryDocument], reference: Mapping[str, Any] | None
) -> PublishSettings | dict[str, Any] | None:
    settings_type: type[SettingsDocument] | None = kind.settings_type
    return await settings_resolver.referred(work, context, settings_type, reference, "publish_settings")
