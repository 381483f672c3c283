"""Plans of syncs, and syncs that apply them."""

from __future__ import annotations

from typing import Any

from headbox.kinds import SyncTask
from headbox.models import Repository, SyncPlan, Task
from headbox.plugins.file.sync import FileSync
from headbox.services import task as tasks
from headbox.services.sync_plan import Planner
from headbox.services.task import SyncRequest
from tests.support.engine import EngineUnderTest


async def make_plan(
    engine: EngineUnderTest, repository: Repository, task_type: type[SyncTask[Any, Any]] = FileSync, **request: Any
) -> SyncPlan:
    """Compute the plan of a sync; `request` holds more of a `SyncRequest`."""
    current = await Repository.get(id=repository.id)
    async with engine.unit_of_work() as work:
        prepared = await tasks.prepare_sync(work, task_type, SyncRequest(current, **request))
    assert isinstance(prepared.parameters, SyncTask)
    return await Planner(engine, engine.workspace).plan(prepared.parameters, current)


async def apply_plan(
    engine: EngineUnderTest, plan: SyncPlan, task_type: type[SyncTask[Any, Any]] = FileSync, **request: Any
) -> Task:
    """Create the sync that applies a plan; `request` holds more of a `SyncRequest`."""
    repository = await Repository.get(id=plan.repository_id)
    async with engine.unit_of_work() as work:
        return await tasks.create_sync(work, task_type, SyncRequest(repository, plan=plan, **request))


def counts(plan: SyncPlan) -> dict[str, int]:
    """Return how much a plan would add, remove and download."""
    return {name: plan.summary[name]["count"] for name in ("added", "removed", "downloaded")}


def paths(plan: SyncPlan, change: str) -> list[str]:
    """Return the paths of the units that a plan shows as `added` or `removed`."""
    return [artifact["relative_path"] for unit in plan.summary[f"first_{change}"] for artifact in unit["artifacts"]]
