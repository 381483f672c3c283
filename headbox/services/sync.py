"""Running a sync: from what the remote holds to what clients read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from headbox.download import open_downloader
from headbox.errors import NotFound, RemoteNotSyncable, UnitConflict
from headbox.kinds import Registry, RemoteDocument, SyncTask
from headbox.models import Remote, RemoteRevision, Repository, SyncState
from headbox.models.database import analyze, delete_in_batches
from headbox.pipeline.fingerprint import Fingerprint
from headbox.pipeline.metadata import Metadata, Unchanged
from headbox.pipeline.run import Run
from headbox.pipeline.stream import UnitStream
from headbox.pipeline.sync import SyncPipeline
from headbox.services import automation, version_deletion
from headbox.services import open_issue as open_issues
from headbox.services import planned_sync as planned_syncs
from headbox.services import remote as remotes
from headbox.services import task as tasks
from headbox.services import version as versions
from headbox.services.fallback import OtherSources
from headbox.services.publication import Rendered
from headbox.services.remote_pool import open_pool
from headbox.services.sync_reading import SyncRun, read_remote
from headbox.services.version import NextVersion
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import Automation, DownloadPolicy

#: Up to so many units, no plan for joining them takes long.
UNANALYZED_UNITS = 500

Parameters = SyncTask[Any, Any]


@dataclass(frozen=True, slots=True)
class SyncInput:
    """What a sync works with, read once at its start.

    Attributes:
        inputs: What is the same for syncs that make the same of the same metadata.
        last: What the last sync of the repository saw, or None.
    """

    repository: Repository
    remote: RemoteDocument
    inputs: str
    last: SyncState | None

    def skippable(self) -> dict[str, dict[str, str | None]]:
        """Return the root metadata that, when the remote still has it, leaves nothing to do."""
        last = self.last
        if last is None or last.inputs != self.inputs or last.version_number != self.repository.latest_number:
            return {}
        return last.metadata


async def run_sync(run: Run, parameters: Parameters) -> None:
    """Do the work of a sync, and finish its task in the transaction that makes all of it visible.

    Raises:
        HeadboxError: It cannot be done; nothing of it is visible.
        AttemptOver: This attempt no longer counts.
    """
    # A task that was killed may have staged and told issues already: this attempt sees the remote as it is now.
    await _clear(run, "staged_content")
    await _clear(run, "sync_issue")
    given = await _read_input(run, parameters)
    try:
        made = await _sync(run, parameters, given)
        if parameters.automation is not Automation.NONE:
            made.is_held_back = await _is_held_back(run, parameters, given.repository, made)
            if not made.is_held_back:
                made.rendered = await automation.render(run, parameters, given.repository, made.version)
        await _finish(run, parameters, given, made)
    finally:
        await _clear(run, "staged_content")


async def _clear(run: Run, table: str) -> None:
    # What another attempt has written since this one was taken back is not touched.
    await delete_in_batches(
        run.engine.database.connection,
        table,
        "task_id = (SELECT id FROM task WHERE id = ? AND attempt = ?)",
        [str(run.task.id), run.task.attempt],
    )


async def _read_input(run: Run, parameters: Parameters) -> SyncInput:
    """Read the configuration, and check what depends on the moment of use."""
    repository = await Repository.get_or_none(id=parameters.repository)
    if repository is None:
        raise NotFound(what="repository", key=str(parameters.repository))
    if parameters.plan:
        planned_syncs.check_version(parameters.plan, repository)
    row = await Remote.get_or_none(id=parameters.remote)
    revision = await RemoteRevision.get_or_none(id=parameters.remote_revision)
    if row is None or revision is None:
        raise RemoteNotSyncable(remote=str(parameters.remote), reason="it is gone")
    await tasks.check_distributable(run.engine.database.connection, repository, parameters.automation)
    remote = remotes.read(run.engine.registry, run.engine.cipher, row.kind, revision)
    last = await SyncState.get_or_none(repository_id=repository.id)
    return SyncInput(repository, remote, _inputs(run.engine.registry, parameters, remote), last)


def _inputs(registry: Registry, parameters: Parameters, remote: RemoteDocument) -> str:
    # Another version of a plugin may read the same metadata differently.
    version = next(plugin.version for plugin in registry.plugins if type(parameters) in plugin.tasks)
    common = set(RemoteDocument.model_fields) - {"url", "policy"}
    values = [
        parameters.kind,
        version,
        parameters.model_dump(mode="json", exclude={"remote_revision"} | planned_syncs.FREE),
        remote.model_dump(mode="json", exclude=common),
    ]
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the remote held.

    Attributes:
        metadata: The root metadata, empty where the next sync must not be skipped.
        units: Number of content units.
        left_out: How many more were left out.
    """

    metadata: dict[str, dict[str, str | None]]
    units: int
    left_out: int


@dataclass(slots=True)
class Made:
    """What a sync has made, and nobody sees yet.

    Attributes:
        version: The next version; None where the remote holds what the last sync saw.
        seen: What the remote held; None in the same case.
        rendered: The publication of the version that is the latest one after this sync, where it is wanted.
        is_held_back: Whether there is none because content is missing.
    """

    version: NextVersion | None = None
    seen: Seen | None = None
    rendered: Rendered | None = None
    is_held_back: bool = False


