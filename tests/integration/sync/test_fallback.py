"""What the remote of a sync does not give is taken from other remotes that are known to have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headbox.download.interface import Fetched
from headbox.errors import RemoteResponse
from headbox.models import ArtifactSource, Remote, Task
from headbox.pipeline.run import Run
from headbox.services import fallback
from headbox.services import remote as remotes
from headbox.services.fallback import OtherSources
from headbox.services.remote_pool import open_pool
from headbox.types import uuid7
from tests.factories.remote import new_remote
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, digests, issues, reports, serve, sha256
from tests.support.upstream import Fault, Status, Upstream, pulp_manifest

FILES = {f"{number}.txt": b"file %d" % number for number in range(4)}


@pytest.fixture
def other() -> Iterator[Upstream]:
    """Another upstream, that has the same files for those who know its password."""
    with Upstream(credentials=("crane", "wire")) as upstream:
        serve(upstream, FILES)
        yield upstream


async def known(engine: LocalEngine, upstream: Upstream, policy: str = "on_demand") -> Remote:
    """Let headbox know what an upstream has, without having any of it; return the remote."""
    remote = new_remote(upstream, policy=policy, username="crane", password="wire")
    repository = await make_repository(engine, remote)
    await Mirror(engine, upstream, repository).sync()
    return await Remote.get(id=repository.remote_id)


async def source_of(path: str, remote: Remote) -> ArtifactSource:
    return await ArtifactSource.get(relative_path=path, remote_id=remote.id)


@pytest.mark.parametrize("fault", [Status(404), Status(200, body=b"lie")], ids=["none", "a lie"])
async def test_file_that_the_remote_does_not_give_comes_from_another(
    mirror: Mirror, engine: LocalEngine, other: Upstream, fault: Fault
) -> None:
    other_remote = await known(engine, other)
    mirror.upstream.fault("2.txt", fault)

    task = await mirror.sync(FILES)

    assert await mirror.files() == digests(FILES)
    done = reports(task)
    assert done["sync.fallback.artifacts"] == 1
    assert done["sync.download.artifacts"] == len(FILES)
    assert done["sync.download.bytes"] == sum(map(len, FILES.values()))
    assert {path: other.hits(path) for path in FILES} == dict.fromkeys(FILES, 0) | {"2.txt": 1}
    own_remote = await Remote.get(id=mirror.repository.remote_id)
    failed = await source_of("2.txt", own_remote)
    assert failed.failed_at is not None
    assert mirror.upstream.url_of("2.txt") in str(failed.error)
    for fine in (await source_of("2.txt", other_remote), await source_of("1.txt", own_remote)):
        assert fine.failed_at is None
    await engine.assert_nothing_left()


async def test_other_that_lies_is_marked_and_the_next_one_asked(
    mirror: Mirror, engine: LocalEngine, upstream: Upstream, other: Upstream
) -> None:
    liar = await known(engine, other)
    other.fault("2.txt", Status(200, body=b"flie 2"))
    with Upstream() as third:
        serve(third, FILES)
        await known(engine, third)
        upstream.fault("2.txt", Status(404))

        task = await mirror.sync(FILES)

        assert reports(task)["sync.fallback.artifacts"] == 1
        assert third.hits("2.txt") == 1
    assert (await source_of("2.txt", liar)).failed_at is not None


async def test_error_is_that_of_the_remote_where_nobody_gives_the_file(
    mirror: Mirror, engine: LocalEngine, upstream: Upstream, other: Upstream
) -> None:
    await known(engine, other)
    other.fault("2.txt", Status(403))
    upstream.fault("2.txt", Status(404))
    serve(upstream, FILES)

    error = await mirror.sync_badly()

    assert upstream.url_of("2.txt") in error["message"]


async def test_what_is_streamed_is_not_kept(mirror: Mirror, engine: LocalEngine, other: Upstream) -> None:
    await known(engine, other, policy="streamed")
    mirror.upstream.fault("2.txt", Status(404))

    task = await mirror.sync(FILES, on_error="skip")

    assert await issues(task) == [("REMOTE_RESPONSE", "2.txt")]
    assert other.hits("2.txt") == 0


async def test_size_that_the_remote_got_wrong_is_not_held_against_others(
    mirror: Mirror, engine: LocalEngine, upstream: Upstream, other: Upstream
) -> None:
    other_remote = await known(engine, other)
    manifest = pulp_manifest(FILES).replace(b",6\n", b",5\n", 1)
    serve(upstream, FILES, manifest=manifest)

    assert (await mirror.sync_badly())["code"] == "ARTIFACT_INVALID"

    assert not await ArtifactSource.filter(remote_id=other_remote.id, failed_at__isnull=False).exists()


async def test_few_others_are_asked(
    mirror: Mirror, engine: LocalEngine, other: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "MAX_SOURCES", 1)
    other.fault("2.txt", Status(404))
    await known(engine, other)
    await known(engine, other)
    mirror.upstream.fault("2.txt", Status(404))

    await mirror.sync(FILES, on_error="skip")

    assert other.hits("2.txt") == 1


async def test_remote_that_was_deleted_is_asked_as_it_was_last(
    mirror: Mirror, engine: LocalEngine, other: Upstream
) -> None:
    repository = await make_repository(engine, new_remote(other, policy="on_demand", username="crane", password="wire"))
    remote = await Remote.get(id=repository.remote_id)
    await Mirror(engine, other, repository).sync()
    await type(repository).filter(id=repository.id).update(remote_id=None)
    async with engine.unit_of_work() as work:
        await remotes.delete(work, remote)
    mirror.upstream.fault("2.txt", Status(404))

    task = await mirror.sync(FILES)

    assert reports(task)["sync.fallback.artifacts"] == 1


async def test_remote_that_is_away_is_not_asked_for_every_file(
    engine: LocalEngine, other: Upstream, tmp_path: Path
) -> None:
    remote = await known(engine, other)
    run = Run(engine, engine.storage, Task(), tmp_path)
    error = RemoteResponse(url="http://example.org/2.txt", reason="404", status=404)
    async with open_pool(engine) as pool:
        others = OtherSources(run, pool, uuid7())

        async def fetched(path: str) -> Fetched | None:
            digest = sha256(FILES[path])
            return await others.fetch(tmp_path / path, sha256=digest, size=None, error=error, on_bytes=lambda _: None)

        assert await fetched("1.txt") is not None
        pool.note(remote.id, is_away=True)
        assert await fetched("2.txt") is None
    assert (other.hits("1.txt"), other.hits("2.txt")) == (1, 0)
