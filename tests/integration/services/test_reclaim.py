"""Reclaims free what remotes can give again, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headbox.kinds import Reclaim
from headbox.models import (
    Artifact,
    ArtifactRemoval,
    ArtifactSource,
    PublishedFile,
    Remote,
    RemoteRevision,
    Task,
    Upload,
)
from headbox.models.database import Connection, writers_ended
from headbox.plugins.file.kinds import FileContent
from headbox.services import content as contents
from headbox.services import reclaim
from headbox.services import remote as remotes
from headbox.services import task as tasks
from headbox.services.content import NewContent
from headbox.storage import S3Storage
from headbox.tasking.bus import ARTIFACT
from headbox.types import DownloadPolicy
from tests.factories.repository import make_repository
from tests.factories.task import make_publish, make_sync
from tests.support.engine import EngineUnderTest, LocalEngine
from tests.support.mirror import Mirror, sha256
from tests.support.upstream import Upstream

FILES = {f"{number}.txt": b"file %d" % number for number in range(10)}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.embedded)])
async def mirror(request: pytest.FixtureRequest, data_dir: Path, upstream: Upstream) -> AsyncIterator[Mirror]:
    """A repository whose files were fetched at once, by a remote that is on demand since."""
    engine = LocalEngine(data_dir)
    if request.param == "bucket":
        engine.storage = S3Storage.of(request.getfixturevalue("object_store").settings())
    async with engine.running():
        mirror = await Mirror.of(engine, upstream)
        await mirror.sync(FILES)
        await set_policy(engine, await remote_of(mirror), DownloadPolicy.ON_DEMAND)
        yield mirror


async def remote_of(mirror: Mirror) -> Remote:
    return await Remote.get(id=mirror.repository.remote_id)


async def set_policy(engine: EngineUnderTest, remote: Remote, policy: DownloadPolicy) -> None:
    async with engine.unit_of_work() as work:
        await remotes.update(work, remote, changes={"policy": policy}, expected_revision=None)


async def reclaimed(engine: EngineUnderTest, **values: Any) -> tuple[int, int]:
    """Run a reclaim, and return how many artifacts and bytes it freed."""
    async with engine.unit_of_work() as work:
        task = await tasks.create(work, Reclaim, values)
    result = (await engine.completed(task)).result
    return result["reclaimed"], result["freed_bytes"]


async def stored(engine: EngineUnderTest) -> set[str]:
    digests = {digest async for digest in engine.storage.digests()}
    assert {artifact.sha256 for artifact in await Artifact.all()} == digests
    assert not await Artifact.filter(unused_since__isnull=False).exists()
    return digests


async def test_what_a_remote_can_give_again_is_freed(mirror: Mirror) -> None:
    with mirror.engine.bus.subscribe(ARTIFACT) as told:
        assert await reclaimed(mirror.engine, dry_run=True) == (10, SIZE)
        assert len(await stored(mirror.engine)) == 10
        assert await reclaimed(mirror.engine) == (10, SIZE)

        assert await stored(mirror.engine) == set()
        # The first one may say that some were lost, as it does where Redis carries them.
        assert await told.next(5) or await told.next(5)
    assert await ArtifactRemoval.filter(ended_at__isnull=False).count() == 10
    assert await reclaimed(mirror.engine) == (0, 0)
    await mirror.engine.assert_nothing_left()


async def test_what_was_freed_can_be_stored_again(mirror: Mirror) -> None:
    await reclaimed(mirror.engine)
    await set_policy(mirror.engine, await remote_of(mirror), DownloadPolicy.IMMEDIATE)

    await mirror.sync(force=True)

    assert await stored(mirror.engine) == set(map(sha256, FILES.values()))
    assert mirror.upstream.hits("0.txt") == 2


async def test_many_are_freed_a_few_at_a_time(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reclaim, "WINDOW", 3)

    assert await reclaimed(mirror.engine) == (10, SIZE)
    assert await stored(mirror.engine) == set()


async def test_remote_that_wants_everything_here_keeps_it(mirror: Mirror) -> None:
    await set_policy(mirror.engine, await remote_of(mirror), DownloadPolicy.IMMEDIATE)

    assert await reclaimed(mirror.engine) == (0, 0)


async def test_bytes_that_another_remote_wants_here_stay(mirror: Mirror, upstream: Upstream) -> None:
    upstream.files["PULP_MANIFEST"] = upstream.files["PULP_MANIFEST"].splitlines(keepends=True)[0]
    other = await make_repository(mirror.engine, upstream)
    await mirror.engine.completed(await make_sync(mirror.engine, other))

    assert (await reclaimed(mirror.engine))[0] == 9
    assert await stored(mirror.engine) == {sha256(FILES["0.txt"])}


@pytest.mark.parametrize("why", ["failed", "deleted", "gone"])
async def test_source_that_is_not_to_be_counted_on_frees_nothing(mirror: Mirror, why: str) -> None:
    match why:
        case "failed":
            await ArtifactSource.all().update(failed_at=datetime.now(UTC), error="404")
        case "deleted":
            await Remote.all().update(deleted_at=datetime.now(UTC))
        case _:
            await ArtifactSource.all().delete()

    assert await reclaimed(mirror.engine) == (0, 0)


async def test_files_of_publications_stay(mirror: Mirror) -> None:
    await mirror.engine.completed(await make_publish(mirror.engine, mirror.repository))

    assert (await reclaimed(mirror.engine))[0] == 10
    assert await stored(mirror.engine) == {file.sha256 for file in await PublishedFile.all()}


async def test_bytes_that_somebody_brought_stay_where_a_remote_has_them_too(mirror: Mirror) -> None:
    await make_content(mirror.engine, "mine.txt", FILES["0.txt"])
    await Upload.create(
        size=6,
        received=6,
        sha256=sha256(FILES["1.txt"]),
        client="",
        expires_at=datetime.now(UTC) + timedelta(days=1),
        completed_at=datetime.now(UTC),
    )

    assert (await reclaimed(mirror.engine))[0] == 8
    assert await stored(mirror.engine) == {sha256(FILES["0.txt"]), sha256(FILES["1.txt"])}


async def test_lately_stored_and_damaged_bytes_stay(mirror: Mirror) -> None:
    await Artifact.all().update(created_at=datetime.now(UTC) - timedelta(days=5))
    await Artifact.filter(sha256=sha256(FILES["0.txt"])).update(created_at=datetime.now(UTC) - timedelta(days=1))
    await Artifact.filter(sha256=sha256(FILES["1.txt"])).update(damaged_at=datetime.now(UTC))

    assert (await reclaimed(mirror.engine, older_than_days=2))[0] == 8


@pytest.mark.parametrize("by", ["repository", "repository_version"])
async def test_reclaim_is_about_what_a_repository_or_a_version_has(mirror: Mirror, by: str) -> None:
    await mirror.sync({"new.txt": b"new"}, mode="mirror")
    with Upstream({"other.txt": b"other"}) as upstream:
        other = await Mirror.of(mirror.engine, upstream)
        await other.sync({"other.txt": b"other"})
    for remote in await Remote.all():
        await set_policy(mirror.engine, remote, DownloadPolicy.ON_DEMAND)
    await mirror.store(b"new")
    await Artifact.get_or_create(sha256=sha256(b"new"), defaults={"size": 3})

    values = {"repository": mirror.repository.id, "repository_version": (await mirror.version()).id}

    assert (await reclaimed(mirror.engine, **{by: values[by]}))[0] == (11 if by == "repository" else 1)
    assert sha256(b"other") in await stored(mirror.engine)


async def test_bytes_that_somebody_makes_use_of_meanwhile_stay(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    async def meanwhile(connection: Connection) -> None:
        # Behind the mark, and before it is looked at again.
        await make_content(mirror.engine, "mine.txt", FILES["0.txt"])
        await writers_ended(connection)

    monkeypatch.setattr("headbox.services.reclaim.writers_ended", meanwhile)

    assert (await reclaimed(mirror.engine))[0] == 9
    assert await stored(mirror.engine) == {sha256(FILES["0.txt"])}


async def test_revision_counts_that_is_current(mirror: Mirror) -> None:
    remote = await remote_of(mirror)
    assert await RemoteRevision.filter(remote_id=remote.id).count() == 2
    await set_policy(mirror.engine, remote, DownloadPolicy.STREAMED)

    assert (await reclaimed(mirror.engine))[0] == 10


async def make_content(engine: EngineUnderTest, path: str, body: bytes) -> None:
    """Make content of bytes that are stored, as a client does who names their digest."""
    async with engine.unit_of_work() as work:
        [made] = await contents.create(work, FileContent, [NewContent({"relative_path": path}, sha256=sha256(body))])
    assert not isinstance(made, contents.NotMade), made.errors


async def test_task_tells_what_it_frees_as_it_goes(mirror: Mirror) -> None:
    async with mirror.engine.unit_of_work() as work:
        task = await tasks.create(work, Reclaim, {})
    done = await mirror.engine.completed(task)

    assert (await Task.get(id=done.id)).result == {"reclaimed": 10, "freed_bytes": SIZE}
