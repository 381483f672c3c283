"""What clients are told of the whole installation: how many tasks ended, and how much is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from headbox.models import Artifact, Task, Upload
from headbox.types import TaskState
from tests.integration.schema.api import Api

THROUGHPUT = "{ taskThroughput { since completed failed canceled } }"
STORAGE = """
{ storageStats { asOf artifacts bytes unusedArtifacts unusedBytes damagedArtifacts uploads uploadBytes } }
"""


async def ended(state: TaskState, time: datetime) -> None:
    await Task.create(kind="gate.wait", correlation_id="test", state=state, started_at=time, finished_at=time)


async def test_tasks_that_ended_are_counted_by_minute(api: Api) -> None:
    # Not in the minute that may end while this runs.
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    for state, number in ((TaskState.COMPLETED, 3), (TaskState.FAILED, 2), (TaskState.CANCELED, 1)):
        for nth in range(number):
            await ended(state, minute + timedelta(seconds=nth, microseconds=nth))
    await ended(TaskState.COMPLETED, minute - timedelta(microseconds=1))
    await ended(TaskState.COMPLETED, minute - timedelta(hours=2))
    await Task.create(kind="gate.wait", correlation_id="test")

    minutes: list[dict[str, Any]] = (await api.run(THROUGHPUT))["taskThroughput"]

    assert len(minutes) == 60
    assert [figures["since"] for figures in minutes] == sorted(figures["since"] for figures in minutes)
    counted = {
        figures["since"]: (figures["completed"], figures["failed"], figures["canceled"])
        for figures in minutes
        if figures["completed"] or figures["failed"] or figures["canceled"]
    }
    assert counted == {
        minute.isoformat(): (3, 2, 1),
        (minute - timedelta(minutes=1)).isoformat(): (1, 0, 0),
    }


async def test_stored_bytes_are_counted(api: Api) -> None:
    now = datetime.now(UTC)
    await Artifact.create(sha256="a" * 64, size=10)
    await Artifact.create(sha256="b" * 64, size=200, unused_since=now)
    await Artifact.create(sha256="c" * 64, size=3_000_000_000_000, damaged_at=now)
    for received, completed_at in ((7, None), (9, now)):
        await Upload.create(size=9, received=received, client="", expires_at=now, completed_at=completed_at)

    stats = (await api.run(STORAGE))["storageStats"]

    assert stats.pop("asOf")
    assert stats == {
        "artifacts": 3,
        "bytes": 3_000_000_000_210,
        "unusedArtifacts": 1,
        "unusedBytes": 200,
        "damagedArtifacts": 1,
        "uploads": 1,
        "uploadBytes": 7,
    }


async def test_nothing_is_stored_at_first(api: Api) -> None:
    stats = (await api.run(STORAGE))["storageStats"]

    assert stats.pop("asOf")
    assert set(stats.values()) == {0}
