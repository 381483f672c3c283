"""Progress: one small document of a task, with actions in order and reports in each. State, not events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from headbox.types import ActionState, ProgressUnit, TotalKind, storable

#: The time that a rate is taken over, in seconds.
RATE_WINDOW_SECONDS = 5.0
#: Largest total: what JSON is written with has no larger whole numbers.
MAX_TOTAL = 2**63 - 1


class ProgressReport:
    """How far one thing has come."""

    def __init__(
        self, code: str, message: str, *, unit: ProgressUnit = ProgressUnit.ITEMS, total: int | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.unit = unit
        self.state = ActionState.RUNNING
        self.done = 0
        self.expect(total)
        self.suffix: str | None = None
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def add(self, done: int = 1) -> None:
        """Count so many more as done."""
        self.done += done

    def expect(self, total: int | None, kind: TotalKind = TotalKind.EXACT) -> None:
        """Say how much there is to do; more than can be told is as good as not known."""
        if total is not None and total > MAX_TOTAL:
            total = None
        self.total = total
        self.total_kind = TotalKind.UNKNOWN if total is None else kind

    def end(self, state: ActionState) -> None:
        """Close the report; a total that was not exact becomes what was done."""
        if self.state is not ActionState.RUNNING:
            return
        self.state = state
        if state is ActionState.COMPLETED:
            self.expect(self.done)

    def _rate(self) -> float | None:
        now = time.monotonic()
        self._samples.append((now, self.done))
        while len(self._samples) > 2 and now - self._samples[1][0] > RATE_WINDOW_SECONDS:
            self._samples.popleft()
        then, done = self._samples[0]
        return (self.done - done) / (now - then) if now - then >= 0.1 else None

    def document(self) -> dict[str, Any]:
        """Return the report as it is stored and sent."""
        rate = self._rate() if self.state is ActionState.RUNNING else None
        left = None if self.total is None else self.total - self.done
        return {
            "code": self.code,
            "message": storable(self.message),
            "state": self.state.value,
            "unit": self.unit.value,
            "done": self.done,
            "total": self.total,
            "total_kind": self.total_kind.value,
            "rate": rate,
            "eta_seconds": left / rate if rate and left is not None and left >= 0 else None,
            "suffix": None if self.suffix is None else storable(self.suffix),
        }


class Action:
    """A stage of a task."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = ActionState.RUNNING
        self.started_at = datetime.now(UTC)
        self.finished_at: datetime | None = None
        self.reports: dict[str, ProgressReport] = {}

    def end(self, state: ActionState) -> None:
        """Close the action and its reports."""
        self.state = state
        self.finished_at = datetime.now(UTC)
        for report in self.reports.values():
            report.end(state)

    def document(self) -> dict[str, Any]:
        """Return the action as it is stored and sent."""
        return {
            "name": self.name,
            "state": self.state.value,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "reports": [report.document() for report in self.reports.values()],
        }


class Progress:
    """The progress of one attempt at a task. Changing it costs an addition; who shows it looks when it likes."""

    def __init__(self) -> None:
        self.actions: list[Action] = []

    @contextmanager
    def action(self, name: str) -> Iterator[Action]:
        """Begin an action; it ends with the block, as the block ends."""
        action = Action(name)
        self.actions.append(action)
        try:
            yield action
        except Exception:
            action.end(ActionState.FAILED)
            raise
        except BaseException:
            action.end(ActionState.CANCELED)
            raise
        if action.state is ActionState.RUNNING:
            action.end(ActionState.COMPLETED)

    def report(
        self, code: str, message: str, *, unit: ProgressUnit = ProgressUnit.ITEMS, total: int | None = None
    ) -> ProgressReport:
        """Return the report of this code in the latest action, begun when it is new."""
        reports = self.actions[-1].reports
        if code not in reports:
            reports[code] = ProgressReport(code, message, unit=unit, total=total)
        return reports[code]

    def document(self) -> list[dict[str, Any]]:
        """Return everything as it is stored and sent."""
        return [action.document() for action in self.actions]
