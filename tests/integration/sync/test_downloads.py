"""Bytes are fetched when the policy says so, and once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headbox.models import Artifact, ArtifactSource, ContentArtifact
from headbox.pipeline import download
from headbox.types import TaskState
from tests.factories.remote import new_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, reports, serve, sha256
from tests.support.upstream import Reset, Slow, Status, Truncated, Upstream
from tests.support.waiting import PATIENCE_SECONDS

FILES = {f"{number}.txt": b"file %d" % number for number in range(10)}


async def with_remote(engine: LocalEngine, upstream: Upstream, **values: object) -> Mirror:
    return Mirror(engine, upstream, await make_repository(engine, new_remote(upstream, **values)))


async def test_immediate_policy_stores_every_file(mirror: Mirror) -> None:
    task = await mirror.sync(FILES)

    stored = {digest async for digest in mirror.engine.storage.digests()}
    assert stored == {sha256(body) for body in FILES.values()}
    assert {artifact.sha256: artifact.size for artifact in await Artifact.all()} == {
        sha256(body): len(body) for body in FILES.values()
    }
    assert reports(task)["sync.download.bytes"] == sum(map(len, FILES.values()))
    await mirror.engine.assert_nothing_left()


async def test_on_demand_policy_fetches_the_manifest_alone(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await with_remote(engine, upstream, policy="on_demand")

    await mirror.sync(FILES)

    assert upstream.requests == [("GET", MANIFEST)]
    assert await Artifact.all().count() == 0
    assert {source.url for source in await ArtifactSource.all()} == {upstream.url_of(path) for path in FILES}
    known = {(file.relative_path, file.sha256, file.size) for file in await ContentArtifact.all()}
    assert known == {(path, sha256(body), len(body)) for path, body in FILES.items()}


async def test_same_bytes_at_many_paths_are_fetched_once(mirror: Mirror) -> None:
    files = {f"{number}.txt": b"same" for number in range(10)}

    await mirror.sync(files)

    assert sum(mirror.upstream.hits(path) for path in files) == 1
    assert (await mirror.version()).present == 10


async def test_stored_bytes_are_not_fetched_for_another_repository(engine: LocalEngine, upstream: Upstream) -> None:
    await (await Mirror.of(engine, upstream)).sync(FILES)

    await (await Mirror.of(engine, upstream)).sync({"moved/" + path: body for path, body in FILES.items()})

    assert all(upstream.hits(f"moved/{path}") == 0 for path in FILES)


async def test_bytes_that_a_killed_process_stored_and_could_not_save_are_not_fetched_again(mirror: Mirror) -> None:
    await mirror.store(FILES["3.txt"])

    await mirror.sync(FILES)

    assert mirror.upstream.hits("3.txt") == 0
    assert await Artifact.filter(sha256=sha256(FILES["3.txt"])).exists()


@pytest.mark.parametrize("left", [b"", b"file", b"\0" * len(FILES["3.txt"])], ids=["nothing", "a part", "zeros"])
async def test_bytes_that_a_crash_of_the_machine_spoiled_are_fetched_again(mirror: Mirror, left: bytes) -> None:
    spoiled = sha256(FILES["3.txt"])
    await mirror.store(FILES["3.txt"])
    stored = mirror.engine.storage.path_of(spoiled)
    assert stored is not None
    stored.write_bytes(left)

    await mirror.sync(FILES)

    assert mirror.upstream.hits("3.txt") == 1
    assert stored.read_bytes() == FILES["3.txt"]
    assert (await Artifact.get(sha256=spoiled)).size == len(FILES["3.txt"])


async def test_next_sync_goes_on_where_a_failed_one_ended(mirror: Mirror) -> None:
    serve(mirror.upstream, FILES)
    mirror.upstream.files["9.txt"] = b"oops 9"
    assert (await mirror.sync_badly())["code"] == "DIGEST_MISMATCH"
    stored = {digest async for digest in mirror.engine.storage.digests()}
    before = {path: mirror.upstream.hits(path) for path in FILES}
    mirror.upstream.files["9.txt"] = FILES["9.txt"]

    await mirror.sync()

    again = {path for path in FILES if mirror.upstream.hits(path) > before[path]}
    assert again == {path for path, body in FILES.items() if sha256(body) not in stored}
    assert await mirror.files() == digests(FILES)


async def test_faults_that_may_heal_are_retried(mirror: Mirror) -> None:
    mirror.upstream.fault(MANIFEST, Status(503), times=1)
    mirror.upstream.fault("1.txt", Status(500), times=2)
    mirror.upstream.fault("2.txt", Reset(), times=1)
    mirror.upstream.fault("3.txt", Truncated(2), times=1)
    mirror.upstream.fault("4.txt", Status(429, {"Retry-After": "0"}), times=1)

    await mirror.sync(FILES)

    hits = {path: mirror.upstream.hits(path) for path in (MANIFEST, "1.txt", "2.txt", "3.txt", "4.txt", "5.txt")}
    assert hits == {MANIFEST: 2, "1.txt": 3, "2.txt": 2, "3.txt": 2, "4.txt": 2, "5.txt": 1}


async def test_no_more_requests_at_a_time_than_the_remote_allows(engine: LocalEngine, upstream: Upstream) -> None:
    for path in FILES:
        upstream.fault(path, Slow(0.02))
    mirror = await with_remote(engine, upstream, download_concurrency=3)

    await mirror.sync(FILES)

    assert upstream.peak == 3


async def test_files_do_not_pile_up_before_a_storage_that_is_slow(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "IN_FLIGHT", 15)
    storage, most = mirror.engine.storage, 0
    adopt = storage.adopt

    async def slow(path: Path, digest: str) -> None:
        nonlocal most
        most = max(most, len(list(path.parent.glob("artifact-*"))))
        await asyncio.sleep(0.05)
        await adopt(path, digest)

    monkeypatch.setattr(storage, "adopt", slow)

    await mirror.sync({f"{number}.txt": b"%d" % number for number in range(100)})

    assert 1 < most <= 15


async def test_next_attempt_fetches_only_what_the_lost_one_had_not_stored(mirror: Mirror) -> None:
    engine = mirror.engine
    assert isinstance(engine, LocalEngine)
    serve(mirror.upstream, FILES)
    mirror.upstream.fault("9.txt", Slow(30), times=1)
    task = await make_sync(engine, mirror.repository)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len([digest async for digest in engine.storage.digests()]) < len(FILES) - 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    await engine.runner.stop()
    engine.dispatcher.runners.insert(0, await engine.hire())
    await engine.send_again()
    done = await engine.completed(task)

    assert (done.state, done.attempt) == (TaskState.COMPLETED, 2)
    assert {path: mirror.upstream.hits(path) for path in FILES} == dict.fromkeys(FILES, 1) | {"9.txt": 2}
    await engine.assert_nothing_left()


async def test_bytes_that_are_known_to_be_damaged_are_fetched_again(mirror: Mirror) -> None:
    await mirror.sync({"0.txt": b"paper"})
    rotten = mirror.engine.storage.path_of(sha256(b"paper"))
    assert rotten is not None
    rotten.write_bytes(b"papes")
    await Artifact.all().update(damaged_at=datetime.now(UTC))

    await mirror.sync({"0.txt": b"paper", "1.txt": b"news"})

    assert rotten.read_bytes() == b"paper"
    assert not await Artifact.filter(damaged_at__isnull=False).exists()


async def test_credentials_and_headers_reach_the_upstream(engine: LocalEngine) -> None:
    with Upstream(credentials=("crane", "wire")) as upstream:
        mirror = await with_remote(
            engine, upstream, username="crane", password="wire", headers={"X-Customer": "headbox"}
        )

        await mirror.sync(FILES)

        assert {headers["X-Customer"] for headers in upstream.headers_of("1.txt")} == {"headbox"}
