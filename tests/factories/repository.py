"""Repositories of files."""

from __future__ import annotations

from typing import Any

from headbox.models import Remote, Repository
from headbox.plugins.file.kinds import FileRepository
from headbox.services import repository as repositories
from headbox.services.repository import CreatedRepository, NewDistribution, NewRemote, NewRepository
from headbox.tasking.engine import Engine
from headbox.types import SyncMode
from tests.factories.names import unused_name
from tests.factories.remote import new_remote
from tests.support.upstream import Upstream


async def create_repository(
    engine: Engine, source: Upstream | Remote | NewRemote | None = None, *base_paths: str, **fields: Any
) -> CreatedRepository:
    """Create a repository that mirrors its remote, with a distribution at each base path.

    Args:
        engine: The engine.
        source: Where it syncs from; for an upstream a remote is created too.
        base_paths: Base paths of its distributions.
        fields: Of `NewRepository`.
    """
    remote = new_remote(source) if isinstance(source, Upstream) else source
    values: dict[str, Any] = {"name": unused_name("repository"), "sync_mode": SyncMode.MIRROR, **fields}
    distributions = tuple(NewDistribution(path) for path in base_paths)
    async with engine.unit_of_work() as work:
        return await repositories.create(
            work, FileRepository, NewRepository(remote=remote, distributions=distributions, **values)
        )


async def make_repository(
    engine: Engine, source: Upstream | Remote | NewRemote | None = None, *base_paths: str, **fields: Any
) -> Repository:
    """Create a repository as `create_repository` does, and return it alone."""
    return (await create_repository(engine, source, *base_paths, **fields)).repository
