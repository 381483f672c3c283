"""What depends on a remote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headbox.errors import NotFound
from headbox.filters.conditions import Condition, every, one_of
from headbox.models import Distribution, Remote, Repository, Schedule, Task
from headbox.models.database import json_field
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Listing, Page, PageArguments, edges_of, request
from headbox.services import remote_impact as service
from headbox.services.remote_impact import RemoteImpact


@dataclass(frozen=True, slots=True)
class Dependents:
    """A remote, and what depends on it."""

    remote_id: UUID
    impact: RemoteImpact


async def find(context: Context, id: str) -> Dependents:
    """Return what depends on a remote.

    Raises:
        NotFound: There is none with this id.
        WrongType: It is the id of something else.
    """
    remote = await context.loaders.remote.load(context.types.decode(id, Remote, path=("id",)))
    if remote is None or remote.row.deleted_at is not None:
        raise NotFound(what="remote", key=id, path=("id",))
    return Dependents(remote.id, await service.impact(context.connection, remote.row))


async def repositories(context: Context, dependents: Dependents, arguments: PageArguments) -> Page[Any]:
    """Return a page of the repositories that depend on a remote, by name."""
    where = every(
        [
            one_of("repository.id", map(str, dependents.impact.repositories)),
            one_of("repository.kind", context.types.kinds_of(Repository)),
        ]
    )
    listing = Listing("repository.*", "repository", "repository.name", "name", key_type=str, where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(Repository)))


async def distributions(context: Context, dependents: Dependents, arguments: PageArguments) -> Page[Any]:
    """Return a page of the distributions that depend on a remote, by name."""
    where = one_of("distribution.id", map(str, dependents.impact.distributions))
    listing = Listing("distribution.*", "distribution", "distribution.name", "name", key_type=str, where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(Distribution)))


async def schedules(context: Context, dependents: Dependents, arguments: PageArguments) -> Page[Any]:
    """Return a page of the schedules whose tasks use a remote: by its id, or as that of their repository; by name."""
    remote_id = str(dependents.remote_id)
    named, repository = (json_field(context.connection, "schedule.request", name) for name in ("remote", "repository"))
    where = Condition(
        f"(CAST(schedule.request AS TEXT) LIKE ? OR ({named} IS NULL AND EXISTS (SELECT 1 FROM repository"  # noqa: S608
        f" WHERE repository.remote_id = ? AND CAST(repository.id AS TEXT) = {repository})))",
        (f"%{remote_id}%", remote_id),
    )
    listing = Listing("schedule.*", "schedule", "schedule.name", "name", key_type=str, where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(Schedule)))


async def tasks(context: Context, dependents: Dependents, arguments: PageArguments) -> Page[Any]:
    """Return a page of the unfinished tasks that use a remote, the newest first."""
    remote_id = str(dependents.remote_id)
    where = every(
        [
            one_of("task.kind", context.types.kinds_of(Task)),
            Condition("task.finished_at IS NULL"),
            Condition("CAST(task.input AS TEXT) LIKE ?", (f"%{remote_id}%",)),
        ]
    )
    listing = Listing("task.*", "task", "task.id", "id", where=where, is_descending=True)
    return await context.loaders.page(request(listing, arguments, edges_of(Task)))
