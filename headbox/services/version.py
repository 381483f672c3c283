"""Repository versions, made with sets: work grows with what is staged, rows written with what changes.

A version is made in two steps. `prepare` closes and opens the intervals of memberships for a number that is not there
yet; as long as the repository's latest number is lower, no reader sees them. `commit` writes the version's row and
moves the number, in the transaction that makes everything else of the task visible too. What a killed task prepared,
the next `prepare` takes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from headbox.errors import LimitExceeded
from headbox.filters.conditions import Condition
from headbox.models import Repository, RepositoryVersion, Task
from headbox.models.database import Connection, execute, fetch, joining_many, joining_sets, lock_name, now
from headbox.types import MAX_SAFE_INTEGER, Origin, uuid7

#: Most bytes that a version may have. All larger sums of doubles are seen to be larger.
MAX_SIZE = MAX_SAFE_INTEGER - 1
#: Slots that one statement keeps: each is a parameter, of the 32,766 that SQLite takes.
SLOTS_A_STATEMENT = 30_000


@dataclass(slots=True)
class NextVersion:
    """A version that was prepared and is not visible yet.

    Attributes:
        by_kind: Kind -> present, added and removed units, and the bytes of those present.
        base_number: Number of the version that it is made from.
    """

    repository: Repository
    number: int
    added: int
    removed: int
    base_number: int
    by_kind: dict[str, dict[str, int]] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid7)

    @property
    def is_changed(self) -> bool:
        """Tell whether it differs from the latest version."""
        return bool(self.added or self.removed)


async def keep_all(connection: Connection, repository_id: UUID) -> None:
    """Let no version of a repository be deleted until the transaction ends.

    Deleting one joins intervals. Whoever reads those of an older version, or closes any, must not meet that halfway.
    """
    await lock_name(connection, "versions", str(repository_id), is_shared=True)


async def kept(connection: Connection, version_id: UUID) -> RepositoryVersion | None:
    """Return a version that is not deleted until the transaction ends; None where it is gone already."""
    version = await RepositoryVersion.get_or_none(id=version_id, using_db=connection)
    if version is not None:
        await keep_all(connection, version.repository_id)
        version = await RepositoryVersion.get_or_none(id=version_id, using_db=connection)
    return version


async def conflicts(connection: Connection, task_id: UUID, limit: int = 1000) -> list[tuple[str, str]]:
    """Return staged units that take the place of another staged one: their ids and first paths, at most `limit`.

    Of the units that want one place, the one that was declared first is not returned.
    """
    # In two questions: there are hardly ever any, and then the first one is all.
    taken = await fetch(
        connection,
        "SELECT slot FROM staged_content WHERE task_id = ? GROUP BY slot HAVING COUNT(*) > 1 ORDER BY slot LIMIT ?",
        [str(task_id), limit],
    )
    if not taken:
        return []
    slots = [str(row["slot"]) for row in taken]
    rows = await fetch(
        connection,
        "SELECT later.content_id, MIN(content_artifact.relative_path) AS path FROM staged_content later"  # noqa: S608
        " LEFT JOIN content_artifact ON content_artifact.content_id = later.content_id"
        f" WHERE later.task_id = ? AND later.slot IN ({', '.join('?' * len(slots))})"
        " AND EXISTS (SELECT 1 FROM staged_content first WHERE first.task_id = later.task_id"
        "             AND first.slot = later.slot AND first.ordinal < later.ordinal)"
        " GROUP BY later.content_id ORDER BY path LIMIT ?",
        [str(task_id), *slots, limit],
    )
    return [(str(row["content_id"]), row["path"] or "") for row in rows]


async def unstage(connection: Connection, task_id: UUID, content_ids: list[str]) -> None:
    """Take units, as many as `conflicts` returns at once, out of what a task has staged."""
    marks = ", ".join("?" * len(content_ids))
    await execute(
        connection,
        f"DELETE FROM staged_content WHERE task_id = ? AND content_id IN ({marks})",  # noqa: S608
        [str(task_id), *content_ids],
    )


async def keep(connection: Connection, repository: Repository, task_id: UUID, slots: Sequence[str]) -> None:
    """Stage the units that have these slots in the latest version, where nothing else is staged for them.

    Args:
        connection: Inside of a transaction.
        repository: Claimed by the task for itself.
        task_id: The sync that stages.
        slots: Slots of units that cannot be had.
    """
    latest = repository.latest_number
    for start in range(0, len(slots), SLOTS_A_STATEMENT):
        some = slots[start : start + SLOTS_A_STATEMENT]
        marks = ", ".join("?" * len(some))
        async with joining_sets(connection):
            await execute(
                connection,
                "INSERT INTO staged_content (task_id, content_id, ordinal, slot)"  # noqa: S608
                " SELECT ?, content_id, 0, slot FROM membership"
                " WHERE repository_id = ? AND added_in <= ? AND (removed_in IS NULL OR removed_in > ?)"
                f" AND slot IN ({marks})"
                " AND NOT EXISTS (SELECT 1 FROM staged_content staged"
                "                 WHERE staged.task_id = ? AND staged.slot = membership.slot)",
                [str(task_id), str(repository.id), latest, latest, *some, str(task_id)],
            )


async def stage_from(
    connection: Connection, source: RepositoryVersion, task_id: UUID, *, wanted: Condition, needed: Condition | None
) -> None:
    """Stage what another version holds.

    Args:
        connection: Inside of a transaction.
        source: The other version.
        task_id: The copy that stages.
        wanted: Which of its units, as rows of `content`.
        needed: Which of those come too that the wanted ones need, one by another; None: none.
    """
    held = "member.repository_id = ? AND member.added_in <= ? AND (member.removed_in IS NULL OR member.removed_in > ?)"
    of_source = [str(source.repository_id), source.number, source.number]
    stage = (
        "INSERT INTO staged_content (task_id, content_id, ordinal, slot)"
        " SELECT ?, member.content_id, 0, member.slot FROM"
    )
    async with joining_sets(connection):
        await execute(
            connection,
            f"{stage} membership member JOIN content ON content.id = member.content_id"
            f" WHERE {held} AND ({wanted.sql}) ON CONFLICT DO NOTHING",
            [str(task_id), *of_source, *wanted.parameters],
        )
        if needed:
            await execute(
                connection,
                "WITH RECURSIVE needed(id) AS ("  # noqa: S608
                "   SELECT need.needed_id FROM staged_content staged JOIN content_need need"
                "   ON need.content_id = staged.content_id WHERE staged.task_id = ?"
                "   UNION SELECT need.needed_id FROM needed JOIN content_need need ON need.content_id = needed.id)"
                # SQLite has no index of what is needed, and never changes the order of a CROSS JOIN.
                f" {stage} needed CROSS JOIN membership member JOIN content ON content.id = member.content_id"
                f" WHERE member.content_id = needed.id AND {held} AND ({needed.sql}) ON CONFLICT DO NOTHING",
                [str(task_id), str(task_id), *of_source, *needed.parameters],
            )


async def missed(connection: Connection, prepared: NextVersion, limit: int = 1000) -> list[dict[str, Any]]:
    """Return units of a prepared version that need what the version that it is made from held, and it does not.

    What that one did without, it may do without: going back to it is never refused.

    Returns:
        At most `limit` rows: `content_id` and `kind` of the unit; `needed_id`, `needed_kind` and `slot` of what it
        needs.
    """
    repository_id = str(prepared.repository.id)
    return await fetch(
        connection,
        "SELECT need.content_id, unit.kind, need.needed_id, needed.kind AS needed_kind, gone.slot"
        # SQLite never changes the order of a CROSS JOIN: from the few that go to those that need them.
        " FROM membership gone CROSS JOIN content_need need CROSS JOIN membership present"
        " JOIN content unit ON unit.id = need.content_id JOIN content needed ON needed.id = need.needed_id"
        " WHERE gone.repository_id = ? AND +gone.added_in <= ? AND gone.removed_in > ? AND gone.removed_in <= ?"
        " AND need.needed_id = gone.content_id AND present.repository_id = ? AND present.content_id = need.content_id"
        " AND present.removed_in IS NULL AND NOT EXISTS ("
        "   SELECT 1 FROM membership back WHERE back.repository_id = gone.repository_id"
        "   AND back.content_id = gone.content_id AND back.removed_in IS NULL)"
        " ORDER BY need.needed_id, need.content_id LIMIT ?",
        [repository_id, prepared.base_number, prepared.base_number, prepared.number, repository_id, limit],
    )


async def prepare(
    connection: Connection, repository: Repository, task: Task, *, going: Collection[Origin]
) -> NextVersion:
    """Open and close the memberships that lead from the latest version to what a task has staged.

    Args:
        connection: Inside of a transaction.
        repository: Claimed by the task for itself.
        task: Whose staged units they are.
        going: How units came in that are removed where they are not staged.
    """
    number = repository.latest_number + 1
    await keep_all(connection, repository.id)
    await discard(connection, repository)
    async with joining_sets(connection):
        if going:
            await _remove_unstaged(connection, repository, task.id, number, going)
        await _add_staged(connection, repository, [task], number, Origin.SYNC)
    return await _summarised(connection, repository, number)


async def prepare_changes(
    connection: Connection,
    repository: Repository,
    tasks: Sequence[Task],
    *,
    origin: Origin,
    removed: Sequence[UUID] = (),
    base: int | None = None,
) -> NextVersion:
    """Open and close the memberships that add what tasks have staged, and take other units away.

    Args:
        connection: Inside of a transaction.
        repository: Claimed by the tasks for themselves.
        tasks: Whose staged units they are; no two of them touch the same place. The first one brings back what `base`
            held.
        origin: How the added units come into the repository.
        removed: Units to remove; those that are not there are passed over.
        base: Number of the version to begin with; the latest one when None.
    """
    number = repository.latest_number + 1
    older = None if base == repository.latest_number else base
    gone = [str(content_id) for content_id in removed]
    await discard(connection, repository)
    async with joining_many(connection, await _size(connection, repository, [task.id for task in tasks], older)):
        if older is not None:
            await _remove_added_since(connection, repository, tasks[0].id, number, older)
        await _remove(connection, repository, number, gone)
        if tasks:
            await _add_staged(connection, repository, tasks, number, origin)
        if older is not None:
            await _add_removed_since(connection, repository, tasks[0], number, older, but=gone)
    prepared = await _summarised(connection, repository, number)
    prepared.base_number = repository.latest_number if base is None else base
    return prepared


async def _size(connection: Connection, repository: Repository, task_ids: Sequence[UUID], older: int | None) -> int:
    """Return how many units a change is about at the most: those staged, and those that changed since an older base."""
    [staged] = await fetch(
        connection,
        f"SELECT COUNT(*) AS units FROM staged_content WHERE task_id IN ({', '.join('?' * len(task_ids)) or 'NULL'})",  # noqa: S608
        [str(task_id) for task_id in task_ids],
    )
    if older is None:
        return int(staged["units"])
    [changed] = await fetch(
        connection,
        "SELECT COALESCE(SUM(added + removed), 0) AS units FROM repository_version"
        " WHERE repository_id = ? AND number > ?",
        [str(repository.id), older],
    )
    return int(staged["units"]) + int(changed["units"])


async def _remove(connection: Connection, repository: Repository, number: int, content_ids: Sequence[str]) -> None:
    if not content_ids:
        return
    marks = ", ".join("?" * len(content_ids))
    await execute(
        connection,
        "UPDATE membership SET removed_in = ? WHERE repository_id = ? AND removed_in IS NULL"  # noqa: S608
        # By the slot too: that is what the index of what is current has.
        f" AND slot IN (SELECT slot FROM content WHERE id IN ({marks})) AND content_id IN ({marks})",
        [number, str(repository.id), *content_ids, *content_ids],
    )


async def _remove_unstaged(
    connection: Connection, repository: Repository, task_id: UUID, number: int, going: Collection[Origin]
) -> None:
    await execute(
        connection,
        "UPDATE membership SET removed_in = ? WHERE repository_id = ? AND removed_in IS NULL"  # noqa: S608
        f" AND origin IN ({', '.join('?' * len(going))})"
        " AND NOT EXISTS (SELECT 1 FROM staged_content"
        "                 WHERE staged_content.task_id = ? AND staged_content.slot = membership.slot"
        "                 AND staged_content.content_id = membership.content_id)",
        [number, str(repository.id), *sorted(origin.value for origin in going), str(task_id)],
    )


async def _remove_added_since(
    connection: Connection, repository: Repository, task_id: UUID, number: int, base: int
) -> None:
    """Close what an earlier version did not hold, and the task does not add."""
    await execute(
        connection,
        "UPDATE membership SET removed_in = ? WHERE repository_id = ? AND removed_in IS NULL AND added_in > ?"
        " AND NOT EXISTS (SELECT 1 FROM membership earlier WHERE earlier.repository_id = membership.repository_id"
        "                 AND earlier.content_id = membership.content_id"
        # The sign keeps SQLite from the index of what was removed, where it would go through all of it for each unit.
        "                 AND earlier.added_in <= ? AND +earlier.removed_in > ?)"
        " AND NOT EXISTS (SELECT 1 FROM staged_content WHERE staged_content.task_id = ?"
        "                 AND staged_content.slot = membership.slot"
        "                 AND staged_content.content_id = membership.content_id)",
        [number, str(repository.id), base, base, base, str(task_id)],
    )


async def _add_removed_since(
    connection: Connection, repository: Repository, task: Task, number: int, base: int, *, but: Sequence[str]
) -> None:
    """Open again what an earlier version held, but for some units, wherever nothing else stands now."""
    # They keep where they came from; it is this task that brings them back.
    but_for = f" AND content_id NOT IN ({', '.join('?' * len(but))})" if but else ""
    await execute(
        connection,
        "INSERT INTO membership"  # noqa: S608
        " (repository_id, content_id, added_in, origin, added_at, added_by_id, added_by_user, slot, size)"
        " SELECT repository_id, content_id, ?, origin, ?, ?, ?, slot, size FROM membership"
        f" WHERE repository_id = ? AND added_in <= ? AND removed_in > ?{but_for}"
        " AND NOT EXISTS (SELECT 1 FROM membership present WHERE present.repository_id = membership.repository_id"
        "                 AND present.slot = membership.slot AND present.removed_in IS NULL)"
        " ORDER BY content_id",
        [number, await now(connection), str(task.id), task.requested_by, str(repository.id), base, base, *but],
    )


async def _add_staged(
    connection: Connection, repository: Repository, tasks: Sequence[Task], number: int, origin: Origin
) -> None:
    time = await now(connection)
    # By user, who is the same for all rows of a statement then: no row has to be joined with its task.
    by_user: defaultdict[str | None, list[str]] = defaultdict(list)
    for task in tasks:
        by_user[task.requested_by].append(str(task.id))
    for user, task_ids in by_user.items():
        of_tasks = f"staged_content.task_id IN ({', '.join('?' * len(task_ids))})"
        # A unit that is added takes the place of the one that has its slot.
        await execute(
            connection,
            "UPDATE membership SET removed_in = ? WHERE repository_id = ? AND removed_in IS NULL"  # noqa: S608
            f" AND slot IN (SELECT slot FROM staged_content WHERE {of_tasks})"
            f" AND NOT EXISTS (SELECT 1 FROM staged_content WHERE {of_tasks} AND staged_content.slot = membership.slot"
            "                 AND staged_content.content_id = membership.content_id)",
            [number, str(repository.id), *task_ids, *task_ids],
        )
        await execute(
            connection,
            "INSERT INTO membership"  # noqa: S608
            " (repository_id, content_id, added_in, origin, added_at, added_by_id, added_by_user, slot, size)"
            " SELECT ?, staged_content.content_id, ?, ?, ?, staged_content.task_id, ?, staged_content.slot,"
            # Where nobody told the size of an artifact, its bytes may be stored.
            "  (SELECT COALESCE(SUM(COALESCE(size,"
            "    (SELECT artifact.size FROM artifact WHERE artifact.sha256 = content_artifact.sha256))), 0)"
            "   FROM content_artifact WHERE content_artifact.content_id = staged_content.content_id)"
            f" FROM staged_content WHERE {of_tasks}"
            " AND NOT EXISTS (SELECT 1 FROM membership present WHERE present.repository_id = ?"
            "                 AND present.slot = staged_content.slot AND present.removed_in IS NULL)"
            " ORDER BY staged_content.content_id",
            [str(repository.id), number, origin.value, time, user, *task_ids, str(repository.id)],
        )


async def discard(connection: Connection, repository: Repository) -> None:
    """Take back what was prepared for a version that never became visible."""
    latest = repository.latest_number
    await execute(
        connection, "DELETE FROM membership WHERE repository_id = ? AND added_in > ?", [str(repository.id), latest]
    )
    await execute(
        connection,
        "UPDATE membership SET removed_in = NULL WHERE repository_id = ? AND removed_in > ?",
        [str(repository.id), latest],
    )


async def commit(connection: Connection, prepared: NextVersion, task_id: UUID) -> RepositoryVersion:
    """Make a prepared version the latest one."""
    repository = prepared.repository
    # Before its row is changed: whoever deletes a version locks in this order.
    await keep_all(connection, repository.id)
    version = await RepositoryVersion.create(
        id=prepared.id,
        repository_id=repository.id,
        number=prepared.number,
        created_by_id=task_id,
        base_number=prepared.base_number,
        previous_number=prepared.number - 1,
        present=sum(counts["present"] for counts in prepared.by_kind.values()),
        added=prepared.added,
        removed=prepared.removed,
        size=sum(counts["size"] for counts in prepared.by_kind.values()),
        by_kind=prepared.by_kind,
        using_db=connection,
    )
    repository.latest_number = prepared.number
    await repository.save(using_db=connection, update_fields=["latest_number"])
    return version


async def latest(connection: Connection, repository: Repository) -> RepositoryVersion:
    """Return the latest version of a repository."""
    return await RepositoryVersion.get(
        repository_id=repository.id, number=repository.latest_number, using_db=connection
    )


async def _summarised(connection: Connection, repository: Repository, number: int) -> NextVersion:
    previous = await latest(connection, repository)
    counts: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("present", "added", "removed", "size"), 0)
    )
    for kind, numbers in previous.by_kind.items():
        counts[kind] |= {"present": numbers["present"], "size": numbers["size"]}
    totals = {"added": 0, "removed": 0}
    for change, sign in (("added", 1), ("removed", -1)):
        rows = await fetch(
            connection,
            # Counted by a column that only the index of what changed leads to: SQLite goes through all of another one
            # that has the rest. Sizes are added up as doubles: exact up to the limit, above it however much more.
            "SELECT content.kind, COUNT(membership.slot) AS units,"  # noqa: S608
            "  SUM(CAST(membership.size AS DOUBLE PRECISION)) AS size"
            " FROM membership JOIN content ON content.id = membership.content_id"
            f" WHERE membership.repository_id = ? AND membership.{change}_in = ? GROUP BY content.kind",
            [str(repository.id), number],
        )
        for row in rows:
            counts[row["kind"]][change] = row["units"]
            counts[row["kind"]]["present"] += sign * row["units"]
            counts[row["kind"]]["size"] += sign * int(row["size"])
            totals[change] += row["units"]
    if sum(numbers["size"] for numbers in counts.values()) > MAX_SIZE:
        raise LimitExceeded(what="The size of the version, in bytes,", limit=MAX_SIZE)
    return NextVersion(
        repository, number, totals["added"], totals["removed"], base_number=number - 1, by_kind=dict(counts)
    )
