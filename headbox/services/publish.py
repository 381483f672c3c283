"""Running a publish of a version that is finished."""

from __future__ import annotations

from typing import Any

from headbox.errors import NotFound
from headbox.kinds import PublishTask
from headbox.models import PublishSettings, RepositoryVersion
from headbox.pipeline.run import Run
from headbox.services import distribution as distributions
from headbox.services import open_issue as open_issues
from headbox.services import publication as publications
from headbox.services.publication import VersionKey
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome


async def run_publish(run: Run, parameters: PublishTask[Any, Any]) -> None:
    """Make a publication, and finish the task in the transaction that makes it visible.

    Raises:
        HeadboxError: It cannot be done; nothing of it is visible.
        AttemptOver: This attempt no longer counts.
    """
    version = await RepositoryVersion.get_or_none(id=parameters.repository_version)
    settings = await PublishSettings.get_or_none(id=parameters.settings)
    if version is None or settings is None:
        raise NotFound(what="repository version", key=str(parameters.repository_version))
    with run.progress.action("publish"):
        key = VersionKey(version.id, version.repository_id, version.number)
        rendered = await publications.render(run, type(parameters), key, settings)

    async def finish(work: UnitOfWork) -> None:
        outcome = Outcome()
        if not await RepositoryVersion.filter(id=version.id).using_db(work.connection).exists():
            raise NotFound(what="repository version", key=str(version.id))
        await open_issues.check_complete(work.connection, version.repository_id)
        await publications.commit_into(
            work, rendered, outcome, task_id=run.task.id, is_distributable=parameters.distributable
        )
        if parameters.distributable:
            await distributions.follow(work, version.repository_id)
        await run.complete(work, outcome)

    await run.write(finish)
