"""Repairs find what is wrong with stored bytes, fetch what they can, and tell of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headbox.errors import ErrorCode, StorageUnavailable
from headbox.kinds import Repair
from headbox.models import Artifact, ArtifactSource, ContentArtifact, PublishedFile, SyncIssue, Task
from headbox.plugins.file.publish import FilePublish
from headbox.services import repair
from headbox.services import task as tasks
from headbox.storage import S3Storage
from headbox.types import DownloadPolicy, TaskState
from tests.factories.remote import new_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_publish, make_sync
from tests.support.damage import Damage
from tests.support.engine import EngineUnderTest, LocalEngine
from tests.support.mirror import Mirror, reports, serve, sha256
from tests.support.upstream import Held, Status, Upstream
from tests.support.waiting import PATIENCE_SECONDS

FILES = {f"{number}.txt": b"file %d" % number for number in range(10)}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.embedded)])
async def mirror(request: pytest.FixtureRequest, data_dir: Path, upstream: Upstream) -> AsyncIterator[Mirror]:
    """A repository whose files are all stored, in a folder or in a bucket."""
    engine = LocalEngine(data_dir)
    if request.param == "bucket":
        engine.storage = S3Storage.of(request.getfixturevalue("object_store").settings())
    async with engine.running():
        mirror = await Mirror.of(engine, upstream)
        await mirror.sync(FILES)
        yield mirror


@pytest.fixture
def damage(request: pytest.FixtureRequest, mirror: Mirror) -> Damage:
    bucket = request.getfixturevalue("object_store") if isinstance(mirror.engine.storage, S3Storage) else None
    return Damage(mirror.engine.storage, bucket)


async def make_repair(engine: EngineUnderTest, **values: Any) -> Task:
    async with engine.unit_of_work() as work:
        return await tasks.create(work, Repair, values)


async def repaired(engine: EngineUnderTest, **values: Any) -> Task:
    """Run a repair to its end."""
    return await engine.completed(await make_repair(engine, **values))


def counts(task: Task) -> tuple[int, int, int, int]:
    """Return how many artifacts a repair checked, and found damaged, repaired, and lost."""
    result = task.result
    return result["checked"], result["damaged"], result["repaired"], result["lost"]


async def body_of(engine: EngineUnderTest, digest: str) -> bytes:
    return b"".join([chunk async for chunk in engine.storage.read(digest)])


async def marked() -> set[str]:
    return {artifact.sha256 for artifact in await Artifact.filter(damaged_at__isnull=False)}


async def test_whole_artifacts_are_looked_at_and_left_alone(mirror: Mirror) -> None:
    task = await repaired(mirror.engine)

    assert counts(task) == (10, 0, 0, 0)
    assert reports(task) == {
        "repair.check.artifacts": 10,
        "repair.check.bytes": SIZE,
        "repair.damaged": 0,
        "repair.repaired": 0,
        "repair.lost": 0,
    }
    assert all(mirror.upstream.hits(path) == 1 for path in FILES)
    await mirror.engine.assert_nothing_left()


async def test_missing_cut_and_rotten_artifacts_are_fetched_again(mirror: Mirror, damage: Damage) -> None:
    engine = mirror.engine
    await engine.storage.delete(sha256(FILES["0.txt"]))
    damage.put(sha256(FILES["1.txt"]), b"cut")
    damage.rot(sha256(FILES["2.txt"]), FILES["2.txt"])

    task = await repaired(engine)

    assert counts(task) == (10, 3, 3, 0)
    for path, body in FILES.items():
        assert await body_of(engine, sha256(body)) == body
        assert mirror.upstream.hits(path) == (2 if path in {"0.txt", "1.txt", "2.txt"} else 1)
    assert await marked() == set()
    assert await SyncIssue.all().count() == 0
    await engine.assert_nothing_left()


async def test_what_nobody_has_is_marked_and_told(mirror: Mirror, damage: Damage) -> None:
    digest = sha256(FILES["0.txt"])
    damage.rot(digest, FILES["0.txt"])
    await ArtifactSource.all().delete()

    task = await repaired(mirror.engine)

    assert counts(task) == (10, 1, 0, 1)
    assert await marked() == {digest}
    [issue] = await SyncIssue.filter(task_id=task.id)
    assert issue.code is ErrorCode.ARTIFACT_DAMAGED
    assert [issue.sha256, issue.relative_path, issue.url] == [digest, "0.txt", None]
    assert issue.message == (
        f"The stored bytes of the artifact {digest} are not what they were. No remote is known to have them."
    )
    assert not issue.retryable


async def test_source_that_does_not_give_the_bytes_is_told_and_marked(mirror: Mirror, damage: Damage) -> None:
    await mirror.engine.storage.delete(sha256(FILES["0.txt"]))
    mirror.upstream.fault("0.txt", Status(404))

    task = await repaired(mirror.engine)

    assert counts(task) == (10, 1, 0, 1)
    [issue] = await SyncIssue.filter(task_id=task.id)
    assert issue.url == mirror.upstream.url_of("0.txt")
    assert "are gone. " in issue.message
    assert "404" in issue.message
    assert await ArtifactSource.filter(failed_at__isnull=False).count() == 1


async def test_source_that_lies_is_passed_over(mirror: Mirror) -> None:
    other = Upstream({"0.txt": FILES["0.txt"], "PULP_MANIFEST": mirror.upstream.files["PULP_MANIFEST"]})
    with other:
        policy = DownloadPolicy.ON_DEMAND
        repository = await make_repository(mirror.engine, new_remote(other, policy=policy))
        await mirror.engine.completed(await make_sync(mirror.engine, repository))
        await mirror.engine.storage.delete(sha256(FILES["0.txt"]))
        mirror.upstream.files["0.txt"] = FILES["0.txt"][::-1]

        task = await repaired(mirror.engine)

    assert counts(task) == (10, 1, 1, 0)
    assert await body_of(mirror.engine, sha256(FILES["0.txt"])) == FILES["0.txt"]


async def test_dry_run_changes_nothing(mirror: Mirror, damage: Damage) -> None:
    digests = [sha256(FILES[path]) for path in ("0.txt", "1.txt")]
    for digest in digests:
        damage.put(digest, b"cut")
    lost = await ContentArtifact.get(sha256=digests[1])
    await ArtifactSource.filter(content_id=lost.content_id).delete()

    task = await repaired(mirror.engine, dry_run=True)

    assert counts(task) == (10, 2, 1, 1)
    assert [issue.sha256 for issue in await SyncIssue.filter(task_id=task.id)] == [digests[1]]
    assert await marked() == set()
    assert [await body_of(mirror.engine, digest) for digest in digests] == [b"cut", b"cut"]


async def test_without_digests_sizes_alone_are_compared(mirror: Mirror, damage: Damage) -> None:
    damage.rot(sha256(FILES["0.txt"]), FILES["0.txt"])
    damage.put(sha256(FILES["1.txt"]), b"cut")

    task = await repaired(mirror.engine, check_digests=False)

    assert counts(task) == (10, 1, 1, 0)
    assert reports(task)["repair.check.bytes"] == 0


async def test_bytes_that_came_back_lose_their_mark(mirror: Mirror) -> None:
    await Artifact.filter(sha256=sha256(FILES["0.txt"])).update(damaged_at=datetime.now(UTC))

    task = await repaired(mirror.engine, check_digests=False)

    assert counts(task) == (10, 1, 1, 0)
    assert await marked() == set()
    assert mirror.upstream.hits("0.txt") == 1


async def test_lost_files_of_publications_are_rendered_again(mirror: Mirror, damage: Damage) -> None:
    engine = mirror.engine
    await engine.completed(await make_publish(engine, mirror.repository))
    [file] = await PublishedFile.all()
    body = await body_of(engine, file.sha256)
    damage.rot(file.sha256, body)

    seen = await repaired(engine, dry_run=True)
    task = await repaired(engine)

    assert counts(seen) == counts(task) == (11, 1, 1, 0)
    assert await body_of(engine, file.sha256) == body
    assert await marked() == set()
    await engine.assert_nothing_left()


async def test_file_of_a_publication_that_is_rendered_otherwise_by_now_is_lost(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = mirror.engine
    await engine.completed(await make_publish(engine, mirror.repository))
    [file] = await PublishedFile.all()
    await engine.storage.delete(file.sha256)
    monkeypatch.setattr(FilePublish, "renderer", FilePublish.renderer + 1)

    task = await repaired(engine)

    assert counts(task) == (11, 1, 0, 1)
    [issue] = await SyncIssue.filter(task_id=task.id)
    assert issue.relative_path == file.relative_path


@pytest.mark.parametrize("by", ["repository", "repository_version"])
async def test_repair_is_about_what_a_repository_or_a_version_has(mirror: Mirror, damage: Damage, by: str) -> None:
    engine = mirror.engine
    await mirror.sync({"new.txt": b"new"}, mode="mirror")
    await engine.completed(await make_publish(engine, mirror.repository))
    with Upstream({"other.txt": b"other"}) as upstream:
        serve(upstream, {"other.txt": b"other"})
        other = await make_repository(engine, upstream)
        await engine.completed(await make_sync(engine, other))
    await engine.storage.delete(sha256(b"other"))
    published = {file.sha256 for file in await PublishedFile.all()}

    values = {"repository": mirror.repository.id, "repository_version": (await mirror.version()).id}
    task = await repaired(engine, **{by: values[by]})

    held = 1 if by == "repository_version" else 11
    assert counts(task) == (held + len(published), 0, 0, 0)
    assert (await Task.get(id=task.id)).repository_id == (mirror.repository.id if by == "repository" else None)


async def test_repair_that_was_lost_goes_on_where_it_was(
    mirror: Mirror, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = mirror.engine
    assert isinstance(engine, LocalEngine)
    monkeypatch.setattr(repair, "BATCH", 2)
    digests = sorted(map(sha256, FILES.values()))
    by_digest = {sha256(body): path for path, body in FILES.items()}
    await engine.storage.delete(digests[0])
    await engine.storage.delete(digests[5])
    held = Held()
    mirror.upstream.fault(by_digest[digests[5]], held, times=1)
    looked: list[str] = []
    size_of = engine.storage.size_of

    async def looking(digest: str) -> int | None:
        looked.append(digest)
        return await size_of(digest)

    monkeypatch.setattr(engine.storage, "size_of", looking)
    task = await make_repair(engine)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while mirror.upstream.hits(by_digest[digests[5]]) < 2:  # noqa: ASYNC110 - the upstream is in another thread
            await asyncio.sleep(0.01)

    await engine.runner.stop()
    looked.clear()
    engine.dispatcher.runners.insert(0, await engine.hire())
    await engine.send_again()
    done = await engine.completed(task)

    assert (done.attempt, counts(done)) == (2, (10, 2, 2, 0))
    assert reports(done)["repair.check.artifacts"] == 10
    assert not set(looked) & set(digests[:4])
    await engine.assert_nothing_left()


async def test_repair_can_be_canceled(mirror: Mirror) -> None:
    engine = mirror.engine
    await engine.storage.delete(sha256(FILES["0.txt"]))
    mirror.upstream.fault("0.txt", Held(), times=1)
    task = await make_repair(engine)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while mirror.upstream.hits("0.txt") < 2:  # noqa: ASYNC110 - the upstream is in another thread
            await asyncio.sleep(0.01)

    await engine.cancel(task)

    assert (await engine.finished(task)).state is TaskState.CANCELED
    assert await marked() == {sha256(FILES["0.txt"])}


async def test_storage_that_is_away_fails_the_repair(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: str) -> int | None:
        raise StorageUnavailable(reason="it is away")

    monkeypatch.setattr(mirror.engine.storage, "size_of", away)

    assert (await mirror.engine.failed(await make_repair(mirror.engine)))["code"] == "STORAGE_UNAVAILABLE"
    assert await marked() == set()


async def test_reading_is_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = repair.Pace(1000)
    for _ in range(3):
        await pace.take(500)

    assert waited == [pytest.approx(0.5, abs=0.1), pytest.approx(1.0, abs=0.1), pytest.approx(1.5, abs=0.1)]
