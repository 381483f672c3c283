"""A sync of nothing new costs the fetch of the manifest, or less."""

from __future__ import annotations

import pytest

from headbox.models import Artifact, Publication, SyncState
from headbox.types import Automation, OnError, SyncMode
from tests.factories.remote import make_remote, update_remote
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, reports
from tests.support.upstream import Status, Upstream, pulp_manifest

FILES = {"a.txt": b"a", "b.txt": b"b"}


def was_skipped(codes: dict[str, int]) -> bool:
    return "sync.unchanged" in codes


async def test_unchanged_manifest_is_not_sent_again(mirror: Mirror) -> None:
    await mirror.sync(FILES)

    task = await mirror.sync()

    assert was_skipped(reports(task))
    assert "If-None-Match" in mirror.upstream.headers_of(MANIFEST)[-1]
    assert mirror.upstream.hits("a.txt") == 1


async def test_manifest_of_the_same_digest_is_not_read_again(mirror: Mirror) -> None:
    mirror.upstream.has_validators = False
    await mirror.sync(FILES)

    task = await mirror.sync()

    assert was_skipped(reports(task))


async def test_force_reads_it_again(mirror: Mirror) -> None:
    await mirror.sync(FILES)

    task = await mirror.sync(force=True)

    assert reports(task)["sync.discover.content"] == 2
    assert "If-None-Match" not in mirror.upstream.headers_of(MANIFEST)[-1]


async def test_changed_manifest_is_read(mirror: Mirror) -> None:
    await mirror.sync(FILES)

    await mirror.sync(FILES | {"c.txt": b"c"})

    assert await mirror.latest() == 2


async def test_manifest_at_another_address_is_read(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream)
    mirror = Mirror(engine, upstream, await make_repository(engine, remote))
    await mirror.sync(FILES)
    upstream.files["other/PULP_MANIFEST"] = upstream.files[MANIFEST]
    upstream.files.update({f"other/{path}": body for path, body in FILES.items()})

    await update_remote(engine, remote, url=upstream.url_of("other/PULP_MANIFEST"))
    task = await mirror.sync()

    assert not was_skipped(reports(task))


async def test_other_mode_is_not_skipped(mirror: Mirror) -> None:
    await mirror.sync({"gone.txt": b"gone"})
    await mirror.sync(FILES, mode=SyncMode.ADDITIVE)

    task = await mirror.sync(mode=SyncMode.MIRROR)

    assert not was_skipped(reports(task))
    assert sorted(await mirror.files()) == sorted(FILES)


async def test_change_to_immediate_fetches_what_was_on_demand(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream, policy="on_demand")
    mirror = Mirror(engine, upstream, await make_repository(engine, remote))
    await mirror.sync(FILES)
    assert await Artifact.all().count() == 0

    await update_remote(engine, remote, policy="immediate")
    task = await mirror.sync()

    assert await Artifact.all().count() == len(FILES)
    assert task.result["repository_version"] is None


async def test_sync_that_left_something_out_is_not_skipped_the_next_time(mirror: Mirror) -> None:
    mirror.upstream.fault("a.txt", Status(404))
    await mirror.sync(FILES, on_error=OnError.SKIP)
    mirror.upstream.heal("a.txt")

    await mirror.sync(on_error=OnError.SKIP)

    assert sorted(await mirror.files()) == sorted(FILES)


async def test_sync_that_failed_is_not_remembered(mirror: Mirror) -> None:
    await mirror.sync({"a.txt": b"a"})
    before = await SyncState.get(repository_id=mirror.repository.id)
    mirror.upstream.fault("b.txt", Status(404))
    mirror.upstream.files.update(FILES)
    mirror.upstream.files[MANIFEST] = pulp_manifest(FILES)
    await mirror.sync_badly()
    assert await SyncState.get(repository_id=mirror.repository.id) == before
    mirror.upstream.heal("b.txt")

    await mirror.sync()

    assert sorted(await mirror.files()) == sorted(FILES)


@pytest.mark.parametrize("force", [False, True])
async def test_missing_publication_is_made_good(engine: LocalEngine, upstream: Upstream, *, force: bool) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror")
    await mirror.sync(FILES)
    assert await Publication.all().count() == 0

    task = await mirror.sync(automation=Automation.DISTRIBUTE, force=force)

    [publication] = await Publication.all()
    assert task.result == {"repository_version": None, "publication": str(publication.id), "reused": False}
    assert publication.repository_version_id == (await mirror.version(1)).id


async def test_publication_that_stands_is_taken_again(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror")
    first = await mirror.sync(FILES, automation=Automation.DISTRIBUTE)

    second = await mirror.sync(automation=Automation.DISTRIBUTE)

    assert second.result == {
        "repository_version": None,
        "publication": first.result["publication"],
        "reused": True,
    }
    assert second.created_resources == []
