"""A repository tells what its syncs could not get, is synced again by itself, and may have to be whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headbox.errors import RepositoryIncomplete
from headbox.models import OpenIssue, Publication, Remote, Repository, Task
from headbox.models.database import now
from headbox.plugins.file.publish import FilePublish
from headbox.services import open_issue as open_issues
from headbox.services import remote as remotes
from headbox.services import sync_retry
from headbox.services import task as tasks
from headbox.services.task import PublishRequest
from headbox.settings import SyncSettings
from headbox.types import ActionState, Automation, OnError, SyncMode, TaskPriority, TaskState
from tests.factories.remote import make_remote
from tests.factories.task import make_publish, make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, reports, serve
from tests.support.upstream import Status, Upstream, pulp_manifest

FILES = {"a.txt": b"a", "b.txt": b"b", "c.txt": b"c"}


async def missing(mirror: Mirror) -> dict[str, OpenIssue]:
    """Return the open issues of a repository by their paths."""
    return {issue.relative_path: issue for issue in await OpenIssue.filter(repository_id=mirror.repository.id)}


async def leave_out(mirror: Mirror, *paths: str, **request: Any) -> Task:
    """Sync with some files gone."""
    serve(mirror.upstream, FILES)
    for path in paths:
        mirror.upstream.heal(path)
        mirror.upstream.fault(path, Status(404))
    return await mirror.sync(on_error=OnError.SKIP, **request)


async def another_remote(mirror: Mirror) -> Remote:
    """Create a remote of the same upstream that declares other files, one of which it does not have."""
    manifest = pulp_manifest({"d.txt": b"d", "e.txt": b"e"})
    mirror.upstream.files.update({"more/PULP_MANIFEST": manifest, "more/d.txt": b"d"})
    return await make_remote(mirror.engine, mirror.upstream, url=mirror.upstream.url_of("more/PULP_MANIFEST"))


async def let_be_due(mirror: Mirror, **ago: float) -> None:
    """Let the next tries of a repository be due, and its last sync have been some time ago."""
    time = await now(mirror.engine.database.connection)
    await OpenIssue.filter(repository_id=mirror.repository.id).update(
        next_try_at=time, last_seen_at=time - timedelta(**ago)
    )


async def retries(mirror: Mirror) -> list[Task]:
    """Create the syncs that are due, and return the unfinished and finished ones that nobody asked for."""
    await sync_retry.create_due(mirror.engine)
    found = await Task.filter(repository_id=mirror.repository.id).order_by("id")
    return [await mirror.engine.finished(task) for task in found if task.labels == sync_retry.LABELS]


def settings_of(mirror: Mirror, **changes: Any) -> None:
    """Change the settings of syncs."""
    mirror.engine.settings = mirror.engine.settings.model_copy(update={"sync": SyncSettings(**changes)})


async def test_repository_carries_what_was_left_out(mirror: Mirror) -> None:
    task = await leave_out(mirror, "b.txt")

    issue = (await missing(mirror))["b.txt"]
    assert (issue.code, issue.url, issue.task_id) == ("REMOTE_RESPONSE", mirror.upstream.url_of("b.txt"), task.id)
    assert (issue.attempts, issue.next_try_at) == (1, issue.last_seen_at + timedelta(seconds=900))


async def test_issue_that_is_met_again_is_the_same_and_waits_longer(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    first = (await missing(mirror))["b.txt"]

    await leave_out(mirror, "b.txt")

    again = (await missing(mirror))["b.txt"]
    assert (again.id, again.created_at, again.attempts) == (first.id, first.created_at, 2)
    assert again.next_try_at == again.last_seen_at + timedelta(seconds=1800)


async def test_what_is_mended_is_no_issue_any_more(mirror: Mirror) -> None:
    await leave_out(mirror, "a.txt", "b.txt")
    mirror.upstream.heal("a.txt")

    await mirror.sync(on_error=OnError.SKIP)
    assert set(await missing(mirror)) == {"b.txt"}

    mirror.upstream.heal("b.txt")
    await mirror.sync()
    assert await missing(mirror) == {}


async def test_what_upstream_drops_is_missed_no_more(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")

    await mirror.sync({"a.txt": b"a"})

    assert await missing(mirror) == {}


async def test_sync_that_fails_settles_nothing(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    before = await missing(mirror)

    await mirror.sync_badly()

    assert await missing(mirror) == before


async def test_issues_of_another_repository_are_let_alone(
    engine: LocalEngine, mirror: Mirror, upstream: Upstream
) -> None:
    await leave_out(mirror, "b.txt")
    upstream.heal("b.txt")
    other = await Mirror.of(engine, upstream)

    await other.sync()

    assert set(await missing(mirror)) == {"b.txt"}


async def test_sync_of_another_remote_settles_what_that_one_left(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream, sync_mode=SyncMode.ADDITIVE)
    await leave_out(mirror, "b.txt")
    other = await another_remote(mirror)

    await mirror.sync(remote=other, on_error=OnError.SKIP)
    assert {path: issue.remote_id for path, issue in (await missing(mirror)).items()} == {
        "b.txt": mirror.repository.remote_id,
        "e.txt": other.id,
    }

    upstream.files["more/e.txt"] = b"e"
    await mirror.sync(remote=other)
    assert set(await missing(mirror)) == {"b.txt"}

    # A mirror of one remote has nothing of another, and misses nothing of it.
    await mirror.sync(remote=other, mode=SyncMode.MIRROR, force=True)
    assert await missing(mirror) == {}


async def test_what_a_deleted_remote_declared_is_missed_no_more(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream, sync_mode=SyncMode.ADDITIVE)
    other = await another_remote(mirror)
    await mirror.sync(remote=other, on_error=OnError.SKIP)
    engine.dispatcher.is_losing = True
    waiting = await make_sync(engine, mirror.repository, remote=other, on_error=OnError.SKIP, force=True)

    async with engine.unit_of_work() as work:
        await remotes.delete(work, other)
    assert await missing(mirror) == {}

    engine.dispatcher.is_losing = False
    await engine.send_again()
    await engine.completed(waiting)
    assert await missing(mirror) == {}


async def test_what_the_metadata_says_is_told_line_by_line_and_not_tried_again(mirror: Mirror) -> None:
    serve(mirror.upstream, FILES, manifest=b"bad\n" + pulp_manifest(FILES) + b"worse\n")

    await mirror.sync(on_error=OnError.SKIP)
    await mirror.sync(on_error=OnError.SKIP)

    issues = await OpenIssue.filter(repository_id=mirror.repository.id)
    assert [(issue.code, issue.attempts, issue.next_try_at) for issue in issues] == [("METADATA_INVALID", 2, None)] * 2
    assert {issue.url for issue in issues} == {mirror.upstream.url_of(MANIFEST)}


async def test_many_issues_are_written_at_once(mirror: Mirror) -> None:
    files = {f"{number}.txt": b"%d" % number for number in range(150)}
    mirror.upstream.files[MANIFEST] = pulp_manifest(files)

    await mirror.sync(on_error=OnError.SKIP)
    await mirror.sync(on_error=OnError.SKIP)

    assert {issue.attempts for issue in (await missing(mirror)).values()} == {2}
    assert set(await missing(mirror)) == set(files)


async def test_what_is_due_is_tried_again_by_itself(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    assert await retries(mirror) == []
    mirror.upstream.heal("b.txt")
    await let_be_due(mirror)

    [task] = await retries(mirror)

    assert (task.priority, task.input["on_error"], task.input["mode"]) == (TaskPriority.LOW, "skip", "mirror")
    assert await mirror.files() == digests(FILES)
    assert (await missing(mirror), mirror.upstream.hits("a.txt")) == ({}, 1)
    assert await retries(mirror) == [task]


async def test_each_remote_is_tried_again(engine: LocalEngine, mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    other = await another_remote(mirror)
    await mirror.sync(remote=other, mode=SyncMode.ADDITIVE, on_error=OnError.SKIP)
    await let_be_due(mirror)

    tried = {task.input["remote"]: task.input["mode"] for task in await retries(mirror)}

    # The other one only adds: nobody has said that the repository is to be what that one holds.
    assert tried == {str(mirror.repository.remote_id): "mirror", str(other.id): "additive"}


async def test_repository_that_is_synced_already_is_let_alone(engine: LocalEngine, mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    engine.dispatcher.is_losing = True
    waiting = await make_sync(engine, mirror.repository)
    await let_be_due(mirror)

    assert await retries(mirror) == []

    await engine.cancel(waiting)
    engine.dispatcher.is_losing = False
    assert len(await retries(mirror)) == 1


async def test_repository_that_is_synced_from_another_remote_is_tried_again(
    engine: LocalEngine, mirror: Mirror
) -> None:
    await leave_out(mirror, "b.txt")
    engine.dispatcher.is_losing = True
    await make_sync(engine, mirror.repository, remote=await another_remote(mirror))
    await let_be_due(mirror)

    await sync_retry.create_due(engine)

    assert await Task.filter(repository_id=mirror.repository.id, state=TaskState.WAITING).count() == 2


async def test_try_that_fails_is_made_ever_more_rarely(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    mirror.upstream.fault(MANIFEST, Status(404))
    await let_be_due(mirror, hours=2)

    await retries(mirror)

    issue = (await missing(mirror))["b.txt"]
    assert issue.next_try_at is not None
    assert timedelta(hours=2) <= issue.next_try_at - datetime.now(UTC) + timedelta(minutes=1) < timedelta(hours=2.1)
    assert len(await retries(mirror)) == 1


async def test_repository_that_cannot_be_synced_keeps_nobody_busy(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    await Repository.filter(id=mirror.repository.id).update(automation=Automation.DISTRIBUTE)
    await let_be_due(mirror)

    assert await retries(mirror) == []

    next_try = (await missing(mirror))["b.txt"].next_try_at
    assert next_try is not None
    assert next_try > datetime.now(UTC) + timedelta(minutes=14)


async def test_tries_can_be_switched_off(mirror: Mirror) -> None:
    await leave_out(mirror, "b.txt")
    await let_be_due(mirror)
    settings_of(mirror, retry=False)

    assert await retries(mirror) == []


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 15), (2, 30), (3, 60), (8, 1440), (10_000, 1440)])
def test_waits_double_up_to_a_day(attempts: int, minutes: int) -> None:
    assert open_issues.retry_wait(SyncSettings(), attempts) == timedelta(minutes=minutes)


async def test_incomplete_repository_gets_its_version_and_no_publication(
    engine: LocalEngine, upstream: Upstream
) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror", require_complete=True)

    task = await leave_out(mirror, "b.txt", automation=Automation.DISTRIBUTE)

    assert task.result["publication"] is None
    assert await mirror.latest() == 1
    assert await Publication.all().count() == 0
    assert [(action["name"], action["state"]) for action in task.actions[1:]] == [("publish", ActionState.SKIPPED)]
    assert reports(task)["publish.held_back"] == 1
    with pytest.raises(RepositoryIncomplete) as refused:
        await make_publish(engine, mirror.repository)
    assert refused.value.values["open_issues"] == 1

    mirror.upstream.heal("b.txt")
    task = await mirror.sync(automation=Automation.DISTRIBUTE)

    assert task.result["publication"] is not None


async def test_repository_misses_content_of_any_remote(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror", require_complete=True, sync_mode=SyncMode.ADDITIVE)
    await mirror.sync(remote=await another_remote(mirror), on_error=OnError.SKIP)

    task = await mirror.sync(FILES, automation=Automation.DISTRIBUTE)

    assert task.result["publication"] is None
    assert reports(task)["publish.held_back"] == 1


async def test_repository_that_became_incomplete_is_not_published_by_a_task_that_waited(
    engine: LocalEngine, upstream: Upstream
) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror", require_complete=True)
    await mirror.sync(FILES)
    mirror.upstream.files[MANIFEST] = pulp_manifest(FILES | {"d.txt": b"d"})
    await mirror.sync(on_error=OnError.SKIP)
    await Repository.filter(id=mirror.repository.id).update(require_complete=False)
    publish = await _published_while(mirror, require_complete=True)

    assert (await engine.failed(publish))["values"] == {"repository": mirror.repository.name, "open_issues": 1}
    assert await Publication.all().count() == 0


async def _published_while(mirror: Mirror, **changes: Any) -> Task:
    """Create a publish that finds its repository changed."""
    async with mirror.engine.unit_of_work() as work:
        repository = await Repository.get(id=mirror.repository.id, using_db=work.connection)
        task = await tasks.create_publish(work, FilePublish, PublishRequest(repository=repository))
        await Repository.filter(id=repository.id).using_db(work.connection).update(**changes)
    return task


async def test_repository_that_need_not_be_complete_is_published(engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream, "mirror")

    task = await leave_out(mirror, "b.txt", automation=Automation.DISTRIBUTE)

    assert task.result["publication"] is not None
    await engine.completed(await make_publish(engine, mirror.repository))
