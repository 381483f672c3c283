"""What was served at a base path at some time, whatever became of it since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from headbox.models import DistributionHistory, Publication
from headbox.services import distribution_history as history
from headbox.services import publication as publications
from headbox.services import repository as repositories
from headbox.services.upkeep import Upkeep
from headbox.settings import DistributionSettings
from tests.factories.distribution import delete_distribution, make_distribution, update_distribution
from tests.factories.task import make_publish
from tests.integration.schema.api import Api
from tests.support.mirror import Mirror
from tests.support.statements import plan_of, statements

AS_OF = """
query ($path: String!, $at: DateTime!) {
  distributionAsOf(basePath: $path, at: $at) {
    basePath since until distributionName repositoryName versionNumber
    distribution { name } repository { name } repositoryVersion { number } publication { id }
  }
}
"""


async def as_of(mirror: Mirror, path: str, time: datetime) -> dict[str, Any] | None:
    found = (await Api(mirror.engine).run(AS_OF, path=path, at=time.isoformat()))["distributionAsOf"]
    assert found is None or isinstance(found, dict)
    return found


async def publish(mirror: Mirror, number: int) -> datetime:
    """Publish a version, and return a time at which it is served and nothing else is yet."""
    await mirror.engine.completed(await make_publish(mirror.engine, await mirror.version(number)))
    return datetime.now(UTC)


async def periods() -> list[tuple[str, int, bool]]:
    """Return base path, number and whether it goes on of whatever was served, in order; none overlaps another one."""
    rows = await DistributionHistory.all().order_by("id")
    for before, after in pairwise(rows):
        assert before.until is not None
        assert before.since <= before.until <= after.since
    return [(row.base_path, row.version_number, row.until is None) for row in rows]


async def test_each_time_has_what_was_served_then(mirror: Mirror) -> None:
    before = datetime.now(UTC)
    await make_distribution(mirror.engine, "files", mirror.repository, name="the files")
    empty = datetime.now(UTC)
    first = await publish(mirror, 1)
    second = await publish(mirror, 2)
    future = datetime.now(UTC) + timedelta(days=1)

    at_first, at_second = await as_of(mirror, "files", first), await as_of(mirror, "files", second)

    assert [await as_of(mirror, "files", time) for time in (before, empty)] == [None, None]
    assert await as_of(mirror, "other", second) is None
    assert at_first is not None
    assert at_second is not None
    assert at_first["until"] == at_second["since"]
    assert datetime.fromisoformat(at_first["since"]) < first < datetime.fromisoformat(at_first["until"])
    del at_first["since"], at_first["until"], at_first["publication"]
    assert at_first == {
        "basePath": "files",
        "distributionName": "the files",
        "repositoryName": mirror.repository.name,
        "versionNumber": 1,
        "distribution": {"name": "the files"},
        "repository": {"name": mirror.repository.name},
        "repositoryVersion": {"number": 1},
    }
    assert (at_second["versionNumber"], at_second["until"]) == (2, None)
    assert await as_of(mirror, "files", future) == at_second


async def test_moment_of_the_change_belongs_to_what_comes_after(mirror: Mirror) -> None:
    await make_distribution(mirror.engine, "files", mirror.repository)
    await publish(mirror, 1)
    await publish(mirror, 2)
    [first, second] = await DistributionHistory.all().order_by("id")

    found = [await as_of(mirror, "files", time) for time in (first.since, second.since)]

    assert [period and period["versionNumber"] for period in found] == [1, 2]


async def test_publish_that_changes_nothing_writes_nothing(mirror: Mirror) -> None:
    await make_distribution(mirror.engine, "files", mirror.repository)
    await publish(mirror, 1)
    await publish(mirror, 1)

    assert await periods() == [("files", 1, True)]


async def test_what_was_served_long_ago_is_forgotten_when_settings_say_so(mirror: Mirror) -> None:
    await make_distribution(mirror.engine, "files", mirror.repository)
    await publish(mirror, 1)
    await publish(mirror, 2)
    long_ago = datetime.now(UTC) - timedelta(days=31)
    await DistributionHistory.filter(version_number=1).update(since=long_ago, until=long_ago)
    await DistributionHistory.filter(version_number=2).update(since=long_ago)

    await Upkeep(mirror.engine).run()
    assert await periods() == [("files", 1, False), ("files", 2, True)]

    kept = DistributionSettings(history_days=30)
    mirror.engine.settings = mirror.engine.settings.model_copy(update={"distribution": kept})
    await Upkeep(mirror.engine).run()
    assert await periods() == [("files", 2, True)]


async def test_move_rename_and_deletion_leave_what_was(mirror: Mirror) -> None:
    distribution = await make_distribution(mirror.engine, "old", mirror.repository, name="before")
    at_old = await publish(mirror, 2)
    distribution = await update_distribution(mirror.engine, distribution, name="after")
    distribution = await update_distribution(mirror.engine, distribution, base_path="new")
    at_new = datetime.now(UTC)
    await delete_distribution(mirror.engine, distribution)
    end = datetime.now(UTC)

    old, new = await as_of(mirror, "old", at_old), await as_of(mirror, "new", at_new)

    assert await periods() == [("old", 2, False), ("new", 2, False)]
    assert old is not None
    assert new is not None
    assert (old["distributionName"], old["distribution"], old["versionNumber"]) == ("before", None, 2)
    assert (new["distributionName"], new["distribution"], new["versionNumber"]) == ("after", None, 2)
    assert [await as_of(mirror, path, end) for path in ("old", "new")] == [None, None]
    assert await as_of(mirror, "old", at_new) is None


async def test_base_path_that_goes_to_another_one(mirror: Mirror) -> None:
    first = await make_distribution(mirror.engine, "files", await mirror.version(1), name="first")
    at_first = await publish(mirror, 1)
    await delete_distribution(mirror.engine, first)
    await publish(mirror, 2)
    await make_distribution(mirror.engine, "files", await mirror.version(2), name="second")

    found = [await as_of(mirror, "files", time) for time in (at_first, datetime.now(UTC))]

    assert [period and period["distributionName"] for period in found] == ["first", "second"]


async def test_deleted_publication_is_followed_by_the_one_before_or_by_nothing(mirror: Mirror) -> None:
    await make_distribution(mirror.engine, "files", mirror.repository)
    times = [await publish(mirror, 1), await publish(mirror, 2)]
    for publication in await Publication.all().order_by("-id"):
        async with mirror.engine.unit_of_work() as work:
            await publications.delete(work, publication)
        times.append(datetime.now(UTC))

    found = [await as_of(mirror, "files", time) for time in times]

    assert await periods() == [("files", 1, False), ("files", 2, False), ("files", 1, False)]
    assert [period and (period["versionNumber"], period["publication"]) for period in found] == [
        (1, None), (2, None), (1, None), None
    ]  # fmt: skip


async def test_source_that_is_taken_away_ends_it(mirror: Mirror) -> None:
    distribution = await make_distribution(mirror.engine, "files", mirror.repository)
    await publish(mirror, 1)
    await update_distribution(mirror.engine, distribution, source=None)

    assert await periods() == [("files", 1, False)]


async def test_deleted_repository_is_known_by_its_name(mirror: Mirror) -> None:
    distribution = await make_distribution(mirror.engine, "files", mirror.repository)
    time = await publish(mirror, 2)
    await delete_distribution(mirror.engine, distribution)
    async with mirror.engine.unit_of_work() as work:
        await repositories.delete(work, mirror.repository)

    found = await as_of(mirror, "files", time)

    assert found is not None
    assert {name: found[name] for name in ("repositoryName", "versionNumber", "repository", "repositoryVersion")} == {
        "repositoryName": mirror.repository.name,
        "versionNumber": 2,
        "repository": None,
        "repositoryVersion": None,
    }


async def test_distribution_that_was_deleted_meanwhile_gets_no_history(mirror: Mirror) -> None:
    distribution = await make_distribution(mirror.engine, "files", mirror.repository)
    await publish(mirror, 1)
    await delete_distribution(mirror.engine, distribution)

    async with mirror.engine.unit_of_work() as work:
        is_changed = await history.record(work.connection, distribution.id)

    assert not is_changed
    assert await periods() == [("files", 1, False)]


@pytest.mark.parametrize("path", ["", "/", "' OR 1 = 1 --", "a\0b", "é" * 5_000, "%", "\u202e"])
async def test_path_that_nothing_is_served_at(mirror: Mirror, path: str) -> None:
    assert await as_of(mirror, path, datetime.now(UTC)) is None


async def test_time_of_long_ago_is_found_by_the_index(mirror: Mirror) -> None:
    await make_distribution(mirror.engine, "files", mirror.repository)

    with statements() as asked:
        await as_of(mirror, "files", datetime.now(UTC))
    [found] = [statement for statement in asked if "distribution_history" in statement]
    plan = await plan_of(mirror.engine.database.connection, found, ["files", datetime.now(UTC), 1])

    assert not [line for line in plan.splitlines() if "SCAN" in line.upper().replace("INDEX SCAN", "")]
    assert "base_path" in plan
