"""A plan says what a sync would do and changes nothing; a sync that applies it does just that, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headbox.errors import (
    HeadboxError,
    LimitExceeded,
    MetadataInvalid,
    PlanMoved,
    PlanOutdated,
    RemoteResponse,
    TooManyPlans,
)
from headbox.models import Membership, Remote, Repository, SyncPlan
from headbox.pipeline import fingerprint, stream
from headbox.plugin_api import DeclaredArtifact, DeclaredContent, SyncContext
from headbox.plugins.file.sync import FileSync
from headbox.services import sync_plan
from headbox.services import task as tasks
from headbox.services.sync_plan import remove_expired
from headbox.services.task import SyncRequest
from headbox.settings import DownloadSettings, SyncSettings
from headbox.types import DownloadPolicy, OnError, Origin, SyncMode
from tests.factories.content import create_add, digest_of, files_of, latest_version, make_files
from tests.factories.remote import make_remote, update_remote
from tests.factories.repository import make_repository
from tests.integration.sync.parcels import Parcel, ParcelRemote, Parcels, ParcelSync, scripts
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, issues, serve
from tests.support.plans import apply_plan, counts, make_plan, paths
from tests.support.upstream import Slow, Status, Upstream, pulp_manifest

OLD = {"same.txt": b"same", "changed.txt": b"old", "gone.txt": b"gone!"}
NEW = {"same.txt": b"same", "changed.txt": b"newer", "added.txt": b"added"}
#: What nobody may have changed.
TABLES = ("artifact", "artifact_source", "content", "content_artifact", "membership", "staged_content", "task")


async def plan(mirror: Mirror, **request: Any) -> SyncPlan:
    """Return the plan of a sync, having made sure that it is all that is new."""
    before = {table: await mirror.engine.rows_of(table) for table in TABLES}
    made = await make_plan(mirror.engine, mirror.repository, **request)
    after = {table: await mirror.engine.rows_of(table) for table in TABLES}
    # What the sync before it has staged is cleared right behind its end.
    assert after.pop("staged_content") <= before.pop("staged_content")
    assert after == before
    assert not any((mirror.engine.settings.data_dir / "work").iterdir())
    return made


async def assert_outdated(mirror: Mirror, made: SyncPlan, moved: PlanMoved, **request: Any) -> None:
    """Make sure that no sync is created that would apply a plan."""
    before = await mirror.engine.rows_of("task")
    with pytest.raises(PlanOutdated) as refused:
        await apply_plan(mirror.engine, made, **request)
    assert (refused.value.values["moved"], refused.value.path) == (moved, ("plan",))
    assert await mirror.engine.rows_of("task") == before


async def assert_outdated_when_run(mirror: Mirror, made: SyncPlan, moved: PlanMoved) -> None:
    """Make sure that a sync that applies a plan fails and changes nothing."""
    latest = await mirror.latest()
    error = await mirror.engine.failed(await apply_plan(mirror.engine, made))
    assert (error["code"], error["values"]["moved"]) == ("REVISION_CONFLICT", moved)
    assert await mirror.latest() == latest
    await mirror.engine.assert_nothing_left()


def settings_of(engine: LocalEngine, **sections: Any) -> None:
    engine.settings = engine.settings.model_copy(update=sections)


async def test_plan_of_a_mirror_says_what_changes(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    serve(mirror.upstream, NEW)

    made = await plan(mirror)

    summary = made.summary
    assert summary["added"] == {"count": 2, "bytes": 10, "unknown_sizes": 0}
    assert summary["removed"] == {"count": 2, "bytes": 8, "unknown_sizes": 0}
    assert summary["downloaded"] == {"count": 2, "bytes": 10, "unknown_sizes": 0}
    assert summary["by_kind"] == [{"kind": "file.content", "added": summary["added"], "removed": summary["removed"]}]
    assert sorted(paths(made, "added")) == ["added.txt", "changed.txt"]
    assert sorted(paths(made, "removed")) == ["changed.txt", "gone.txt"]
    assert made.version_number == 1
    assert mirror.upstream.hits("added.txt") == 0


async def test_additive_plan_removes_only_what_is_replaced(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    serve(mirror.upstream, NEW)

    made = await plan(mirror, mode=SyncMode.ADDITIVE)

    assert (paths(made, "removed"), counts(made)["added"]) == (["changed.txt"], 2)


async def test_mirror_keeps_what_did_not_come_by_sync(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    await Membership.all().update(origin=Origin.UPLOAD)
    serve(mirror.upstream, NEW)

    assert paths(await plan(mirror), "removed") == ["changed.txt"]


async def test_plan_of_nothing_new(mirror: Mirror) -> None:
    await mirror.sync(OLD)

    made = await plan(mirror)

    assert counts(made) == {"added": 0, "removed": 0, "downloaded": 0}


@pytest.mark.parametrize("policy", [DownloadPolicy.ON_DEMAND, DownloadPolicy.STREAMED])
async def test_plan_tells_what_clients_would_have_fetched(
    engine: LocalEngine, upstream: Upstream, policy: DownloadPolicy
) -> None:
    mirror = Mirror(engine, upstream, await make_repository(engine, await make_remote(engine, upstream, policy=policy)))
    serve(upstream, NEW)

    summary = (await plan(mirror)).summary

    assert summary["downloaded"] == {"count": 0, "bytes": 0, "unknown_sizes": 0}
    assert summary["on_demand"] == {"count": 3, "bytes": 14, "unknown_sizes": 0}


async def test_bytes_are_downloaded_once_and_not_when_they_are_here(
    engine: LocalEngine, mirror: Mirror, upstream: Upstream
) -> None:
    other = await Mirror.of(engine, upstream)
    await other.sync({"here.txt": b"here"})
    serve(upstream, {"one.txt": b"twice", "two.txt": b"twice", "three.txt": b"here"})

    made = await plan(mirror)

    assert (counts(made), made.summary["downloaded"]["bytes"]) == ({"added": 3, "removed": 0, "downloaded": 1}, 5)


async def test_unknown_sizes_are_counted_apart(parcels: Parcels) -> None:
    sized = parcels.parcel("sized", {"a": b"four"})
    unsized = DeclaredContent(
        Parcel(name="unsized"),
        (DeclaredArtifact("b", parcels.upstream.url_of("b")), DeclaredArtifact("c", parcels.upstream.url_of("c"))),
    )
    scripts[str(parcels.repository.id)] = declaring(sized, unsized)

    made = await plan(parcels, task_type=ParcelSync)

    assert made.summary["added"] == {"count": 2, "bytes": 4, "unknown_sizes": 2}
    assert made.summary["downloaded"] == {"count": 3, "bytes": 4, "unknown_sizes": 2}


def declaring(*units: DeclaredContent) -> Any:
    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        for unit in units:
            yield unit

    return declare


@pytest.mark.parametrize("batch", [1, 2, 4000])
async def test_plan_and_sync_leave_out_the_same(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(stream, "BATCH_UNITS", batch)
    monkeypatch.setattr(stream, "UNITS_A_TURN", batch)
    monkeypatch.setattr(fingerprint, "SORTED_IN_MEMORY", 2)
    serve(mirror.upstream, NEW)
    twice = {"same.txt": b"other", "more.txt": b"more"}
    mirror.upstream.files.update({"more.txt": b"more"})
    mirror.upstream.files[MANIFEST] = b"bad\n" + pulp_manifest(NEW) + pulp_manifest(twice) + pulp_manifest(NEW)

    made = await plan(mirror)
    await mirror.store(b"other")
    task = await mirror.engine.completed(await apply_plan(mirror.engine, made, on_error=OnError.SKIP))

    planned = [(issue["code"], issue["relative_path"]) for issue in made.summary["issues"]]
    assert sorted(planned, key=str) == sorted(await issues(task), key=str)
    assert planned == [("METADATA_INVALID", None), ("UNIT_CONFLICT", "same.txt")]
    assert (made.summary["issue_count"], counts(made)["added"]) == (2, 4)
    assert await mirror.files() == digests(NEW | {"more.txt": b"more"})


async def test_plan_notices_a_unit_that_is_declared_with_other_bytes(parcels: Parcels) -> None:
    first = parcels.parcel("one", {"a": b"x"})
    await parcels.sync_parcels([first])
    scripts[str(parcels.repository.id)] = declaring(parcels.parcel("one", {"a": b"y"}))

    made = await plan(parcels, task_type=ParcelSync)

    assert [(issue["code"], issue["relative_path"]) for issue in made.summary["issues"]] == [("UNIT_CONFLICT", "a")]


async def test_first_units_are_shown_and_all_are_counted(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_plan, "SHOWN_UNITS", 3)
    await mirror.sync({f"old/{number}": b"%d" % number for number in range(10)})
    serve(mirror.upstream, {f"new/{number}": b"%d" % number for number in range(12)})

    made = await plan(mirror)

    assert counts(made) == {"added": 12, "removed": 10, "downloaded": 2}
    assert (len(paths(made, "added")), len(paths(made, "removed"))) == (3, 3)


async def test_sync_does_what_the_plan_says(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    serve(mirror.upstream, NEW)
    made = await plan(mirror)

    task = await mirror.engine.completed(await apply_plan(mirror.engine, made))

    version = await mirror.version()
    assert (version.added, version.removed) == (counts(made)["added"], counts(made)["removed"])
    assert await mirror.files() == digests(NEW)
    assert task.input["plan"]["id"] == str(made.id)


async def test_plan_of_another_mode_is_applied_in_that_mode(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    serve(mirror.upstream, NEW)

    made = await plan(mirror, mode=SyncMode.ADDITIVE)
    await mirror.engine.completed(await apply_plan(mirror.engine, made))

    assert await mirror.files() == digests(OLD | NEW)


async def test_plan_of_nothing_new_is_applied_when_nothing_is_new(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    made = await plan(mirror)

    task = await mirror.engine.completed(await apply_plan(mirror.engine, made))

    assert task.result["repository_version"] is None


async def test_plan_can_be_applied_once(mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    await mirror.engine.completed(await apply_plan(mirror.engine, made))

    await assert_outdated(mirror, made, PlanMoved.REPOSITORY)


async def test_remote_that_moves_between_plan_and_sync_is_noticed(mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    serve(mirror.upstream, NEW | {"more.txt": b"more"})

    await assert_outdated_when_run(mirror, made, PlanMoved.UPSTREAM)


async def test_remote_that_moves_back_to_what_was_synced_last_is_noticed(mirror: Mirror) -> None:
    await mirror.sync(OLD)
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    serve(mirror.upstream, OLD)

    await assert_outdated_when_run(mirror, made, PlanMoved.UPSTREAM)


async def test_other_file_that_comes_first_for_a_place_is_noticed(mirror: Mirror) -> None:
    one, other = pulp_manifest({"a.txt": b"one"}), pulp_manifest({"a.txt": b"other"})
    for body in (b"one", b"other"):
        await mirror.store(body)
    mirror.upstream.files[MANIFEST] = one + other
    made = await plan(mirror)
    mirror.upstream.files[MANIFEST] = other + one

    error = await mirror.engine.failed(await apply_plan(mirror.engine, made, on_error=OnError.SKIP))

    assert error["values"]["moved"] == PlanMoved.UPSTREAM


async def test_order_of_the_remote_does_not_count(mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    mirror.upstream.files[MANIFEST] = b"\n".join(reversed(mirror.upstream.files[MANIFEST].splitlines()))

    await mirror.engine.completed(await apply_plan(mirror.engine, made))


async def test_sync_between_plan_and_sync_is_noticed(mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    await mirror.sync()

    await assert_outdated(mirror, made, PlanMoved.REPOSITORY)


async def test_add_between_plan_and_sync_is_noticed(engine: LocalEngine, mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    units = await make_files(engine, ("own.txt", "own"))
    await engine.completed(await create_add(engine, mirror.repository, units))

    await assert_outdated(mirror, made, PlanMoved.REPOSITORY)


async def test_add_that_goes_before_the_sync_is_noticed(engine: LocalEngine, mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    units = await make_files(engine, ("own.txt", "own"))
    engine.dispatcher.is_losing = True
    add = await create_add(engine, mirror.repository, units)
    sync = await apply_plan(engine, made)
    engine.dispatcher.is_losing = False

    await engine.send_again()

    await engine.completed(add)
    assert (await engine.failed(sync))["values"]["moved"] == PlanMoved.REPOSITORY
    assert await files_of(engine, await latest_version(mirror.repository)) == {"own.txt": digest_of("own")}


async def test_version_that_is_made_while_the_sync_waits_is_noticed(engine: LocalEngine, mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    engine.dispatcher.is_losing = True
    first, second = [await apply_plan(engine, made) for _ in range(2)]
    engine.dispatcher.is_losing = False

    await engine.send_again()

    await engine.completed(first)
    assert (await engine.failed(second))["values"]["moved"] == PlanMoved.REPOSITORY
    assert await mirror.latest() == 1


async def test_plan_expires(mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    await SyncPlan.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    await assert_outdated(mirror, await SyncPlan.get(id=made.id), PlanMoved.EXPIRED)


async def test_other_mode_and_other_remote_are_refused(engine: LocalEngine, mirror: Mirror, upstream: Upstream) -> None:
    serve(upstream, NEW)
    made = await plan(mirror)

    await assert_outdated(mirror, made, PlanMoved.INPUT, mode=SyncMode.ADDITIVE)
    await assert_outdated(mirror, made, PlanMoved.INPUT, remote=await make_remote(engine, upstream))


async def test_plan_of_another_repository_is_refused(engine: LocalEngine, mirror: Mirror, upstream: Upstream) -> None:
    serve(upstream, NEW)
    made = await plan(await Mirror.of(engine, upstream))

    async with engine.unit_of_work() as work:
        with pytest.raises(PlanOutdated) as refused:
            await tasks.create_sync(work, FileSync, SyncRequest(mirror.repository, plan=made))

    assert refused.value.values["moved"] == PlanMoved.INPUT


async def test_plan_of_another_type_is_refused(parcels: Parcels) -> None:
    scripts[str(parcels.repository.id)] = declaring()
    made = await plan(parcels, task_type=ParcelSync)
    made.task_kind = "file.sync"

    with pytest.raises(PlanOutdated) as refused:
        await apply_plan(parcels.engine, made, ParcelSync)

    assert refused.value.values["moved"] == PlanMoved.INPUT


async def test_remote_that_is_changed_between_plan_and_sync_is_noticed(engine: LocalEngine, mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    made = await plan(mirror)
    await update_remote(engine, await Remote.get(id=mirror.repository.remote_id), max_retries=1)

    await assert_outdated(mirror, made, PlanMoved.REMOTE)


async def test_metadata_that_cannot_be_had_is_told_and_no_plan_is_kept(mirror: Mirror) -> None:
    serve(mirror.upstream, NEW)
    mirror.upstream.fault(MANIFEST, Status(404))

    with pytest.raises(RemoteResponse):
        await plan(mirror)
    mirror.upstream.heal(MANIFEST)
    mirror.upstream.files[MANIFEST] = b"<html>\n"
    with pytest.raises(MetadataInvalid):
        await plan(mirror)

    assert await SyncPlan.all().count() == 0


@pytest.mark.parametrize(
    ("sections", "error"),
    [
        ({"sync": SyncSettings(plan_timeout_seconds=0.05)}, LimitExceeded),
        ({"download": DownloadSettings(max_units=2)}, LimitExceeded),
        ({"download": DownloadSettings(max_metadata_bytes=10)}, HeadboxError),
    ],
)
async def test_plans_are_bounded(
    engine: LocalEngine, parcels: Parcels, sections: dict[str, Any], error: type[HeadboxError]
) -> None:
    mirror = await Mirror.of(engine, parcels.upstream)
    serve(mirror.upstream, NEW)
    settings_of(engine, **sections)
    if "sync" in sections:
        mirror.upstream.fault(MANIFEST, Slow(1.0))

    with pytest.raises(error):
        await plan(mirror)

    assert not any((engine.settings.data_dir / "work").iterdir())


async def test_so_many_plans_are_computed_at_a_time(engine: LocalEngine, parcels: Parcels) -> None:
    settings_of(engine, sync=SyncSettings(plan_limit=1))
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        begun.set()
        await goes_on.wait()
        yield parcels.parcel("one", {"a": b"x"})

    scripts[str(parcels.repository.id)] = declare
    planner = sync_plan.Planner(engine, engine.workspace)
    current = await Repository.get(id=parcels.repository.id)
    async with engine.unit_of_work() as work:
        parameters: Any = (await tasks.prepare_sync(work, ParcelSync, SyncRequest(current))).parameters
    first = asyncio.create_task(planner.plan(parameters, current))
    await begun.wait()

    with pytest.raises(TooManyPlans) as refused:
        await planner.plan(parameters, current)

    assert refused.value.retryable
    goes_on.set()
    assert counts(await first)["added"] == 1
    await planner.plan(parameters, current)


async def test_plan_that_is_given_up_leaves_nothing(engine: LocalEngine, parcels: Parcels) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        try:
            yield parcels.parcel("one", {"a": b"x"})
            begun.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    scripts[str(parcels.repository.id)] = declare
    planning = asyncio.create_task(plan(parcels, task_type=ParcelSync))
    await begun.wait()

    planning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await planning

    assert closed.is_set()
    assert not any((engine.settings.data_dir / "work").iterdir())
    assert await engine.rows_of("staged_content") == await engine.rows_of("sync_plan") == 0


async def test_repository_that_moves_while_it_is_planned_is_noticed(engine: LocalEngine, parcels: Parcels) -> None:
    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        await Repository.filter(id=parcels.repository.id).update(latest_number=1)
        yield parcels.parcel("one", {"a": b"x"})

    scripts[str(parcels.repository.id)] = declare

    with pytest.raises(PlanOutdated) as refused:
        await plan(parcels, task_type=ParcelSync)

    assert refused.value.values["moved"] == PlanMoved.REPOSITORY


async def test_old_plans_are_forgotten(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_plan, "KEPT_PLANS", 2)
    serve(mirror.upstream, NEW)
    made = [await plan(mirror) for _ in range(3)]
    assert {kept.id for kept in await SyncPlan.all()} == {kept.id for kept in made[1:]}

    await SyncPlan.filter(id=made[1].id).update(expires_at=datetime.now(UTC) - timedelta(days=2))
    await remove_expired(mirror.engine.database.connection)

    assert [kept.id for kept in await SyncPlan.all()] == [made[2].id]
