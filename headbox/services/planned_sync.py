"""Syncs that apply a plan: they do just what it says, or nothing, because the world has moved."""

from __future__ import annotations

from typing import Any

from headbox.errors import PlanMoved, PlanOutdated
from headbox.kinds import AppliedPlan, SyncTask
from headbox.models import Repository, SyncPlan
from headbox.models.database import Connection, now

#: What is said when a plan is applied, and need not be what was said when it was made: it changes no content.
FREE = frozenset({"automation", "settings", "on_error", "force", "plan"})

Parameters = SyncTask[Any, Any]


def parameters_of(plan: SyncPlan, task_type: type[Parameters]) -> Parameters:
    """Return the parameters that a plan was made with.

    Raises:
        PlanOutdated: It was made for tasks of another type.
    """
    if plan.task_kind != task_type.kind:
        raise _moved(PlanMoved.INPUT, f"it was made for {plan.task_kind}, not for {task_type.kind}")
    return task_type.read(plan.input)


async def check(connection: Connection, plan: SyncPlan, parameters: Parameters, repository: Repository) -> AppliedPlan:
    """Make sure that a sync with these parameters would do what a plan says, as far as can be known now.

    Returns:
        What the sync keeps of the plan, which may be gone when it runs.

    Raises:
        PlanOutdated: It would not.
    """
    if plan.expires_at <= await now(connection):
        raise _moved(PlanMoved.EXPIRED, "it has expired")
    planned = parameters_of(plan, type(parameters))
    differing = [
        name
        for name in type(parameters).model_fields
        if name not in FREE and getattr(parameters, name) != getattr(planned, name)
    ]
    if differing == ["remote_revision"]:
        raise _moved(PlanMoved.REMOTE, "the remote was changed since")
    if differing:
        names = ", ".join(name for name in differing if name != "remote_revision")
        raise _moved(PlanMoved.INPUT, f"it was made with another {names}")
    applied = AppliedPlan(id=plan.id, version_number=plan.version_number, fingerprint=plan.fingerprint)
    check_version(applied, repository)
    return applied


def check_version(applied: AppliedPlan, repository: Repository) -> None:
    """Make sure that a repository is at the version that a plan was computed against.

    Raises:
        PlanOutdated: It is not.
    """
    made_for, current = applied.version_number, repository.latest_number
    if current != made_for:
        reason = f"it was made for version {made_for} of the repository, whose latest one is {current}"
        raise _moved(PlanMoved.REPOSITORY, reason)


def check_fingerprint(applied: AppliedPlan, fingerprint: str) -> None:
    """Make sure that the remote declared what it declared when a plan was made.

    Raises:
        PlanOutdated: It did not.
    """
    if fingerprint != applied.fingerprint:
        raise _moved(PlanMoved.UPSTREAM, "the remote holds something else now")


def _moved(moved: PlanMoved, reason: str) -> PlanOutdated:
    return PlanOutdated(moved=moved, reason=reason, path=("plan",))
