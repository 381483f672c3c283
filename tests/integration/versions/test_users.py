"""Who put a unit into a repository: written with the membership, whatever the way it came, and kept."""

from __future__ import annotations

from headbox.models import Membership, Repository, RepositoryVersion, Task
from headbox.services import task as tasks
from headbox.services import version_deletion
from headbox.tasking.user import acting_for
from headbox.types import Origin
from tests.factories.content import create_add, create_copy, latest_version, make_files
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream, pulp_manifest


async def users_of(repository: Repository, number: int) -> set[tuple[str | None, Origin]]:
    """Return who brought in what came with a version, and how."""
    members = await Membership.filter(repository_id=repository.id, added_in=number)
    return {(member.added_by_user, member.origin) for member in members}


async def test_sync_and_copy_tell_their_users(engine: LocalEngine, upstream: Upstream) -> None:
    upstream.files.update({"a.txt": b"first", "PULP_MANIFEST": pulp_manifest({"a.txt": b"first"})})
    mirror, target = await make_repository(engine, upstream), await make_repository(engine)

    with acting_for("alice"):
        sync = await engine.completed(await make_sync(engine, mirror))
    with acting_for("bob"):
        await engine.completed(await create_copy(engine, target, await latest_version(mirror)))

    assert sync.requested_by == "alice"
    assert await users_of(mirror, 1) == {("alice", Origin.SYNC)}
    assert await users_of(target, 1) == {("bob", Origin.COPY)}


async def test_adds_that_are_committed_together_keep_their_users(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    users = ["alice", None, "bob", "alice"]
    units = await make_files(engine, *((f"f{number}", str(number)) for number in range(len(users))))
    engine.dispatcher.is_losing = True
    waiting: list[Task] = []
    for user, unit in zip(users, units, strict=True):
        with acting_for(user):
            waiting.append(await create_add(engine, repository, [unit]))
    engine.dispatcher.is_losing = False

    await engine.runner.run(waiting[0].id)

    assert (await latest_version(repository)).number == 1
    members = await Membership.filter(repository_id=repository.id)
    found = {(member.content_id, member.added_by_id, member.added_by_user) for member in members}
    assert found == {(unit, task.id, user) for unit, task, user in zip(units, waiting, users, strict=True)}


async def test_rollback_is_the_doing_of_who_asked_for_it(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    [unit] = await make_files(engine, ("a", "1"))
    with acting_for("alice"):
        await engine.completed(await create_add(engine, repository, [unit]))
    base = await latest_version(repository)
    with acting_for("bob"):
        await engine.completed(await create_add(engine, repository, remove=[unit]))

    with acting_for("carol"):
        await engine.completed(await create_add(engine, repository, base=base))

    assert await users_of(repository, 3) == {("carol", Origin.UPLOAD)}


async def test_deleted_version_and_task_leave_the_first_user(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    [unit] = await make_files(engine, ("a", "1"))
    with acting_for("alice"):
        first = await engine.completed(await create_add(engine, repository, [unit]))
    with acting_for("bob"):
        await engine.completed(await create_add(engine, repository, remove=[unit]))
        gone = await latest_version(repository)
        await engine.completed(await create_add(engine, repository, [unit]))

    async with engine.unit_of_work() as work:
        await version_deletion.delete(work, await RepositoryVersion.get(id=gone.id, using_db=work.connection))
    await first.delete()

    [member] = await Membership.filter(repository_id=repository.id)
    assert (member.added_in, member.removed_in, member.added_by_id, member.added_by_user) == (
        1,
        None,
        first.id,
        "alice",
    )


async def test_repeat_is_asked_for_by_who_repeats(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    with acting_for("alice"):
        done = await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", "1"))))

    with acting_for("bob"):
        async with engine.unit_of_work() as work:
            repeated = await tasks.repeat(work, done)

    assert (done.requested_by, repeated.requested_by) == ("alice", "bob")
    await engine.completed(repeated)
