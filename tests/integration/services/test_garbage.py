"""The garbage collection takes what nothing needs, and leaves everything else."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headbox.kinds import GarbageCollection
from headbox.models import (
    Artifact,
    ArtifactRemoval,
    Content,
    Membership,
    Publication,
    PublishedFile,
    Remote,
    Repository,
    Task,
    Upload,
    Worker,
)
from headbox.services import garbage, leftovers
from headbox.services import publication as publications
from headbox.services import remote as remotes
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.services.survey import Found
from headbox.services.upkeep import Upkeep
from headbox.settings import GarbageSettings
from headbox.types import TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_publish, make_sync
from tests.support.engine import EngineUnderTest, LocalEngine
from tests.support.mirror import Mirror, sha256
from tests.support.statements import statements
from tests.support.upstream import Upstream

FILES = {f"{number}.txt": b"file %d" % number for number in range(10)}
DAY = 86_400.0
#: What counts of one collection.
NOTHING = {"deleted_units": 0, "deleted_artifacts": 0, "deleted_files": 0, "freed_bytes": 0}


async def collected(engine: EngineUnderTest, **values: Any) -> dict[str, Any]:
    """Run a garbage collection, and return what it says that it did."""
    async with engine.unit_of_work() as work:
        task = await tasks.create(work, GarbageCollection, values)
    return (await engine.completed(task)).result


async def planned(engine: EngineUnderTest, grace_seconds: float | None = None) -> Found:
    return await garbage.plan(engine, engine.storage, grace_seconds)


async def age(seconds: float = 2 * DAY) -> None:
    """Let everything be so much older, as far as the garbage collection goes."""
    time = datetime.now(UTC) - timedelta(seconds=seconds)
    for model in (Content, Artifact):
        await model.all().update(created_at=time)
        await model.filter(unused_since__isnull=False).update(unused_since=time)


async def delete(engine: EngineUnderTest, repository: Repository) -> None:
    async with engine.unit_of_work() as work:
        await repositories.delete(work, await Repository.get(id=repository.id))


async def stored(engine: EngineUnderTest) -> set[str]:
    return {digest async for digest in engine.storage.digests()}


@pytest.fixture
async def mirror(engine: LocalEngine, upstream: Upstream) -> Mirror:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync(FILES)
    return mirror


async def test_what_versions_hold_stays(mirror: Mirror) -> None:
    await mirror.sync({"0.txt": b"file 0"})
    await mirror.engine.completed(await make_publish(mirror.engine, mirror.repository))
    await age()
    rows = await mirror.rows()

    assert await collected(mirror.engine, grace_seconds=0) == NOTHING

    assert await mirror.rows() == rows
    assert await stored(mirror.engine) >= {sha256(body) for body in FILES.values()}


async def test_deleted_repository_goes_with_all_that_it_alone_held(mirror: Mirror, upstream: Upstream) -> None:
    engine = mirror.engine
    other = await make_repository(engine, upstream)
    upstream.files["PULP_MANIFEST"] = b"".join(upstream.files["PULP_MANIFEST"].splitlines(keepends=True)[:3])
    await engine.completed(await make_sync(engine, other))
    await delete(engine, mirror.repository)

    plan = await planned(engine, 0)
    result = await collected(engine, grace_seconds=0)

    size = sum(len(FILES[f"{number}.txt"]) for number in range(3, 10))
    assert result == {"deleted_units": 7, "deleted_artifacts": 7, "deleted_files": 0, "freed_bytes": size}
    assert plan == Found(units=7, artifacts=7, size=size)
    kept = {sha256(FILES[f"{number}.txt"]) for number in range(3)}
    assert {artifact.sha256 for artifact in await Artifact.all()} == await stored(engine) == kept
    assert await Membership.exclude(repository_id=other.id).count() == 0
    assert await planned(engine, 0) == Found()


async def test_unused_content_waits_for_the_grace_and_then_goes_with_its_bytes(mirror: Mirror) -> None:
    engine = mirror.engine
    await delete(engine, mirror.repository)
    await age()

    assert await planned(engine) == Found(waiting=10)
    assert await collected(engine) == NOTHING
    assert await collected(engine, grace_seconds=3600) == NOTHING
    assert await planned(engine) == Found(waiting=10)
    await age()
    # Artifacts have no mark of their own yet: they go with the units.
    size = sum(map(len, FILES.values()))
    assert await planned(engine) == Found(units=10, artifacts=10, size=size)
    assert (await collected(engine))["freed_bytes"] == size

    assert await engine.rows_of("content") == await engine.rows_of("artifact") == 0
    assert await stored(engine) == set()


async def test_dry_run_counts_and_changes_nothing(mirror: Mirror) -> None:
    engine = mirror.engine
    await delete(engine, mirror.repository)
    rows = await mirror.rows()

    found = await collected(engine, grace_seconds=0, dry_run=True)

    size = sum(map(len, FILES.values()))
    assert found == {"deleted_units": 10, "deleted_artifacts": 10, "deleted_files": 0, "freed_bytes": size}
    assert await mirror.rows() == rows
    assert await Content.filter(unused_since__isnull=False).count() == 0


async def test_content_that_is_used_again_loses_its_mark(mirror: Mirror, upstream: Upstream) -> None:
    engine = mirror.engine
    await delete(engine, mirror.repository)
    await age()
    await collected(engine)
    assert await Content.filter(unused_since__isnull=False).count() == len(FILES)

    again = await Mirror.of(engine, upstream)
    await again.sync(FILES)

    assert await Content.filter(unused_since__isnull=False).count() == 0
    assert upstream.hits("0.txt") == 1
    await age()
    assert await collected(engine) == NOTHING
    assert await stored(engine) == {sha256(body) for body in FILES.values()}


async def test_bytes_go_that_a_changed_publication_left(mirror: Mirror) -> None:
    engine = mirror.engine
    await engine.completed(await make_publish(engine, mirror.repository))
    publication = await Publication.get()
    async with engine.unit_of_work() as work:
        await publications.delete(work, publication)
    assert await PublishedFile.all().count() == 1

    result = await collected(engine, grace_seconds=0)

    assert (result["deleted_units"], result["deleted_artifacts"]) == (0, 1)
    assert await PublishedFile.all().count() == 0


async def test_bytes_of_an_upload_stay_for_as_long_as_the_upload(mirror: Mirror) -> None:
    engine = mirror.engine
    digest = sha256(FILES["0.txt"])
    await delete(engine, mirror.repository)
    await Upload.create(
        size=6, received=6, sha256=digest, client="", expires_at=datetime.now(UTC), completed_at=datetime.now(UTC)
    )

    await collected(engine, grace_seconds=0)
    assert await stored(engine) == {digest}
    await Upload.all().delete()
    await collected(engine, grace_seconds=0)
    assert await stored(engine) == set()


async def test_files_without_a_row_go_when_they_are_old(mirror: Mirror) -> None:
    engine = mirror.engine
    await mirror.store(b"left by a killed process")
    old, new = sha256(b"left by a killed process"), sha256(b"about to be saved")
    path = engine.storage.path_of(old)
    assert path is not None
    os.utime(path, (0, 0))
    await mirror.store(b"about to be saved")

    plan = await planned(engine, 0)
    result = await collected(engine, grace_seconds=0)

    assert plan == Found(files=1, size=24)
    assert (result["deleted_files"], result["freed_bytes"]) == (1, 24)
    assert await stored(engine) == {new, *map(sha256, FILES.values())}


async def test_what_a_failed_sync_had_added_is_taken_back(mirror: Mirror) -> None:
    await Membership.filter(content_id=(await Content.first()).id).update(added_in=7)  # type: ignore[union-attr]

    result = await collected(mirror.engine, grace_seconds=0)

    assert (result["deleted_units"], result["deleted_artifacts"]) == (1, 1)


async def test_deleted_remote_stays_while_content_or_tasks_need_it(mirror: Mirror) -> None:
    engine = mirror.engine
    remote = await Remote.get()
    await delete(engine, mirror.repository)
    async with engine.unit_of_work() as work:
        await remotes.delete(work, remote)

    await collected(engine, grace_seconds=0)
    assert await Remote.all().count() == 1, "the sync tells its revision"
    await Task.exclude(kind=GarbageCollection.kind).delete()
    await collected(engine, grace_seconds=0)
    assert await engine.rows_of("remote") == await engine.rows_of("remote_revision") == 0


async def test_interrupted_removal_is_gone_on_with(mirror: Mirror) -> None:
    engine = mirror.engine
    digest = sha256(FILES["0.txt"])
    await Artifact.filter(sha256=digest).delete()
    await ArtifactRemoval.create(sha256=digest, started_at=datetime.now(UTC))

    await collected(engine, grace_seconds=0)
    assert digest in await stored(engine), "who began it may still be at it"
    await ArtifactRemoval.all().update(started_at=datetime.now(UTC) - timedelta(hours=1))
    await collected(engine, grace_seconds=0)
    assert digest not in await stored(engine)
    assert (await ArtifactRemoval.get()).ended_at is not None


async def test_bytes_that_are_stored_again_while_they_are_removed_are_fetched_again(
    mirror: Mirror, upstream: Upstream
) -> None:
    engine = mirror.engine
    digest = sha256(FILES["0.txt"])
    await Artifact.filter(sha256=digest).delete()
    # Deleted after they were found: this is how the database looks then.
    await ArtifactRemoval.create(
        sha256=digest, started_at=datetime.now(UTC), ended_at=datetime.now(UTC) + timedelta(days=1)
    )
    again = await Mirror.of(engine, upstream)
    await again.sync(FILES)
    assert await ArtifactRemoval.all().count() == 0, "they were there after all"
    assert upstream.hits("0.txt") == 1


async def test_repository_is_deleted_without_what_it_held(mirror: Mirror) -> None:
    engine = mirror.engine
    await engine.completed(await make_publish(engine, mirror.repository))
    with statements() as asked:
        await delete(engine, mirror.repository)

    assert not [statement for statement in asked if "membership" in statement or "published_file" in statement]
    assert await Membership.all().count() == len(FILES)
    assert await PublishedFile.all().count() == 1
    # Behind it, by the upkeep, a few at a time.
    upkeep = Upkeep(engine)
    for _ in range(4):
        await upkeep.run()
    assert await Membership.all().count() == await PublishedFile.all().count() == 0


async def test_leftovers_go_in_batches(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "BATCH", 3)
    kept = await make_repository(mirror.engine)
    await delete(mirror.engine, mirror.repository)

    deleted = []
    while some := await leftovers.delete_some(mirror.engine.database.connection):
        deleted.append(some)

    assert deleted == [3, 3, 3, 1]
    assert [repository.id for repository in await Repository.all()] == [kept.id]


async def test_collection_is_created_when_it_is_due(data_dir: Path) -> None:
    async with LocalEngine(data_dir, garbage=GarbageSettings(interval_hours=1)).running() as engine:
        await garbage.create_due(engine)
        assert await Task.all().count() == 0, "a new installation has nothing to collect"
        await Worker.all().update(created_at=datetime.now(UTC) - timedelta(hours=2))
        await garbage.create_due(engine)
        await garbage.create_due(engine)
        [task] = await Task.all()
        assert (await engine.finished(task)).state is TaskState.COMPLETED
        await garbage.create_due(engine)
        assert await Task.all().count() == 1
        await Task.all().update(created_at=datetime.now(UTC) - timedelta(hours=2))
        await garbage.create_due(engine)
        assert await Task.all().count() == 2


async def test_no_collection_is_due_where_they_are_switched_off(data_dir: Path) -> None:
    async with LocalEngine(data_dir, garbage=GarbageSettings(interval_hours=0)).running() as engine:
        await garbage.create_due(engine)
        assert await Task.all().count() == 0
