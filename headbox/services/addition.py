"""Running adds and copies: group commit.

Adds that wait for the same repository are committed together: the one that runs takes those along that wait right
behind it (see `services.companions`), and makes one version of them all. Each keeps its own task, result and error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headbox.errors import NotFound, SlotTaken, UnitNeeded
from headbox.filters import content as filters
from headbox.filters.conditions import one_of
from headbox.kinds import AddTask, ContentUnit, CopyTask, VersionTask
from headbox.models import Repository, RepositoryVersion
from headbox.models.database import Connection, execute, fetch
from headbox.pipeline.run import Run
from headbox.services import automation, version_deletion
from headbox.services import open_issue as open_issues
from headbox.services import version as versions
from headbox.services.companions import Member, can_lead, slots_of, take_companions
from headbox.services.publication import Rendered
from headbox.services.version import NextVersion
from headbox.services.version_request import unit_names
from headbox.tasking import lifecycle
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Outcome
from headbox.types import Automation, Origin

#: Most units that an error lists.
MAX_LISTED = 100


@dataclass(slots=True)
class Group:
    """The tasks that are committed together, and the version that comes of them.

    Attributes:
        members: The one that runs, and those that it has taken along.
    """

    repository: Repository
    members: list[Member]
    version: NextVersion
    is_held_back: bool = False
    rendered: Rendered | None = None

    @property
    def made(self) -> list[Member]:
        """Those whose changes the version has."""
        return [member for member in self.members if member.error is None]


async def run_addition(run: Run, parameters: VersionTask[Any]) -> None:
    """Do the work of an add or a copy and of those that wait right behind it, and finish them.

    Raises:
        HeadboxError: It cannot be done; what it is to change stays as it is, and the others are done.
        AttemptOver: This attempt no longer counts.
    """
    if parameters.automation is Automation.NONE:
        group = await _make_at_once(run, parameters)
    else:
        group = await _make_and_render(run, parameters)
    if error := group.members[0].error:
        raise error


async def _make_at_once(run: Run, parameters: VersionTask[Any]) -> Group:
    """Make the version in one transaction, for nothing is to be rendered in between."""

    async def step(work: UnitOfWork) -> Group:
        group = await _gather(run, work, parameters)
        await _finish(run, work, parameters, group)
        return group

    return await run.write(step)


async def _make_and_render(run: Run, parameters: VersionTask[Any]) -> Group:
    group = await run.write(lambda work: _gather(run, work, parameters))
    try:
        if group.made and not group.is_held_back:
            group.rendered = await automation.render(run, parameters, group.repository, group.version)
        await run.write(lambda work: _finish(run, work, parameters, group))
    except BaseException:
        await asyncio.shield(_give_back(run, group.members[1:]))
        raise
    return group


async def _give_back(run: Run, members: Sequence[Member]) -> None:
    """Let those that were taken along wait again: they have done nothing wrong."""
    for member in members:
        await run.engine.transact(lambda work, attempt=member.attempt: lifecycle.end(work, attempt, None, []))  # type: ignore[misc]


async def _gather(run: Run, work: UnitOfWork, parameters: VersionTask[Any]) -> Group:
    """Take those along that can be committed together with a task, and prepare their version."""
    connection = work.connection
    repository = await Repository.get_or_none(id=parameters.repository, using_db=connection)
    if repository is None:
        raise NotFound(what="repository", key=str(parameters.repository))
    await versions.keep_all(connection, repository.id)
    # What a killed task has prepared is not what stands there.
    await versions.discard(connection, repository)
    leader = Member(run.task, parameters, run.progress)
    if isinstance(parameters, CopyTask):
        await _stage_copy(run, work, parameters)
    base = await _base(connection, parameters)
    members = [leader]
    if can_lead(parameters):
        members += await take_companions(work, leader)
        run.companions = [member.attempt for member in members[1:]]
    else:
        leader.slots = (await slots_of(connection, [leader]))[leader.task.id]
    number = repository.latest_number if base is None else base
    await _refuse_overwriting(run, connection, repository, members, number)
    group = Group(repository, members, await _prepared(connection, repository, members, base))
    while await _refuse_needed(run, connection, group):
        group.version = await _prepared(connection, repository, members, base)
    await _count(connection, group)
    for member in group.made:
        _report(member)
    if parameters.automation is not Automation.NONE:
        group.is_held_back = bool(await open_issues.holding_back(connection, repository.id))
    return group


async def _base(connection: Connection, parameters: VersionTask[Any]) -> int | None:
    if not isinstance(parameters, AddTask) or parameters.base is None:
        return None
    version = await RepositoryVersion.get_or_none(id=parameters.base, using_db=connection)
    if version is None:
        raise NotFound(what="repository version", key=str(parameters.base), path=("base",))
    number: int = version.number
    return number


async def _stage_copy(run: Run, work: UnitOfWork, parameters: CopyTask[Any]) -> None:
    """Stage what a copy is to add, and what that needs."""
    source = await versions.kept(work.connection, parameters.source)
    if source is None:
        raise NotFound(what="repository version", key=str(parameters.source), path=("source",))
    taken = one_of("content.kind", [unit.kind for unit in parameters.repository_type().content_types])
    await versions.stage_from(
        work.connection,
        source,
        run.task.id,
        wanted=taken & await filters.condition(work, parameters.filter),
        needed=taken if parameters.with_needed else None,
    )


async def _refuse_overwriting(
    run: Run, connection: Connection, repository: Repository, members: Sequence[Member], base: int
) -> None:
    """Refuse the tasks that would overwrite what they must not, of what the version with the number `base` holds."""
    careful = {member.task.id: member for member in members if not member.parameters.overwrite}
    if not careful:
        return
    standing = (
        "SELECT staged.task_id, staged.content_id AS unit, member.content_id AS other FROM staged_content staged"  # noqa: S608
        " JOIN membership member ON member.repository_id = ? AND member.slot = staged.slot"
        "  AND member.content_id <> staged.content_id AND {held}"
        f" WHERE staged.task_id IN ({', '.join('?' * len(careful))})"
    )
    # What is there still, and what went since: an index has each of them. The signs keep SQLite from another one, where
    # it would go through all that the repository has held.
    still = standing.format(held="member.removed_in IS NULL AND +member.added_in <= ?")
    until = standing.format(held="member.removed_in > ? AND +member.added_in <= ?")
    tasks = [str(task_id) for task_id in careful]
    rows = await fetch(
        connection,
        f"{still} UNION ALL {until}",
        [str(repository.id), base, *tasks, str(repository.id), base, base, *tasks],
    )
    for row in rows:
        member = careful[UUID(str(row["task_id"]))]
        if member.error is None and UUID(str(row["other"])) not in member.removed:
            kinds = run.engine.registry.all(ContentUnit)
            names = await unit_names(connection, [str(row["unit"]), str(row["other"])], kinds)
            path = _path_of_added(member)
            member.error = SlotTaken(unit=names[str(row["unit"])], other=names[str(row["other"])], path=path)


async def _prepared(
    connection: Connection, repository: Repository, members: Iterable[Member], base: int | None
) -> NextVersion:
    made = [member for member in members if member.error is None]
    origin = Origin.COPY if made and isinstance(made[0].parameters, CopyTask) else Origin.UPLOAD
    return await versions.prepare_changes(
        connection,
        repository,
        [member.task for member in made],
        origin=origin,
        removed=[key for member in made for key in member.removed],
        base=base if made else None,
    )


async def _refuse_needed(run: Run, connection: Connection, group: Group) -> bool:
    """Refuse the tasks that take away what other units need; tell whether there are any."""
    rows = await versions.missed(connection, group.version)
    by_slot = {slot: member for member in group.made for slot in member.slots}
    missed: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        member = by_slot.get(str(row["slot"]), group.members[0])
        missed.setdefault(member.task.id, []).append(row)
    for member in group.made:
        if of_member := missed.get(member.task.id):
            is_removed = any(UUID(str(row["needed_id"])) in member.removed for row in of_member)
            path = ("remove",) if is_removed else _path_of_added(member)
            member.error = await _needed_error(run, connection, of_member, path)
    return bool(rows)


def _path_of_added(member: Member) -> tuple[str, ...]:
    return ("source",) if isinstance(member.parameters, CopyTask) else ("add",)


async def _needed_error(
    run: Run, connection: Connection, rows: Sequence[dict[str, Any]], path: tuple[str, ...]
) -> UnitNeeded:
    kinds = list(run.engine.registry.all(ContentUnit))
    types = {kind.kind: kind.__name__ for kind in kinds}
    needed = {str(row["needed_id"]): types.get(row["needed_kind"], "Content") for row in rows}
    needing = {str(row["content_id"]): types.get(row["kind"], "Content") for row in rows}
    names = await unit_names(connection, list(needing)[:5], kinds)
    return UnitNeeded(
        number=len(needed),
        names=", ".join(names.values()) + (" and more" if len(needing) > len(names) else ""),
        needed=" ".join(f"{name}:{key}" for key, name in list(needed.items())[:MAX_LISTED]),
        needed_by=" ".join(f"{name}:{key}" for key, name in list(needing.items())[:MAX_LISTED]),
        path=path,
    )


async def _count(connection: Connection, group: Group) -> None:
    """Count what each task changes."""
    if len(group.made) == 1:
        group.made[0].changes.update(added=group.version.added, removed=group.version.removed)
        return
    by_slot = {slot: member for member in group.made for slot in member.slots}
    for change in ("added", "removed"):
        rows = await fetch(
            connection,
            f"SELECT slot FROM membership WHERE repository_id = ? AND {change}_in = ?",  # noqa: S608
            [str(group.repository.id), group.version.number],
        )
        for row in rows:
            by_slot[str(row["slot"])].changes[change] += 1


async def _finish(run: Run, work: UnitOfWork, parameters: VersionTask[Any], group: Group) -> None:
    """Make the version visible, and finish the tasks of the group but for the one that runs where it has failed."""
    leader, *others = group.members
    await lifecycle.go_on(work.connection, [member.attempt for member in others])
    version_id = None
    if group.version.is_changed:
        # The one that runs may have failed, and have no part in it.
        version = await versions.commit(work.connection, group.version, group.made[0].task.id)
        version_id = str(version.id)
    published = Outcome()
    if parameters.automation is not Automation.NONE and group.made:
        if group.is_held_back:
            automation.tell_held_back(run, await open_issues.holding_back(work.connection, group.repository.id))
        else:
            await automation.publish(
                run, work, parameters, repository=group.repository, rendered=group.rendered, outcome=published
            )
    await version_deletion.retire(work.connection, group.repository)
    for member in group.members:
        is_changed = bool(member.changes.total())
        outcome = Outcome(
            {"repository_version": version_id if is_changed else None, "publication": None, "reused": False}
            | published.result,
            [f"RepositoryVersion:{version_id}"] * is_changed + published.created,
        )
        # What fails may be tried again by another attempt; then upkeep takes it away.
        if member.error is None:
            await execute(work.connection, "DELETE FROM staged_content WHERE task_id = ?", [str(member.task.id)])
        if member is leader:
            if member.error is None:
                await run.complete(work, outcome)
        elif member.error is None:
            await lifecycle.complete(work, member.attempt, outcome, member.progress.document())
        else:
            await lifecycle.end(work, member.attempt, member.error, member.progress.document())
    work.repository_changed(group.repository.id)


def _report(member: Member) -> None:
    with member.progress.action("copy" if isinstance(member.parameters, CopyTask) else "add"):
        for change, message in (("added", "Adding to the version"), ("removed", "Removing from the version")):
            number = member.changes[change]
            member.progress.report(f"add.{change}.content", message, total=number).add(number)
