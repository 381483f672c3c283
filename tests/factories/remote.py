"""Remotes of files."""

from __future__ import annotations

from typing import Any

from headbox.models import Remote
from headbox.plugins.file.kinds import FileRemote
from headbox.services import remote as remotes
from headbox.services.repository import NewRemote
from headbox.tasking.engine import Engine
from tests.factories.names import unused_name
from tests.support.upstream import Upstream


def new_remote(upstream: Upstream, **values: Any) -> NewRemote:
    """Return a remote to create: of the manifest that the upstream serves."""
    return NewRemote(unused_name("remote"), {"url": upstream.url_of("PULP_MANIFEST"), **values})


async def make_remote(engine: Engine, upstream: Upstream, **values: Any) -> Remote:
    """Create a remote of its own."""
    new = new_remote(upstream, **values)
    async with engine.unit_of_work() as work:
        return await remotes.create(work, FileRemote, name=new.name, values=new.values)


async def update_remote(engine: Engine, remote: Remote, expected_revision: int | None = None, **changes: Any) -> Remote:
    """Update a remote."""
    async with engine.unit_of_work() as work:
        return await remotes.update(work, remote, changes=changes, expected_revision=expected_revision)
