"""What must hold after chaos, by what clients and tasks wrote down; headbox's own tables are not asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Entries = Sequence[Mapping[str, Any]]
_FOREVER = float("inf")


@dataclass(frozen=True)
class Hold:
    """A time in which an attempt at a task held a repository.

    Attributes:
        repository: Id of the repository.
        task: Id of the task.
        attempt: Number of the attempt.
        pid: Process that ran it.
        is_exclusive: Whether it was to hold it alone.
        began: When it began.
        ended: When it ended; when its process was killed, where it did not.
    """

    repository: str
    task: str
    attempt: int
    pid: int
    is_exclusive: bool
    began: float
    ended: float

    def conflicts(self, other: Hold) -> bool:
        """Tell whether the two must not be at the same time."""
        return self.is_exclusive or other.is_exclusive or self.task == other.task

    def overlaps(self, other: Hold) -> bool:
        """Tell whether they were."""
        return self.began < other.ended and other.began < self.ended


def holds_of(record: Entries, journal: Entries) -> list[Hold]:
    """Return what was held, from what the tasks wrote down, in the order in which it began."""
    killed = {pid: entry["at"] for entry in journal if entry["event"] == "killed" for pid in entry["pids"]}
    ends = {(entry["task"], entry["attempt"]): entry["at"] for entry in record if entry["event"] != "began"}
    return [
        Hold(
            repository=entry["repository"],
            task=entry["task"],
            attempt=entry["attempt"],
            pid=entry["pid"],
            is_exclusive=entry["is_exclusive"],
            began=entry["at"],
            ended=ends.get((entry["task"], entry["attempt"]), killed.get(entry["pid"], _FOREVER)),
        )
        for entry in record
        if entry["event"] == "began"
    ]


def claims_held_by_two(holds: Iterable[Hold], journal: Entries) -> list[tuple[Hold, Hold]]:
    """Return the pairs of conflicting holds that overlap, but for those of a process that was suspended meanwhile.

    Nothing can keep a process that is suspended from going on for a moment when it is resumed. What it does then must
    not become visible, which is for the other checks to see.
    """
    suspended: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for entry in journal:
        if entry["event"] == "suspended":
            for pid in entry["pids"]:
                suspended[pid].append((entry["at"], _FOREVER))
        elif entry["event"] == "resumed":
            for pid in entry["pids"]:
                suspended[pid][-1] = (suspended[pid][-1][0], entry["at"])

    def was_suspended(hold: Hold) -> bool:
        return any(hold.began < end and start < hold.ended for start, end in suspended[hold.pid])

    by_repository: defaultdict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        by_repository[hold.repository].append(hold)
    return [
        (first, second)
        for group in by_repository.values()
        for number, first in enumerate(group)
        for second in group[number + 1 :]
        if first.conflicts(second) and first.overlaps(second) and not was_suspended(first) and not was_suspended(second)
    ]


def ends_of(journal: Entries) -> dict[str, Mapping[str, Any]]:
    """Return the last entry on each task that was watched to its end, by id."""
    return {entry["task"]: entry for entry in journal if entry["event"] == "ended"}


def unexpected_ends(journal: Entries) -> list[Mapping[str, Any]]:
    """Return the ends that are neither a completion nor a cancellation that somebody asked for."""
    canceled = {entry["task"] for entry in journal if entry["event"] == "cancel asked"}
    return [
        entry
        for task, entry in ends_of(journal).items()
        if entry["result"]["state"] != "COMPLETED" and not (entry["result"]["state"] == "CANCELED" and task in canceled)
    ]


def unfinished_holds(record: Entries, journal: Entries) -> list[str]:
    """Return the tasks that completed without ever having held what they were to hold to the end."""
    done = {entry["task"] for entry in record if entry["event"] == "ended"}
    return [
        task
        for task, entry in ends_of(journal).items()
        if entry["kind"] in {"hold", "look"} and entry["result"]["state"] == "COMPLETED" and task not in done
    ]


def versions_made(journal: Entries) -> dict[str, list[int]]:
    """Return the numbers of the versions that syncs said they made, in order, by repository."""
    made: defaultdict[str, list[int]] = defaultdict(list)
    for entry in ends_of(journal).values():
        version = entry["result"].get("repositoryVersion")
        if entry["kind"] == "sync" and version:
            made[entry["repository"]].append(version["number"])
    return {repository: sorted(numbers) for repository, numbers in made.items()}


def backward_reads(journal: Entries) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the pairs of reads of one repository from one process of which the later one saw an older generation."""
    latest: dict[tuple[str, str], Mapping[str, Any]] = {}
    found = []
    for entry in journal:
        if entry["event"] == "read":
            key = entry["url"], entry["repository"]
            if key in latest and latest[key]["generation"] > entry["generation"]:
                found.append((latest[key], entry))
            latest[key] = entry
    return found


def flaws(journal: Entries) -> list[Mapping[str, Any]]:
    """Return what readers found to be wrong."""
    return [entry for entry in journal if entry["event"] == "flaw"]


def states_after_the_end(journal: Entries) -> list[Mapping[str, Any]]:
    """Return what watchers saw of a task after its final state."""
    ended: set[str] = set()
    late = []
    for entry in journal:
        if entry["event"] == "seen" and entry["task"] in ended:
            late.append(entry)
        elif entry["event"] == "final":
            ended.add(entry["task"])
    return late
