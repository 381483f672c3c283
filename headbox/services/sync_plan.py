"""Plans of syncs: what one would change, computed before it is asked for.

A plan reads what a sync reads, and changes nothing. It is kept for a while, with a fingerprint of everything that the
remote declared; `services.planned_sync` makes sure that a sync does just that, or nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from headbox.download import open_downloader
from headbox.errors import LimitExceeded, NotFound, PlanMoved, PlanOutdated, TooManyPlans
from headbox.kinds import RemoteDocument, SyncTask
from headbox.models import Remote, RemoteRevision, Repository, SyncPlan
from headbox.models.database import Connection, execute, lock_row, now
from headbox.pipeline.fingerprint import Fingerprint
from headbox.pipeline.metadata import Metadata
from headbox.pipeline.plan import Baseline, PlanPipeline, PlanReading
from headbox.pipeline.planned import Amount, Planned, total
from headbox.pipeline.stream import LeftOut, UnitStream
from headbox.services import remote as remotes
from headbox.services.sync_reading import SyncRun, read_remote
from headbox.storage.workspace import Workspace
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import DownloadPolicy, OnError, uuid7

#: Units of each change, and issues, that a plan shows.
SHOWN_UNITS, SHOWN_ISSUES = 500, 100
#: Plans that are kept of one repository; the oldest ones go first.
KEPT_PLANS = 20
#: How long a plan that has expired is still known as one, in days.
EXPIRED_DAYS = 1

Parameters = SyncTask[Any, Any]


class Planner:
    """Computes the plans of a process, a few at a time.

    Args:
        engine: What the process shares.
        workspace: Where working folders are.
    """

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self._engine = engine
        self._workspace = workspace
        self._under_way = 0

    async def plan(self, parameters: Parameters, repository: Repository) -> SyncPlan:
        """Return what a sync would change, and keep it.

        Args:
            parameters: Those of the sync, pinned to the configuration of this moment.
            repository: As it is at this moment.

        Raises:
            TooManyPlans: Others are computed.
            LimitExceeded: It takes too long, or the remote declares too much.
            PlanOutdated: The repository got another version meanwhile.
            HeadboxError: The metadata cannot be had.
        """
        async with self._bounded(), self._workspace.open(f"plan.{uuid7()}") as folder:
            plan = await self._compute(parameters, repository, PlanReading(self._engine, folder))
        return await self._engine.transact(lambda work: _keep(work, plan))

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        settings = self._engine.settings.sync
        if self._under_way >= settings.plan_limit:
            raise TooManyPlans(limit=settings.plan_limit)
        self._under_way += 1
        timeout = asyncio.timeout(settings.plan_timeout_seconds)
        try:
            async with timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():
                raise
            what = "The time that the plan takes, in seconds,"
            raise LimitExceeded(what=what, limit=settings.plan_timeout_seconds) from error
        finally:
            self._under_way -= 1

    async def _compute(self, parameters: Parameters, repository: Repository, reading: PlanReading) -> SyncPlan:
        remote = await self._remote(parameters)
        baseline = Baseline(repository.id, repository.latest_number, parameters.origins_that_go)
        fingerprint = Fingerprint(reading.working_folder)
        kinds = parameters.repository_type().content_types
        with reading.progress.action("plan"):
            stream = UnitStream(reading, kinds=kinds, on_error=OnError.SKIP, estimated_units=None)
            async with Planned.opened(reading.working_folder / "planned") as planned:
                pipeline = PlanPipeline(self._engine, stream, planned, fingerprint, baseline)
                async with open_downloader(remotes.access(remote), self._engine.settings.download) as downloader:
                    # Nothing is taken for known: a plan is of what the remote holds now.
                    metadata = Metadata(reading, downloader, {}, remote.url)
                    run = SyncRun(reading, remote, metadata, stream)
                    await read_remote(parameters, run, metadata, pipeline.take)
                summary = await _summary(pipeline, planned, remote.policy)
        return SyncPlan(
            repository_id=repository.id,
            task_kind=parameters.kind,
            input=parameters.model_dump(mode="json"),
            version_number=repository.latest_number,
            fingerprint=await fingerprint.digest(),
            summary=summary | _issues(stream),
        )

    async def _remote(self, parameters: Parameters) -> RemoteDocument:
        remote = await Remote.get(id=parameters.remote)
        revision = await RemoteRevision.get(id=parameters.remote_revision)
        return remotes.read(self._engine.registry, self._engine.cipher, remote.kind, revision)


async def _summary(pipeline: PlanPipeline, planned: Planned, policy: DownloadPolicy) -> dict[str, Any]:
    added = await asyncio.to_thread(planned.added)
    removed, first_removed = await pipeline.removed(SHOWN_UNITS)
    is_immediate = policy is DownloadPolicy.IMMEDIATE
    missing = await asyncio.to_thread(planned.missing_bytes, of_new_only=not is_immediate)
    first_added = await asyncio.to_thread(planned.first_added, SHOWN_UNITS)
    return {
        "policy": policy.value,
        "added": asdict(total(added.values())),
        "removed": asdict(total(removed.values())),
        "downloaded": asdict(missing if is_immediate else Amount()),
        "on_demand": asdict(Amount() if is_immediate else missing),
        "by_kind": _by_kind(added, removed),
        "first_added": [asdict(unit) for unit in first_added],
        "first_removed": [asdict(unit) for unit in first_removed],
    }


def _by_kind(added: Mapping[str, Amount], removed: Mapping[str, Amount]) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "added": asdict(added.get(kind, Amount())),
            "removed": asdict(removed.get(kind, Amount())),
        }
        for kind in sorted(added.keys() | removed.keys())
    ]


def _issues(stream: UnitStream) -> dict[str, Any]:
    return {
        "issue_count": stream.issue_count,
        "issues": [_issue(unit) for unit in stream.issues[:SHOWN_ISSUES]],
    }


def _issue(unit: LeftOut) -> dict[str, Any]:
    return {
        "code": unit.error.code.value,
        "message": unit.error.message,
        "url": unit.error.values.get("url"),
        "relative_path": unit.relative_path,
        "retryable": unit.error.retryable,
    }


async def _keep(work: UnitOfWork, plan: SyncPlan) -> SyncPlan:
    """Save a plan, and forget those of the same repository that are too many."""
    await lock_row(work.connection, "repository", plan.repository_id)
    repository = await Repository.get_or_none(id=plan.repository_id, using_db=work.connection)
    if repository is None:
        raise NotFound(what="repository", key=str(plan.repository_id), path=("repository",))
    if repository.latest_number != plan.version_number:
        raise PlanOutdated(moved=PlanMoved.REPOSITORY, reason="the repository got another version while it was made")
    time = await now(work.connection)
    plan.expires_at = time + timedelta(seconds=work.settings.sync.plan_keep_seconds)
    await plan.save(using_db=work.connection, force_create=True)
    others = SyncPlan.filter(repository_id=repository.id).using_db(work.connection).order_by("-id")
    too_many = await others.offset(KEPT_PLANS).limit(KEPT_PLANS).values_list("id", flat=True)
    if too_many:
        await SyncPlan.filter(id__in=too_many).using_db(work.connection).delete()
    return await SyncPlan.get(id=plan.id, using_db=work.connection)


async def remove_expired(connection: Connection) -> None:
    """Delete the plans that have not been applicable for a while."""
    time = await now(connection) - timedelta(days=EXPIRED_DAYS)
    await execute(connection, "DELETE FROM sync_plan WHERE expires_at < ?", [time])
