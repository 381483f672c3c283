"""The progress document: actions in order, each with its reports."""

from __future__ import annotations

import asyncio

import pytest

from headbox.tasking import progress
from headbox.tasking.progress import Progress, ProgressReport
from headbox.types import ActionState, ProgressUnit, TotalKind


class Clock:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_document_says_everything(clock: Clock) -> None:
    report = ProgressReport("sync.download.bytes", "Downloaded", unit=ProgressUnit.BYTES, total=100)
    clock.now += 2
    report.add(40)

    assert report.document() == {
        "code": "sync.download.bytes",
        "message": "Downloaded",
        "state": "running",
        "unit": "bytes",
        "done": 40,
        "total": 100,
        "total_kind": "exact",
        "rate": 20.0,
        "eta_seconds": 3.0,
        "suffix": None,
    }


def test_rate_is_that_of_the_last_seconds(clock: Clock) -> None:
    report = ProgressReport("code", "message", total=1000)
    for _ in range(20):
        clock.now += 1
        report.add(1)
        report.document()
    for _ in range(10):
        clock.now += 1
        report.add(10)
        report.document()

    assert report.document()["rate"] == 10.0


def test_rate_needs_some_time(clock: Clock) -> None:
    report = ProgressReport("code", "message", total=10)
    clock.now += 0.05
    report.add(5)

    document = report.document()

    assert (document["rate"], document["eta_seconds"]) == (None, None)


def test_nothing_is_expected_of_a_total_that_is_exceeded(clock: Clock) -> None:
    report = ProgressReport("code", "message")
    report.expect(5, TotalKind.ESTIMATED)
    clock.now += 1
    report.add(6)

    assert report.document()["eta_seconds"] is None


@pytest.mark.parametrize(
    ("state", "total"),
    [
        (ActionState.COMPLETED, ("exact", 3)),
        (ActionState.FAILED, ("estimated", 9)),
        (ActionState.CANCELED, ("estimated", 9)),
    ],
)
def test_total_becomes_what_was_done_of_what_was_completed(state: ActionState, total: tuple[str, int]) -> None:
    report = ProgressReport("code", "message")
    report.expect(9, TotalKind.ESTIMATED)
    report.add(3)

    report.end(state)

    document = report.document()
    assert (document["state"], document["total_kind"], document["total"]) == (state, *total)
    assert document["rate"] is None


def test_total_that_is_taken_back_is_unknown() -> None:
    report = ProgressReport("code", "message", total=9)

    report.expect(None)

    assert report.document()["total_kind"] == "unknown"


def test_same_code_is_the_same_report_within_an_action() -> None:
    shown = Progress()
    with shown.action("first"):
        shown.report("code", "message").add()
        shown.report("code", "message").add()
    with shown.action("second"):
        shown.report("code", "message").add()

    assert [[report["done"] for report in action["reports"]] for action in shown.document()] == [[2], [1]]


@pytest.mark.parametrize(
    ("error", "state"),
    [(ValueError, "failed"), (asyncio.CancelledError, "canceled"), (KeyboardInterrupt, "canceled")],
)
def test_action_ends_as_its_block_ends(error: type[BaseException], state: str) -> None:
    shown = Progress()

    def run() -> None:
        with shown.action("sync"):
            shown.report("code", "message")
            raise error

    with pytest.raises(error):
        run()

    [action] = shown.document()
    assert (action["state"], action["reports"][0]["state"]) == (state, state)
    assert action["finished_at"] is not None


def test_whatever_is_reported_can_be_told() -> None:
    shown = Progress()
    with shown.action("sync"):
        report = shown.report("code", "\ud800", total=2**64)
        report.suffix = "a\0"

        [action] = shown.document()

    [told] = action["reports"]
    assert (told["total"], told["total_kind"]) == (None, "unknown")
    assert (told["message"], told["suffix"]) == ("\N{REPLACEMENT CHARACTER}", "a\N{REPLACEMENT CHARACTER}")
