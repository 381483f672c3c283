"""Remotes: lists, and changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headbox.filters.conditions import Condition, compiled, contains, every, is_findable, one_of
from headbox.filters.labels import named
from headbox.kinds import RemoteDocument
from headbox.models import Remote, RemoteRevision
from headbox.models.database import json_field
from headbox.resolvers import current_remote
from headbox.resolvers.context import Context
from headbox.resolvers.current_remote import CurrentRemote
from headbox.resolvers.edits import change, refuse_null, wanted, without
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import remote as service
from headbox.services.documents import MAX_NAME
from headbox.tasking.engine import UnitOfWork


async def find(context: Context, name: str) -> CurrentRemote | None:
    """Return the remote with a name."""
    remote = await Remote.get_or_none(name=name, deleted_at__isnull=True) if is_findable(name, MAX_NAME) else None
    return await context.loaders.remote.load(remote.id) if remote else None


async def page(
    context: Context, arguments: PageArguments, *, filter: Mapping[str, Any] | None = None, kind: str | None = None
) -> Page[Edge[CurrentRemote]]:
    """Return a page of the remotes, by name; of one kind, or of all."""
    conditions = [
        Condition("remote.deleted_at IS NULL"),
        one_of("remote.kind", [kind] if kind else context.types.kinds_of(Remote)),
        compiled(
            filter,
            {
                "kind": lambda kinds: one_of("remote.kind", kinds),
                "url": lambda text: contains(json_field(context.connection, "current.document", "url"), text),
                **named(context.connection, "remote"),
            },
        ),
    ]
    listing = Listing(
        current_remote.COLUMNS,
        current_remote.SOURCE,
        "remote.name",
        "name",
        key_type=str,
        where=every(conditions),
    )
    return await context.loaders.page(request(listing, arguments, _edge))


async def revisions(context: Context, remote: CurrentRemote, arguments: PageArguments) -> Page[Edge[RemoteRevision]]:
    """Return a page of the revisions of a remote, the latest first."""
    listing = Listing(
        "remote_revision.*",
        "remote_revision",
        "remote_revision.number",
        "number",
        key_type=int,
        where=Condition("remote_revision.remote_id = ?", (str(remote.id),)),
        is_descending=True,
    )
    return await context.loaders.page(request(listing, arguments, edges_of(RemoteRevision)))


def _edge(cursor: str, row: dict[str, Any]) -> Edge[CurrentRemote]:
    return Edge(cursor, CurrentRemote.of(row))


async def create(context: Context, kind: type[RemoteDocument], values: Mapping[str, Any]) -> CurrentRemote:
    """Create a remote.

    Raises:
        RequestError: Something of it cannot be; nothing was created.
    """

    async def step(work: UnitOfWork) -> Remote:
        return await service.create(
            work,
            kind,
            name=values["name"],
            values=without(values, "name", "labels"),
            labels=values.get("labels"),
        )

    return await _current(context, await change(context, step))


async def update(context: Context, kind: type[RemoteDocument], values: Mapping[str, Any]) -> CurrentRemote:
    """Change what the input holds of a remote: it gets a new revision.

    Raises:
        RevisionConflict: It was changed since the revision that the client expected.
        RequestError: Something of it cannot be; nothing was changed.
    """

    async def step(work: UnitOfWork) -> Remote:
        remote = await wanted(work, context, values["id"], Remote, "id", kind=kind.kind)
        changes = without(values, "id", "expected_revision")
        refuse_null(changes, "name")
        return await service.update(
            work,
            remote,
            changes=changes,
            expected_revision=values.get("expected_revision"),
        )

    return await _current(context, await change(context, step))


async def delete(context: Context, id: str) -> CurrentRemote:
    """Delete a remote; its revisions stay for what needs them.

    Raises:
        NotFound: There is none with this id.
        InUse: A repository syncs from it.
    """

    async def step(work: UnitOfWork) -> Remote:
        return await service.delete(work, await wanted(work, context, id, Remote, "id"))

    return await _current(context, await change(context, step))


async def _current(context: Context, remote: Remote) -> CurrentRemote:
    current = await context.loaders.remote.load(remote.id)
    assert current is not None, "a remote has a current revision, also when it is deleted"
    return current
