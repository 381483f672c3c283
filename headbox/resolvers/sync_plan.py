"""Plans of syncs: they are computed for as long as their client waits, and found again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from headbox.errors import Canceled, Invalid
from headbox.kinds import SyncTask
from headbox.models import Repository, SyncPlan
from headbox.pipeline.planned import PlannedArtifact
from headbox.resolvers import task as tasks
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change
from headbox.resolvers.ids import SYNC_PLAN, GlobalId
from headbox.resolvers.paging import Edge, Page, PageArguments, page_of
from headbox.services import task as service
from headbox.services.task import SyncRequest
from headbox.tasking.engine import UnitOfWork
from headbox.types import Automation

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """A unit that would be added or removed, as a plan keeps it."""

    id: str
    kind: str
    artifacts: list[PlannedArtifact]


async def plan(context: Context, task_type: type[SyncTask[Any, Any]], values: Mapping[str, Any]) -> SyncPlan:
    """Compute what a sync would change.

    Args:
        context: The operation.
        task_type: Type of the sync.
        values: The input that would create it; what does not bear on content is not looked at.

    Raises:
        RequestError: It could not be created, or too much is planned already.
        TaskError: What the remote holds cannot be had.
    """
    if values.get("plan") is not None:
        raise Invalid(field="plan", reason="a plan is not made of another one", path=("plan",))
    of_content = {name: value for name, value in values.items() if name not in {"labels", "idempotency_key"}}

    async def step(work: UnitOfWork) -> tuple[service.Prepared, Repository]:
        # Publish settings would be made for an automation: nothing is changed here.
        asked = await tasks.requested(work, context, task_type, {**of_content, "automation": Automation.NONE})
        assert isinstance(asked, SyncRequest)
        return await service.prepare_sync(work, task_type, asked), asked.repository

    prepared, repository = await change(context, step, is_repeatable=True)
    assert isinstance(prepared.parameters, SyncTask)
    made = await _while_wanted(context, context.planner.plan(prepared.parameters, repository))
    context.refresh()
    return made


async def _while_wanted(context: Context, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do some work, and give it up when the client goes away.

    Raises:
        Canceled: It did, and nobody hears of this.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(context.gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Canceled
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def find(context: Context, id: str) -> SyncPlan | None:
    """Return the plan with a global id, or None when there is none any more."""
    parsed = GlobalId.parse(id)
    if parsed is None or parsed.type_name != SYNC_PLAN:
        return None
    return await context.loaders.sync_plan.load(parsed.id)


async def remote_revision(context: Context, plan: SyncPlan) -> int:
    """Return the number of the remote's revision that a plan was made with; 0 when that is gone."""
    revision = await context.loaders.remote_revision.load(UUID(plan.input["remote_revision"]))
    return revision.number if revision else 0


def units(plan: SyncPlan | None, change: str, arguments: PageArguments) -> Page[Edge[PlannedUnit]]:
    """Return a page of the first units of a change: `added` or `removed`; without a plan there are none."""
    if plan is None:
        return page_of([], arguments, known=0)
    shown = [
        PlannedUnit(unit["id"], unit["kind"], [PlannedArtifact(**artifact) for artifact in unit["artifacts"]])
        for unit in plan.summary[f"first_{change}"]
    ]
    return page_of(shown, arguments, known=plan.summary[change]["count"])
