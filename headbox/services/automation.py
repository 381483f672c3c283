"""How far a new version goes by itself: its publication, and what distributions serve of it."""

from __future__ import annotations

from typing import Any

from headbox.kinds import SyncTask, VersionTask
from headbox.models import PublishSettings, Repository
from headbox.pipeline.run import Run
from headbox.services import distribution as distributions
from headbox.services import publication as publications
from headbox.services import task as tasks
from headbox.services import version as versions
from headbox.services.publication import Rendered, VersionKey
from headbox.services.version import NextVersion
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import ActionState, Automation

#: The tasks that make versions.
Parameters = SyncTask[Any, Any] | VersionTask[Any]


async def render(
    run: Run, parameters: Parameters, repository: Repository, prepared: NextVersion | None
) -> Rendered | None:
    """Render the publication of the version that is the latest one after a task; None where its kind has none.

    Args:
        run: The task.
        parameters: Its parameters; they say that something is to be published.
        repository: Where the version is made.
        prepared: The version, which nobody sees yet; None where the task makes none.
    """
    task_type = run.engine.registry.publish_task(parameters.repository_type())
    if task_type is None:
        return None
    settings = await PublishSettings.get(id=parameters.settings)
    if prepared and prepared.is_changed:
        key = VersionKey(prepared.id, repository.id, prepared.number)
    else:
        latest = await versions.latest(run.engine.database.connection, repository)
        key = VersionKey(latest.id, repository.id, latest.number)
    with run.progress.action("publish"):
        return await publications.render(run, task_type, key, settings)


async def publish(
    run: Run,
    work: UnitOfWork,
    parameters: Parameters,
    *,
    repository: Repository,
    rendered: Rendered | None,
    outcome: Outcome,
) -> None:
    """Make what was rendered visible, in the transaction that makes its version visible."""
    is_distributed = parameters.automation is Automation.DISTRIBUTE
    if rendered:
        await publications.commit_into(work, rendered, outcome, task_id=run.task.id, is_distributable=is_distributed)
    if is_distributed:
        # Checked where it counts: the last distribution may have gone while the task ran.
        await tasks.check_distributable(work.connection, repository, parameters.automation)
        with run.progress.action("distribute"):
            changed = await distributions.follow(work, repository.id)
            run.report("distribute.update.distributions", "Updating distributions", total=changed).add(changed)


def tell_held_back(run: Run, missing: int) -> None:
    """Say that the version is made, and goes no further."""
    with run.progress.action("publish") as action:
        run.report("publish.held_back", "Held back: content is missing").add(missing)
        action.end(ActionState.SKIPPED)