async def _sync(run: Run, parameters: Parameters, given: SyncInput) -> Made:
    """Prepare the next version of what the remote holds; nothing at all where it holds what the last sync saw."""
    known = {} if parameters.force or parameters.plan else given.skippable()
    fingerprint = Fingerprint(run.working_folder) if parameters.plan else None
    with run.progress.action("sync"):
        async with (
            open_downloader(remotes.access(given.remote), run.engine.settings.download) as downloader,
            open_pool(run.engine) as pool,
        ):
            metadata = Metadata(run, downloader, known, given.remote.url)
            stream = UnitStream(
                run,
                kinds=parameters.repository_type().content_types,
                on_error=parameters.on_error,
                estimated_units=given.last.totals.get("units") if given.last else None,
            )
            pipeline = SyncPipeline(
                run,
                stream,
                downloader=downloader if given.remote.policy is DownloadPolicy.IMMEDIATE else None,
                fallback=OtherSources(run, pool, parameters.remote),
                remote_id=parameters.remote,
                on_error=parameters.on_error,
                fingerprint=fingerprint,
            )
            try:
                await read_remote(parameters, SyncRun(run, given.remote, metadata, stream), metadata, pipeline.take)
            except Unchanged:
                run.report("sync.unchanged", "Nothing has changed since the last sync").add(0)
                return Made()
        if stream.unit_count > UNANALYZED_UNITS:
            await analyze(run.engine.database.connection, "staged_content")
        await _leave_out_conflicts(run, stream, fingerprint)
        if parameters.plan and fingerprint:
            planned_syncs.check_fingerprint(parameters.plan, await fingerprint.digest())
        await pipeline.save_issues()
        await _keep_what_stands(run, pipeline, given.repository)
        prepared = await _prepare(run, parameters, given.repository)
    return Made(prepared, Seen({} if stream.issue_count else metadata.seen, stream.unit_count, stream.issue_count))


async def _leave_out_conflicts(run: Run, stream: UnitStream, fingerprint: Fingerprint | None) -> None:
    """Let no two units of a version take the same place: the first one that was declared stays."""
    connection = run.engine.database.connection
    while conflicts := await versions.conflicts(connection, run.task.id):
        for _, path in conflicts:
            stream.issue(UnitConflict(what=repr(path)), relative_path=path)
        left_out = [content_id for content_id, _ in conflicts]
        await run.write(lambda work: versions.unstage(work.connection, run.task.id, left_out))  # noqa: B023 - done at once
        if fingerprint:
            await fingerprint.leave_out(left_out)


async def _keep_what_stands(run: Run, pipeline: SyncPipeline, repository: Repository) -> None:
    """Let no file go because the bytes that are to take its place cannot be had."""
    if pipeline.slots_missed:
        await run.write(lambda work: versions.keep(work.connection, repository, run.task.id, pipeline.slots_missed))


async def _prepare(run: Run, parameters: Parameters, repository: Repository) -> NextVersion:
    prepared = await run.write(
        lambda work: versions.prepare(work.connection, repository, run.task, going=parameters.origins_that_go)
    )
    run.report("sync.add.content", "Adding to the version", total=prepared.added).add(prepared.added)
    run.report("sync.remove.content", "Removing from the version", total=prepared.removed).add(prepared.removed)
    return prepared


async def _is_held_back(run: Run, parameters: Parameters, repository: Repository, made: Made) -> bool:
    """Tell whether what is missing keeps the repository from being published, so that nothing is rendered in vain."""
    connection = run.engine.database.connection
    if made.seen is None:
        return bool(await open_issues.holding_back(connection, repository.id))
    if not repository.require_complete:
        return False
    return made.seen.left_out > 0 or await open_issues.stays_incomplete(connection, parameters)


async def _finish(run: Run, parameters: Parameters, given: SyncInput, made: Made) -> None:
    """Make version, publication and what distributions serve visible together."""

    async def finish(work: UnitOfWork) -> None:
        if parameters.plan:
            current = await Repository.get(id=given.repository.id, using_db=work.connection)
            planned_syncs.check_version(parameters.plan, current)
        outcome = Outcome({"repository_version": None, "publication": None, "reused": False})
        if made.version and made.version.is_changed:
            version = await versions.commit(work.connection, made.version, run.task.id)
            outcome.result["repository_version"] = str(version.id)
            outcome.created.append(f"RepositoryVersion:{version.id}")
        if made.seen:
            await _remember(work, given, made.seen)
            await open_issues.settle(work, parameters, run.task.id, left_out=made.seen.left_out)
        if parameters.automation is not Automation.NONE:
            missing = await open_issues.holding_back(work.connection, given.repository.id)
            if missing or made.is_held_back:
                automation.tell_held_back(run, missing)
            else:
                await automation.publish(
                    run, work, parameters, repository=given.repository, rendered=made.rendered, outcome=outcome
                )
        await version_deletion.retire(work.connection, given.repository)
        work.repository_changed(given.repository.id)
        await run.complete(work, outcome)

    await run.write(finish)


async def _remember(work: UnitOfWork, given: SyncInput, seen: Seen) -> None:
    await SyncState.update_or_create(
        repository_id=given.repository.id,
        defaults={
            "inputs": given.inputs,
            "version_number": given.repository.latest_number,
            "metadata": seen.metadata,
            "totals": {"units": seen.units},
        },
        using_db=work.connection,
    )
