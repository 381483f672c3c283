"""Tasks: created as an API client creates them."""

from __future__ import annotations

from typing import Any

from headbox.models import Repository, RepositoryVersion, Task
from headbox.plugins.file.publish import FilePublish
from headbox.plugins.file.sync import FileSync
from headbox.services import task as tasks
from headbox.services.task import PublishRequest, SyncRequest
from headbox.tasking.engine import Engine
from tests.factories.names import unused_name
from tests.support.tasks import Gate, WaitTask, gates


async def make_sync(engine: Engine, repository: Repository, **request: Any) -> Task:
    """Create a sync; `request` holds more of a `SyncRequest`."""
    current = await Repository.get(id=repository.id)
    async with engine.unit_of_work() as work:
        return await tasks.create_sync(work, FileSync, SyncRequest(current, **request))


async def make_publish(engine: Engine, what: Repository | RepositoryVersion, **request: Any) -> Task:
    """Create a publish of a version, or of a repository's latest; `request` holds more of a `PublishRequest`."""
    if isinstance(what, Repository):
        request["repository"] = await Repository.get(id=what.id)
    else:
        request["repository_version"] = what
    async with engine.unit_of_work() as work:
        return await tasks.create_publish(work, FilePublish, PublishRequest(**request))


def make_gate() -> tuple[str, Gate]:
    """Return a gate that is shut, by its name."""
    name = unused_name("gate")
    gates[name] = Gate()
    return name, gates[name]


async def make_wait(
    engine: Engine,
    gate: str,
    text: str = "",
    *,
    resource: str = "",
    fails: bool = False,
    says: str = "",
    **request: Any,
) -> Task:
    """Create a task that waits at a gate, holding a resource that nobody else wants unless one is named."""
    values: dict[str, Any] = {"gate": gate, "text": text, "resource": resource or unused_name("resource")}
    values |= {"fails": fails, "says": says}
    async with engine.unit_of_work() as work:
        return await tasks.create(work, WaitTask, values, **request)
