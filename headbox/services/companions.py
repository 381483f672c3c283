"""Which adds are committed together: those that wait right behind the one that runs, and are none of its business.

Two tasks that touch the same place of the version are never in one group, and neither are two of which one needs, or
lets go of the need for, what the other touches. So each ends as it would if it ran alone, in its turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from headbox.errors import HeadboxError
from headbox.kinds import AddTask, VersionTask
from headbox.models import Task
from headbox.models.database import Connection, fetch
from headbox.services.version_request import MAX_UNITS
from headbox.tasking import lifecycle
from headbox.tasking.engine import UnitOfWork
from headbox.tasking.lifecycle import Attempt
from headbox.tasking.progress import Progress

#: Most tasks that are committed together; together they name no more units than one may, `MAX_UNITS`.
GROUP = 200
#: Tasks that are read at a time: each may name thousands of units.
READ_AT_A_TIME = 50


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


def can_lead(parameters: VersionTask[Any]) -> bool:
    """Tell whether others may be committed together with a task."""
    # A type that claims more than its repository waits for more than those before it in this line.
    return isinstance(parameters, AddTask) and parameters.base is None and parameters.claims == AddTask.claims


async def take_companions(work: UnitOfWork, leader: Member) -> list[Member]:
    """Take the tasks along that wait right behind, as long as they are like it and touch other places."""
    line = await _line(work.connection, leader)
    slots = await slots_of(work.connection, line)
    added_need, gone_need = await _needs(work.connection, line)
    touched, relied_on, chosen = set[str](), set[str](), list[Member]()
    for member in line:
        key = member.task.id
        member.slots = slots[key]
        if member.slots & (touched | relied_on) or (added_need[key] | gone_need[key]) & touched:
            break
        touched |= member.slots
        relied_on |= added_need[key]
        chosen.append(member)
    if len(chosen) == 1:
        return []
    taken = await lifecycle.take_along(work, leader.task, [member.task.id for member in chosen[1:]])
    by_id = {task.id: task for task in taken}
    companions = [member for member in chosen[1:] if member.task.id in by_id]
    for member in companions:
        member.task = by_id[member.task.id]
    return companions


async def _line(connection: Connection, leader: Member) -> list[Member]:
    """Return a task and those right behind it that are like it, in their order."""
    line, units = [leader], _units(leader.parameters)
    while len(line) < GROUP:
        limit = min(READ_AT_A_TIME, GROUP - len(line))
        waiting = await lifecycle.next_in_line(connection, leader.task.id, limit, offset=len(line) - 1)
        for task in waiting:
            if task.kind != leader.task.kind:
                return line
            parameters = type(leader.parameters).read(task.input)
            units += _units(parameters)
            if units > MAX_UNITS or not _is_like(parameters, leader.parameters):
                return line
            line.append(Member(task, parameters, Progress()))
        if len(waiting) < limit:
            break
    return line


def _units(parameters: Any) -> int:
    return len(parameters.add) + len(parameters.remove)


def _is_like(parameters: Any, leader: VersionTask[Any]) -> bool:
    return (
        parameters.base is None
        and parameters.automation is leader.automation
        and parameters.settings == leader.settings
    )


async def slots_of(connection: Connection, members: Sequence[Member]) -> dict[UUID, frozenset[str]]:
    """Return which places of a version each of some tasks touches."""
    found = await _by_task(
        connection, members, "SELECT staged.task_id, staged.slot FROM staged_content staged WHERE staged.task_id IN"
    )
    for member in members:
        # One task names few enough for one statement.
        if keys := [str(key) for key in member.removed]:
            statement = f"SELECT slot FROM content WHERE id IN ({', '.join('?' * len(keys))})"  # noqa: S608
            found[member.task.id] |= {str(row["slot"]) for row in await fetch(connection, statement, keys)}
    return {task_id: frozenset(slots) for task_id, slots in found.items()}


async def _needs(
    connection: Connection, members: Sequence[Member]
) -> tuple[dict[UUID, set[str]], dict[UUID, set[str]]]:
    """Return the places of what is needed by the units that each task adds, and by those that it takes away."""
    needed = (
        "JOIN content_need need ON need.content_id = {unit} JOIN content ON content.id = need.needed_id"
        " WHERE staged.task_id IN"
    )
    select = "SELECT staged.task_id, content.slot FROM staged_content staged"
    added = await _by_task(connection, members, f"{select} {needed.format(unit='staged.content_id')}")
    present = (
        "JOIN membership present ON present.repository_id = ? AND present.slot = staged.slot"
        " AND present.removed_in IS NULL AND present.content_id <> staged.content_id"
    )
    repository_id = str(members[0].parameters.repository)
    gone = await _by_task(
        connection, members, f"{select} {present} {needed.format(unit='present.content_id')}", repository_id
    )
    for member in members:
        if keys := [str(key) for key in member.removed]:
            statement = (
                "SELECT content.slot FROM content_need need JOIN content ON content.id = need.needed_id"  # noqa: S608
                f" WHERE need.content_id IN ({', '.join('?' * len(keys))})"
            )
            gone[member.task.id] |= {str(row["slot"]) for row in await fetch(connection, statement, keys)}
    return added, gone


async def _by_task(
    connection: Connection, members: Sequence[Member], statement: str, *parameters: str
) -> dict[UUID, set[str]]:
    """Return the slots that a statement finds, by task; it ends where the list of the tasks' ids is to stand."""
    found: dict[UUID, set[str]] = {member.task.id: set() for member in members}
    marks = ", ".join("?" * len(members))
    rows = await fetch(
        connection, f"{statement} ({marks})", [*parameters, *(str(member.task.id) for member in members)]
    )
    for row in rows:
        found[UUID(str(row["task_id"]))].add(str(row["slot"]))
    return found
