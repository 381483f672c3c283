"""Adds, removals, copies and rollbacks: one version each, or one for many."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from headbox.errors import Invalid, LimitExceeded, NotFound, Required, SlotTaken
from headbox.models import Artifact, ContentArtifact, Membership, RepositoryVersion, Task
from headbox.plugin_api import PublishContext
from headbox.plugins.file.kinds import FilePublishSettings
from headbox.plugins.file.publish import FilePublish
from headbox.plugins.file.sync import FileSync
from headbox.services import task as tasks
from headbox.services import version_deletion
from headbox.services.version import MAX_SIZE
from headbox.types import Automation, Origin, TaskState, uuid7
from tests.factories.content import create_add, create_copy, digest_of, files_of, latest_version, make_files
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream, pulp_manifest
from tests.support.waiting import PATIENCE_SECONDS


async def test_add_makes_a_version(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    units = await make_files(engine, ("a", "1"), ("b", "2"))

    task = await engine.completed(await create_add(engine, repository, units))

    version = await latest_version(repository)
    assert task.result["repository_version"] == str(version.id)
    assert (version.number, version.present, version.added, version.removed) == (1, 2, 2, 0)
    assert await files_of(engine, version) == {"a": digest_of("1"), "b": digest_of("2")}
    members = await Membership.filter(repository_id=repository.id)
    assert {(member.origin, member.added_by_id) for member in members} == {(Origin.UPLOAD, task.id)}
    assert await engine.rows_of("staged_content") == 0


async def test_what_is_there_already_changes_nothing(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    units = await make_files(engine, ("a", "1"))
    await engine.completed(await create_add(engine, repository, units))

    task = await engine.completed(
        await create_add(engine, repository, units, remove=await make_files(engine, ("b", "2")))
    )

    assert task.result["repository_version"] is None
    assert (await latest_version(repository)).number == 1


async def test_size_that_was_learned_later_leaves_versions_that_did_not_count_it(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    unknown, known = await make_files(engine, ("a", "11"), ("b", "222"))
    await ContentArtifact.filter(content_id=unknown).update(size=None)
    await Artifact.filter(sha256=digest_of("11")).delete()
    await engine.completed(await create_add(engine, repository, [unknown, known]))
    assert (await latest_version(repository)).size == 3
    await ContentArtifact.filter(content_id=unknown).update(size=2)

    await engine.completed(await create_add(engine, repository, remove=[unknown]))
    assert (await latest_version(repository)).size == 3

    await engine.completed(await create_add(engine, repository, [unknown]))
    assert (await latest_version(repository)).size == 5


async def test_bytes_that_are_stored_count_where_nobody_told_their_size(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    units = await make_files(engine, ("a", "11"), ("b", "222"))
    await ContentArtifact.filter(content_id=units[0]).update(size=None)

    await engine.completed(await create_add(engine, repository, units))

    assert (await latest_version(repository)).size == 5


async def test_version_of_more_bytes_than_numbers_can_tell_is_refused(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    huge, small = await make_files(engine, ("a", "11"), ("b", "222"))
    await ContentArtifact.filter(content_id=huge).update(size=MAX_SIZE - 2)

    error = await engine.failed(await create_add(engine, repository, [huge, small]))
    await engine.completed(await create_add(engine, repository, [huge]))

    assert (error["code"], (await latest_version(repository)).size) == ("LIMIT_EXCEEDED", MAX_SIZE - 2)


async def test_unit_takes_the_place_of_another(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    old, new = await make_files(engine, ("a", "1"), ("a", "2"))
    await engine.completed(await create_add(engine, repository, [old]))

    await engine.completed(await create_add(engine, repository, [new]))

    version = await latest_version(repository)
    assert (version.present, version.added, version.removed) == (1, 1, 1)
    assert await files_of(engine, version) == {"a": digest_of("2")}


async def test_overwriting_is_refused_where_it_is_not_wanted(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    old, new = await make_files(engine, ("a", "1"), ("a", "2"))
    await engine.completed(await create_add(engine, repository, [old]))

    error = await engine.failed(await create_add(engine, repository, [new], overwrite=False))
    assert error["code"] == "UNIT_CONFLICT"
    assert (await latest_version(repository)).number == 1

    await engine.completed(await create_add(engine, repository, [new], remove=[old], overwrite=False))
    assert await files_of(engine, await latest_version(repository)) == {"a": digest_of("2")}


@pytest.mark.parametrize(
    ("base", "since", "is_refused"),
    [(("a", "1"), ("b", "1"), True), (("a", "2"), ("a", "1"), False), (("b", "1"), ("a", "1"), False)],
    ids=["gone since", "the same unit", "come since"],
)
async def test_overwriting_is_judged_by_the_base(
    engine: LocalEngine, *, base: tuple[str, str], since: tuple[str, str], is_refused: bool
) -> None:
    repository = await make_repository(engine)
    older, other, new = await make_files(engine, base, since, ("a", "2"))
    await engine.completed(await create_add(engine, repository, [older]))
    version = await latest_version(repository)
    await engine.completed(await create_add(engine, repository, [other], remove=[older]))

    task = await create_add(engine, repository, [new], base=version, overwrite=False)

    if is_refused:
        assert (await engine.failed(task))["code"] == "UNIT_CONFLICT"
    else:
        await engine.completed(task)
        expected = {path: digest_of(text) for path, text in (base, ("a", "2"))}
        assert await files_of(engine, await latest_version(repository)) == expected


async def test_what_a_killed_task_prepared_is_not_what_stands_there(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    old, new = await make_files(engine, ("a", "1"), ("a", "2"))
    await engine.completed(await create_add(engine, repository, [old]))
    await Membership.filter(repository_id=repository.id).update(removed_in=2)

    error = await engine.failed(await create_add(engine, repository, [new], overwrite=False))

    assert error["code"] == "UNIT_CONFLICT"


async def test_adds_that_wait_are_committed_together(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    taken, late, *units = await make_files(engine, ("x", "old"), ("x", "new"), *((f"f{n}", str(n)) for n in range(20)))
    await engine.completed(await create_add(engine, repository, [taken]))
    engine.dispatcher.is_losing = True

    waiting = [await create_add(engine, repository, [unit]) for unit in units[:10]]
    bad = await create_add(engine, repository, [late], overwrite=False)
    waiting += [await create_add(engine, repository, [unit]) for unit in units[10:]]
    canceled = await engine.cancel(await create_add(engine, repository, [late]))
    engine.dispatcher.is_losing = False
    await engine.runner.run(waiting[0].id)

    ended = [await engine.completed(task) for task in waiting]
    version = await latest_version(repository)
    assert (version.number, version.added) == (2, 20)
    assert {task.result["repository_version"] for task in ended} == {str(version.id)}
    assert [task.attempt for task in ended] == [1] * 20
    assert (await engine.failed(bad))["code"] == "UNIT_CONFLICT"
    assert canceled.state is TaskState.CANCELED
    by_task = {member.added_by_id for member in await Membership.filter(repository_id=repository.id, added_in=2)}
    assert by_task == {task.id for task in waiting}
    assert await engine.rows_of("task_claim") == 0


async def test_companions_stay_with_their_leader_while_it_renders(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendering, goes_on = asyncio.Event(), asyncio.Event()
    render = FilePublish.render

    async def slow(self: FilePublish, ctx: PublishContext[FilePublishSettings]) -> None:
        rendering.set()
        await goes_on.wait()
        await render(self, ctx)

    monkeypatch.setattr(FilePublish, "render", slow)
    repository = await make_repository(engine)
    engine.dispatcher.is_losing = True
    units = await make_files(engine, ("a", "1"), ("b", "2"))
    waiting = [await create_add(engine, repository, [unit], automation=Automation.PUBLISH) for unit in units]
    engine.dispatcher.is_losing = False
    engine.dispatcher.deliver(waiting[0].id, engine.runner)
    await asyncio.wait_for(rendering.wait(), PATIENCE_SECONDS)

    for _ in range(3):  # As often as a worker says that it lives.
        await engine.runner.compare()
    goes_on.set()

    ended = [await engine.completed(task) for task in waiting]
    assert [task.attempt for task in ended] == [1, 1]
    assert (await latest_version(repository)).number == 1


async def test_adds_that_touch_the_same_place_see_each_other(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    first, second, other = await make_files(engine, ("a", "1"), ("a", "2"), ("b", "3"))
    engine.dispatcher.is_losing = True
    waiting = [
        await create_add(engine, repository, [first]),
        await create_add(engine, repository, [other]),
        await create_add(engine, repository, [second]),
        await create_add(engine, repository, [], remove=[other]),
    ]
    engine.dispatcher.is_losing = False
    await engine.runner.run(waiting[0].id)
    for task in waiting:
        await engine.completed(task)

    versions = await RepositoryVersion.filter(repository_id=repository.id).order_by("number")
    assert [(version.added, version.removed) for version in versions] == [(0, 0), (2, 0), (1, 2)]
    assert await files_of(engine, versions[1]) == {"a": digest_of("1"), "b": digest_of("3")}
    assert await files_of(engine, versions[2]) == {"a": digest_of("2")}


async def test_copy_brings_the_content_of_another_repository(engine: LocalEngine) -> None:
    source, target = await make_repository(engine), await make_repository(engine)
    await engine.completed(await create_add(engine, source, await make_files(engine, ("a", "1"), ("b", "2"))))
    await engine.completed(await create_add(engine, target, await make_files(engine, ("a", "0"), ("c", "3"))))

    await engine.completed(await create_copy(engine, target, await latest_version(source)))

    version = await latest_version(target)
    assert await files_of(engine, version) == {"a": digest_of("1"), "b": digest_of("2"), "c": digest_of("3")}
    assert {m.origin for m in await Membership.filter(repository_id=target.id, added_in=2)} == {Origin.COPY}
    assert await engine.rows_of("staged_content") == 0


async def test_copy_takes_what_a_filter_says(engine: LocalEngine) -> None:
    source, target = await make_repository(engine), await make_repository(engine)
    files = await make_files(engine, ("a/1", "1"), ("a/2", "2"), ("b/1", "1"))
    await engine.completed(await create_add(engine, source, files))
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)

    wanted = {"relative_path_prefix": "a/", "created_after": long_ago, "not": {"relative_path": ["a/2"]}}
    task = await engine.completed(await create_copy(engine, target, await latest_version(source), filter=wanted))

    assert await files_of(engine, await latest_version(target)) == {"a/1": digest_of("1")}
    async with engine.unit_of_work() as work:
        again = await tasks.repeat(work, task)
    assert (await engine.completed(again)).result["repository_version"] is None


@pytest.mark.parametrize("wanted", [{"or": [{"kind": ["a"]}] * 10_000}, {"field": [{"name": "none", "value": "x"}]}])
async def test_filter_that_cannot_be_is_refused(engine: LocalEngine, wanted: dict[str, Any]) -> None:
    source, target = await make_repository(engine), await make_repository(engine)
    with pytest.raises((LimitExceeded, Invalid)) as raised:
        await create_copy(engine, target, await latest_version(source), filter=wanted)
    assert raised.value.path == ("filter",)
    assert await Task.all().count() == 0


async def test_repository_is_not_copied_into_itself(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    with pytest.raises(Invalid):
        await create_copy(engine, repository, await latest_version(repository))
    assert await Task.all().count() == 0


async def test_rollback_makes_an_equal_version(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    a1, a2, b, c = await make_files(engine, ("a", "1"), ("a", "2"), ("b", "2"), ("c", "3"))
    await engine.completed(await create_add(engine, repository, [a1, b]))
    base = await latest_version(repository)
    await engine.completed(await create_add(engine, repository, [a2, c], remove=[b]))

    task = await engine.completed(await create_add(engine, repository, base=base))

    version = await latest_version(repository)
    assert (version.number, version.base_number, version.previous_number) == (3, 1, 2)
    assert await files_of(engine, version) == await files_of(engine, base)
    assert (version.added, version.removed, version.present) == (2, 2, 2)
    returned = await Membership.filter(repository_id=repository.id, added_in=3)
    assert {(member.added_by_id, member.origin) for member in returned} == {(task.id, Origin.UPLOAD)}


async def test_base_goes_with_adds_and_removals(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    a1, a2, b, c = await make_files(engine, ("a", "1"), ("a", "2"), ("b", "2"), ("c", "3"))
    await engine.completed(await create_add(engine, repository, [a1, b]))
    base = await latest_version(repository)
    await engine.completed(await create_add(engine, repository, [], remove=[a1, b]))

    await engine.completed(await create_add(engine, repository, [a2, c], remove=[b], base=base))

    version = await latest_version(repository)
    assert await files_of(engine, version) == {"a": digest_of("2"), "c": digest_of("3")}
    assert (version.added, version.removed, version.present) == (2, 0, 2)


async def test_mirror_sync_keeps_what_was_uploaded(engine: LocalEngine, upstream: Upstream) -> None:
    files = {"a": b"1", "b": b"2"}
    upstream.files.update(files | {"PULP_MANIFEST": pulp_manifest(files)})
    repository = await make_repository(engine, upstream)
    await engine.completed(await create_add(engine, repository, await make_files(engine, ("own", "x"))))

    async with engine.unit_of_work() as work:
        task = await tasks.create_sync(work, FileSync, tasks.SyncRequest(repository))
    await engine.completed(task)

    assert set(await files_of(engine, await latest_version(repository))) == {"a", "b", "own"}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, Required),
        ({"add": [uuid7()]}, ExceptionGroup),
        ({"add": [uuid7()] * 2, "remove": [uuid7()]}, ExceptionGroup),
    ],
)
async def test_request_that_cannot_be_is_refused(
    engine: LocalEngine, fields: dict[str, list[UUID]], error: type[Exception]
) -> None:
    repository = await make_repository(engine)
    with pytest.raises(error):
        await create_add(engine, repository, **fields)
    assert await Task.all().count() == 0


async def test_units_of_one_place_are_not_added_together(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    with pytest.raises(SlotTaken):
        await create_add(engine, repository, await make_files(engine, ("a", "1"), ("a", "2")))
    unit = (await make_files(engine, ("a", "1")))[0]
    with pytest.raises(Invalid):
        await create_add(engine, repository, [unit], remove=[unit])


async def test_add_of_a_deleted_version_as_base_fails(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", "1"))))
    base = await latest_version(repository)
    await engine.completed(await create_add(engine, repository, await make_files(engine, ("b", "1"))))
    engine.dispatcher.is_losing = True
    task = await create_add(engine, repository, base=base)
    async with engine.unit_of_work() as work:
        await version_deletion.delete(work, base)

    await engine.runner.run(task.id)

    assert (await engine.failed(task))["code"] == NotFound.code


async def test_copies_that_cross_bring_what_stood_there_before(engine: LocalEngine) -> None:
    one, other = await make_repository(engine), await make_repository(engine)
    await engine.completed(await create_add(engine, one, await make_files(engine, ("a", "1"), ("both", "1"))))
    await engine.completed(await create_add(engine, other, await make_files(engine, ("b", "2"), ("both", "2"))))
    sources = [await latest_version(one), await latest_version(other)]

    there, back = await create_copy(engine, other, sources[0]), await create_copy(engine, one, sources[1])
    await engine.completed(there)
    await engine.completed(back)

    files = {"a": digest_of("1"), "b": digest_of("2")}
    assert await files_of(engine, await latest_version(other)) == files | {"both": digest_of("1")}
    assert await files_of(engine, await latest_version(one)) == files | {"both": digest_of("2")}


async def test_add_that_is_canceled_while_it_waits_is_not_taken_along(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    engine.dispatcher.is_losing = True
    waiting = [await create_add(engine, repository, await make_files(engine, (name, "1"))) for name in "abc"]
    engine.dispatcher.is_losing = False
    async with engine.unit_of_work() as work:
        await tasks.cancel(work, waiting[1])

    await engine.runner.run(waiting[0].id)

    assert [(await engine.finished(task)).state for task in waiting] == [
        TaskState.COMPLETED,
        TaskState.CANCELED,
        TaskState.COMPLETED,
    ]
    latest = await latest_version(repository)
    assert (latest.number, set(await files_of(engine, latest))) == (1, {"a", "c"})


async def test_version_is_of_one_of_those_that_made_it(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", "1"))))
    engine.dispatcher.is_losing = True
    failing = await create_add(engine, repository, await make_files(engine, ("a", "2")), overwrite=False)
    other = await create_add(engine, repository, await make_files(engine, ("b", "1")))
    engine.dispatcher.is_losing = False

    await engine.runner.run(failing.id)

    await engine.failed(failing)
    await engine.completed(other)
    latest = await latest_version(repository)
    assert (latest.number, latest.created_by_id) == (2, other.id)


async def test_group_names_no_more_units_than_a_statement_takes(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    engine.dispatcher.is_losing = True
    waiting = [await create_add(engine, repository, remove=[uuid7() for _ in range(9_000)]) for _ in range(4)]
    waiting.append(await create_add(engine, repository, await make_files(engine, ("a", "1"))))
    engine.dispatcher.is_losing = False
    await engine.runner.run(waiting[0].id)

    for task in waiting:
        await engine.completed(task)
    assert await files_of(engine, await latest_version(repository)) == {"a": digest_of("1")}
