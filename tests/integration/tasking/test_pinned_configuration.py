"""Tasks keep the configuration that was current when they were made, and updates wait for nobody."""

from __future__ import annotations

import asyncio

import pytest

from headbox.errors import InUse, NameTaken, RevisionConflict
from headbox.models import Content, Remote, RemoteRevision, Task
from headbox.services import remote as remotes
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.types import SyncMode, TaskState
from tests.factories.remote import make_remote, update_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.upstream import Slow, Upstream, pulp_manifest


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    """Two manifests, of which the old one is slow."""
    for folder in ("old", "new"):
        upstream.files[f"{folder}/{folder}.txt"] = folder.encode()
        upstream.files[f"{folder}/PULP_MANIFEST"] = pulp_manifest({f"{folder}.txt": folder.encode()})
    upstream.fault("old/PULP_MANIFEST", Slow(0.2))
    return upstream


async def test_sync_update_sync_uses_the_old_revision_and_then_the_new_one(
    engine: LocalEngine, upstream: Upstream
) -> None:
    remote = await make_remote(engine, upstream, url=upstream.url_of("old/PULP_MANIFEST"))
    repository = await make_repository(engine, remote)

    first = await make_sync(engine, repository)
    await engine.reached(first, {TaskState.RUNNING})
    updated = await update_remote(engine, remote, url=upstream.url_of("new/PULP_MANIFEST"))
    second = await make_sync(engine, repository)

    assert (await Task.get(id=first.id)).state is TaskState.RUNNING, "the update waited for the sync"
    await engine.completed(first)
    await engine.completed(second)
    revisions = {revision.id: revision.number for revision in await RemoteRevision.filter(remote_id=remote.id)}
    assert [revisions[task.remote_revision_id] for task in (first, second) if task.remote_revision_id] == [1, 2]
    assert updated.revision == 2
    assert [path for _, path in upstream.requests] == [
        "old/PULP_MANIFEST",
        "old/old.txt",
        "new/PULP_MANIFEST",
        "new/new.txt",
    ]


async def test_repeat_uses_the_revision_of_the_task_that_it_repeats(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream, url=upstream.url_of("old/PULP_MANIFEST"))
    first = await engine.completed(await make_sync(engine, await make_repository(engine, remote)))
    await update_remote(engine, remote, url=upstream.url_of("new/PULP_MANIFEST"))

    async with engine.unit_of_work() as work:
        again = await tasks.repeat(work, first)
    await engine.completed(again)

    assert again.remote_revision_id == first.remote_revision_id
    assert upstream.hits("new/PULP_MANIFEST") == 0


async def test_expected_revision_tells_a_lost_update(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream)
    await update_remote(engine, remote, 1, max_retries=1)

    with pytest.raises(RevisionConflict) as raised:
        await update_remote(engine, remote, 1, max_retries=2)

    assert (raised.value.values["current"], raised.value.path) == (2, ("expected_revision",))
    [last] = await RemoteRevision.filter(remote_id=remote.id).order_by("-number").limit(1)
    assert (last.number, last.document["max_retries"]) == (2, 1)


async def test_of_two_updates_at_once_for_one_revision_one_is_told(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream)

    results = await asyncio.gather(
        *(update_remote(engine, remote, 1, max_retries=number) for number in range(5)), return_exceptions=True
    )

    assert sum(isinstance(result, Remote) for result in results) == 1
    assert sum(isinstance(result, RevisionConflict) for result in results) == 4
    assert await RemoteRevision.filter(remote_id=remote.id).count() == 2


async def test_secrets_are_kept_encrypted_and_survive_other_updates(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream, username="crane", password="wire")
    await update_remote(engine, remote, rate_limit=5)
    await remote.refresh_from_db()

    revision = await remotes.current(remote)
    document = remotes.read(engine.registry, engine.cipher, remote.kind, revision)

    assert "wire" not in f"{revision.document} {revision.secrets}"
    access = remotes.access(document)
    assert (access.username, access.password, access.rate_limit) == ("crane", "wire", 5)


async def test_remote_in_use_cannot_be_deleted(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream)
    repository = await make_repository(engine, remote)

    async def delete() -> None:
        async with engine.unit_of_work() as work:
            await remotes.delete(work, remote)

    with pytest.raises(InUse, match=repository.name):
        await delete()
    async with engine.unit_of_work() as work:
        await repositories.update(work, repository, changes={"remote": None}, expected_revision=None)
    await delete()

    assert (await Remote.get(id=remote.id)).deleted_at is not None


async def test_task_goes_on_with_a_remote_that_was_deleted(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream, url=upstream.url_of("old/PULP_MANIFEST"))
    repository = await make_repository(engine, remote)
    task = await make_sync(engine, repository)

    async with engine.unit_of_work() as work:
        await repositories.update(work, repository, changes={"remote": None}, expected_revision=None)
        await remotes.delete(work, remote)

    await engine.completed(task)
    assert await Content.all().count() == 1


async def test_name_of_a_deleted_remote_is_free(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream)
    with pytest.raises(NameTaken):
        await update_remote(engine, await make_remote(engine, upstream), name=remote.name)
    async with engine.unit_of_work() as work:
        await remotes.delete(work, remote)

    other = await update_remote(engine, await make_remote(engine, upstream), name=remote.name)

    assert other.name == remote.name


async def test_waiting_sync_keeps_mode_and_automation_of_its_making(engine: LocalEngine, upstream: Upstream) -> None:
    remote = await make_remote(engine, upstream, url=upstream.url_of("new/PULP_MANIFEST"))
    repository = await make_repository(engine, remote, sync_mode=SyncMode.ADDITIVE)
    engine.dispatcher.is_losing = True
    task = await make_sync(engine, repository)

    async with engine.unit_of_work() as work:
        await repositories.update(
            work, repository, changes={"sync_mode": SyncMode.MIRROR}, expected_revision=repository.revision
        )
    engine.dispatcher.is_losing = False
    await engine.send_again()

    done = await engine.completed(task)
    assert done.input["mode"] == "additive"
