"""Running adds and copies: group commit.

Adds that wait for the same repository are committed together: the one that runs takes those along that wait right
behind it, and makes one version of them all. Each keeps its own task, result and error. Two that touch the same place
of the version are never in one group, so that it is told of each what it changed, and each sees what was before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError, NotFound, SlotTaken, UnitNeeded
from headbox.filters import content as filters
from headbox.filters.conditions import one_of
from headbox.kinds import AddTask, ContentUnit, CopyTask, VersionTask
from headbox.models import Repository, RepositoryVersion, Task
from headbox.models.database import Connection, execute, fetch
from headbox.pipeline.run import Run
from headbox.services import automation, version_deletion
from headbox.services import open_issue as open_issues
from headbox.services import version as versions
from headbox.services.publication import Rendered
from headbox.services.version import NextVersion
from headbox.services.version_request import unit_names
from headbox.tasking import lifecycle
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Attempt, Outcome
from headbox.tasking.progress import Progress
from headbox.types import Automation, Origin

#: Most tasks that are committed together.
GROUP = 200
#: Most units that an error lists.
MAX_LISTED = 100


@dataclass(slots=True)
class Member:
    """One task of a group.

    Attributes:
        slots: The places of the version that it touches.
        changes: Units that it adds, and those that it removes.
        error: Why it is not part of the version.
    """

    task: Task
    parameters: VersionTask[Any]
    progress: Progress
    slots: frozenset[str] = frozenset()
    changes: Counter[str] = field(default_factory=Counter)
    error: HeadboxError | None = None

    @property
    def attempt(self) -> Attempt:
        """The fence of its end."""
        return Attempt(self.task.id, self.task.attempt)

    @property
    def removed(self) -> tuple[UUID, ...]:
        """The units that it is to remove."""
        return self.parameters.remove if isinstance(self.parameters, AddTask) else ()


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


async def run_addition(run: Run, parameters: VersionTask[Any], group: Group | None = None) -> None:
    """Do the work of an add or a copy and of those that wait right behind it, and finish them.

    Raises:
        HeadboxError: It cannot be done; what it is to change stays as it is, and the others are done.
        AttemptOver: This attempt no longer counts.
    """
    # In one transaction where nothing is to be rendered in between.
    if parameters.automation is Automation.NONE:

        async def gather_and_finish(work: UnitOfWork) -> Group:
            gathered = await _gather(run, work, parameters)
            await _finish(run, work, parameters, gathered)
            return gathered

        group = await run.write(gather_and_finish)
    else:
        group = await run.write(lambda work: _gather(run, work, parameters))
        try:
            if group.made and not group.is_held_back:
                group.rendered = await automation.render(run, parameters, group.repository, group.version)
            await run.write(lambda work: _finish(run, work, parameters, group))
        except BaseException:
            await asyncio.shield(_give_back(run, group.members[1:]))
            raise
    if error := group.members[0].error:
        raise error


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
    leader = Member(run.task, parameters, run.progress)
    if isinstance(parameters, CopyTask):
        await _stage_copy(run, work, parameters)
    base = await _base(connection, parameters)
    members = [leader]
    if isinstance(parameters, AddTask) and base is None:
        members += await _companions(run, work, leader)
    else:
        leader.slots = (await _slots(connection, [leader]))[leader.task.id]
    await _refuse_overwriting(connection, repository, members)
    group = Group(repository, members, await _prepared(connection, repository, members, base))
    while await _refuse_needed(run, connection, group):
        group.version = await _prepared(connection, repository, members, base)
    await _count(connection, group)
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


async def _companions(run: Run, work: UnitOfWork, leader: Member) -> list[Member]:
    """Take the tasks along that wait right behind, as long as they are like it and touch other places."""
    waiting = await lifecycle.next_in_line(work.connection, leader.task.id, GROUP - 1)
    line = [leader]
    for task in waiting:
        parameters = type(leader.parameters).read(task.input) if task.kind == leader.task.kind else None
        if parameters is None or not _is_like(parameters, leader.parameters):
            break
        line.append(Member(task, parameters, Progress()))
    slots = await _slots(work.connection, line)
    needed = await _needed_slots(work.connection, line)
    touched, relied_on, chosen = set[str](), set[str](), list[Member]()
    for member in line:
        member.slots = slots[member.task.id]
        needs = needed.get(member.task.id, set())
        if member.slots & (touched | relied_on) or needs & touched:
            break
        touched |= member.slots
        relied_on |= needs
        chosen.append(member)
    if len(chosen) == 1:
        return []
    taken = await lifecycle.take_along(work, leader.task, [member.task.id for member in chosen[1:]])
    by_id = {task.id: task for task in taken}
    companions = [member for member in chosen[1:] if member.task.id in by_id]
    for member in companions:
        member.task = by_id[member.task.id]
    return companions


def _is_like(parameters: Any, leader: VersionTask[Any]) -> bool:
    return (
        parameters.base is None
        and parameters.automation is leader.automation
        and parameters.settings == leader.settings
    )


async def _slots(connection: Connection, members: Sequence[Member]) -> dict[UUID, frozenset[str]]:
    """Return which places of a version each of some tasks touches."""
    found: dict[UUID, set[str]] = {member.task.id: set() for member in members}
    marks = ", ".join("?" * len(members))
    staged = await fetch(
        connection,
        f"SELECT task_id, slot FROM staged_content WHERE task_id IN ({marks})",  # noqa: S608
        [str(member.task.id) for member in members],
    )
    for row in staged:
        found[UUID(str(row["task_id"]))].add(str(row["slot"]))
    for member in members:
        # One task names few enough for one statement.
        if keys := [str(key) for key in member.removed]:
            statement = f"SELECT slot FROM content WHERE id IN ({', '.join('?' * len(keys))})"  # noqa: S608
            found[member.task.id] |= {str(row["slot"]) for row in await fetch(connection, statement, keys)}
    return {task_id: frozenset(slots) for task_id, slots in found.items()}


async def _needed_slots(connection: Connection, members: Sequence[Member]) -> dict[UUID, set[str]]:
    """Return the places of what the units need that each of some tasks is to add."""
    rows = await fetch(
        connection,
        "SELECT staged_content.task_id, content.slot FROM staged_content"  # noqa: S608
        " JOIN content_need ON content_need.content_id = staged_content.content_id"
        " JOIN content ON content.id = content_need.needed_id"
        f" WHERE staged_content.task_id IN ({', '.join('?' * len(members))})",
        [str(member.task.id) for member in members],
    )
    found: dict[UUID, set[str]] = {}
    for row in rows:
        found.setdefault(UUID(str(row["task_id"])), set()).add(str(row["slot"]))
    return found


async def _stage_copy(run: Run, work: UnitOfWork, parameters: CopyTask[Any]) -> None:
    """Stage what a copy is to add, and what that needs."""
    source = await RepositoryVersion.get_or_none(id=parameters.source, using_db=work.connection)
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


async def _refuse_overwriting(connection: Connection, repository: Repository, members: Sequence[Member]) -> None:
    """Refuse the tasks that would overwrite what they must not."""
    careful = {member.task.id: member for member in members if not member.parameters.overwrite}
    if not careful:
        return
    rows = await fetch(
        connection,
        "SELECT staged.task_id, staged.content_id AS unit, present.content_id AS other FROM staged_content staged"  # noqa: S608
        " JOIN membership present ON present.repository_id = ? AND present.slot = staged.slot"
        "  AND present.removed_in IS NULL AND present.content_id <> staged.content_id"
        f" WHERE staged.task_id IN ({', '.join('?' * len(careful))})",
        [str(repository.id), *map(str, careful)],
    )
    for row in rows:
        member = careful[UUID(str(row["task_id"]))]
        if member.error is None and UUID(str(row["other"])) not in member.removed:
            names = await unit_names(connection, [str(row["unit"]), str(row["other"])])
            member.error = SlotTaken(unit=names[str(row["unit"])], other=names[str(row["other"])], path=("add",))


async def _prepared(
    connection: Connection, repository: Repository, members: Iterable[Member], base: int | None
) -> NextVersion:
    made = [member for member in members if member.error is None]
    origin = Origin.COPY if made and isinstance(made[0].parameters, CopyTask) else Origin.UPLOAD
    return await versions.prepare_changes(
        connection,
        repository,
        [member.task.id for member in made],
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
            member.error = await _needed_error(run, connection, of_member)
    return bool(rows)


async def _needed_error(run: Run, connection: Connection, rows: Sequence[dict[str, Any]]) -> UnitNeeded:
    types = {unit.kind: unit.__name__ for unit in run.engine.registry.all(ContentUnit)}
    needed = {str(row["needed_id"]): types.get(row["needed_kind"], "Content") for row in rows}
    needing = {str(row["content_id"]): types.get(row["kind"], "Content") for row in rows}
    names = await unit_names(connection, list(needing)[:5])
    return UnitNeeded(
        number=len(needed),
        names=", ".join(names.values()) + (" and more" if len(needing) > len(names) else ""),
        needed=" ".join(f"{name}:{key}" for key, name in list(needed.items())[:MAX_LISTED]),
        needed_by=" ".join(f"{name}:{key}" for key, name in list(needing.items())[:MAX_LISTED]),
        path=("remove",),
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
        version = await versions.commit(work.connection, group.version, leader.task.id)
        version_id = str(version.id)
    for member in group.made:
        _report(member)
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
