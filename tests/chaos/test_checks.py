"""The checks find what they are for: each is shown a record in which something went wrong."""

from __future__ import annotations

from typing import Any

from tests.chaos import checks
from tests.chaos.checks import Hold

Entry = dict[str, Any]


def hold(task: str, began: float, ended: float, **values: Any) -> Hold:
    made = {"repository": "r", "attempt": 1, "pid": 1, "is_exclusive": True, **values}
    return Hold(task=task, began=began, ended=ended, **made)


def begun(task: str, at: float, pid: int = 1) -> Entry:
    return {
        "event": "began",
        "at": at,
        "task": task,
        "attempt": 1,
        "pid": pid,
        "repository": "r",
        "is_exclusive": True,
    }


def ended(task: str, kind: str = "sync", **result: Any) -> Entry:
    return {"event": "ended", "task": task, "kind": kind, "repository": "r", "result": {"state": "COMPLETED", **result}}


class TestClaims:
    def test_two_that_hold_the_same_at_a_time_are_found(self) -> None:
        first, second = hold("a", 0, 2), hold("b", 1, 3)

        assert checks.claims_held_by_two([first, second], []) == [(first, second)]

    def test_one_after_the_other_is_well(self) -> None:
        assert checks.claims_held_by_two([hold("a", 0, 1), hold("b", 1, 2)], []) == []

    def test_other_repositories_are_well(self) -> None:
        assert checks.claims_held_by_two([hold("a", 0, 2), hold("b", 1, 3, repository="s")], []) == []

    def test_two_who_share_are_well(self) -> None:
        shared = [hold("a", 0, 2, is_exclusive=False), hold("b", 1, 3, is_exclusive=False)]

        assert checks.claims_held_by_two(shared, []) == []

    def test_one_who_shares_with_one_who_does_not_is_found(self) -> None:
        assert checks.claims_held_by_two([hold("a", 0, 2, is_exclusive=False), hold("b", 1, 3)], []) != []

    def test_two_attempts_at_one_task_are_found(self) -> None:
        shared = [hold("a", 0, 2, is_exclusive=False), hold("a", 1, 3, is_exclusive=False, attempt=2)]

        assert checks.claims_held_by_two(shared, []) != []

    def test_process_that_was_suspended_meanwhile_is_excused(self) -> None:
        holds = [hold("a", 0, 9, pid=1), hold("a", 5, 6, pid=2, attempt=2)]
        journal = [{"event": "suspended", "at": 1, "pids": [1]}, {"event": "resumed", "at": 8, "pids": [1]}]

        assert checks.claims_held_by_two(holds, journal) == []

    def test_process_that_was_suspended_before_is_not_excused(self) -> None:
        holds = [hold("a", 3, 9, pid=1), hold("b", 5, 6, pid=2)]
        journal = [{"event": "suspended", "at": 1, "pids": [1]}, {"event": "resumed", "at": 2, "pids": [1]}]

        assert checks.claims_held_by_two(holds, journal) != []


class TestHolds:
    def test_hold_ends_with_the_process_that_was_killed(self) -> None:
        (found,) = checks.holds_of([begun("a", 1, pid=7)], [{"event": "killed", "at": 4, "pids": [7]}])

        assert (found.began, found.ended) == (1, 4)

    def test_hold_of_a_process_that_lives_never_ends(self) -> None:
        (found,) = checks.holds_of([begun("a", 1)], [])

        assert found.ended == float("inf")

    def test_task_that_completed_without_its_work_is_found(self) -> None:
        assert checks.unfinished_holds([begun("a", 1)], [ended("a", "hold")]) == ["a"]


class TestEnds:
    def test_failure_is_unexpected(self) -> None:
        failed = ended("a", state="FAILED")

        assert checks.unexpected_ends([failed]) == [failed]

    def test_cancellation_is_expected_where_it_was_asked_for(self) -> None:
        canceled = ended("a", state="CANCELED")

        assert checks.unexpected_ends([canceled]) == [canceled]
        assert checks.unexpected_ends([{"event": "cancel asked", "task": "a"}, canceled]) == []

    def test_state_after_the_final_one_is_found(self) -> None:
        late = {"event": "seen", "task": "a", "state": "RUNNING"}

        assert checks.states_after_the_end([late, {"event": "final", "task": "a"}, late]) == [late]

    def test_versions_are_those_that_syncs_told_of(self) -> None:
        journal = [ended(task, repositoryVersion={"number": n}) for task, n in (("a", 3), ("b", 1), ("c", 1))]

        assert checks.versions_made([*journal, ended("d", repositoryVersion=None)]) == {"r": [1, 1, 3]}


class TestReads:
    def test_generation_that_goes_back_is_found(self) -> None:
        reads = [{"event": "read", "url": "u", "repository": "r", "generation": number} for number in (1, 3, 2)]

        assert checks.backward_reads(reads) == [(reads[1], reads[2])]

    def test_another_process_may_be_behind(self) -> None:
        reads = [{"event": "read", "url": url, "repository": "r", "generation": n} for url, n in (("u", 2), ("v", 1))]

        assert checks.backward_reads(reads) == []
