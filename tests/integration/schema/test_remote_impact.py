"""`remoteImpact` tells what nobody could give if a remote were gone."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.models import Artifact, ContentArtifact, Remote, Repository
from headbox.services import remote as remotes
from tests.factories.names import unused_name
from tests.factories.remote import new_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_sync, make_wait
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, serve
from tests.support.upstream import Upstream

FILES = {f"{number}.txt": b"file %d" % number for number in range(4)}
IMPACT = """
query ($id: ID!) {
  remoteImpact(id: $id) {
    artifacts bytes unknownSizes
    repositories { totalCount edges { node { name } } }
    distributions { edges { node { basePath } } }
    schedules { edges { node { name } } }
    tasks { edges { node { kind } } }
  }
}
"""


async def impact(api: Api, remote: Remote) -> dict[str, Any]:
    """Return what depends on a remote: figures, and the names of the nodes of each list."""
    found = (await api.run(IMPACT, id=api.context().global_id("FileRemote", remote.id)))["remoteImpact"]
    for name in ("repositories", "distributions", "schedules", "tasks"):
        found[name] = [next(iter(edge["node"].values())) for edge in found[name]["edges"]]
    result: dict[str, Any] = found
    return result


async def on_demand(engine: LocalEngine, upstream: Upstream, *base_paths: str) -> tuple[Mirror, Remote]:
    """Make a repository that mirrors an upstream on demand, and that nothing is stored of."""
    repository = await make_repository(
        engine, new_remote(upstream, policy="on_demand"), *base_paths, automation="distribute" if base_paths else "none"
    )
    mirror = Mirror(engine, upstream, repository)
    await mirror.sync()
    return mirror, await Remote.get(id=repository.remote_id)


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    serve(upstream, FILES)
    return upstream


async def test_files_that_only_one_remote_has_are_counted(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror, remote = await on_demand(engine, upstream, "books")
    await ContentArtifact.filter(relative_path="0.txt").update(size=None)

    assert await impact(api, remote) == {
        "artifacts": 4,
        "bytes": 18,
        "unknownSizes": 1,
        "repositories": [mirror.repository.name],
        "distributions": ["books"],
        "schedules": [],
        "tasks": [],
    }


async def test_what_is_stored_or_another_remote_has_is_not(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    _, remote = await on_demand(engine, upstream)
    stored = await ContentArtifact.get(relative_path="0.txt")
    assert stored.sha256 is not None
    await Artifact.create(sha256=stored.sha256, size=6)
    with Upstream() as other:
        serve(other, {"1.txt": FILES["1.txt"], "copy-of-2.txt": FILES["2.txt"]})
        await on_demand(engine, other)

        found = await impact(api, remote)

    assert (found["artifacts"], found["bytes"]) == (1, 6)


async def test_what_no_version_of_a_repository_has_is_not_counted(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    mirror, remote = await on_demand(engine, upstream)
    other = await make_repository(engine)
    await engine.completed(await make_sync(engine, other, remote=remote))
    mutation = "mutation ($id: ID!) { deleteRepository(id: $id) { errors { message } } }"

    before = await impact(api, remote)
    for repository in (mirror.repository, other):
        await api.run(mutation, id=api.context().global_id("FileRepository", repository.id))
    after = await impact(api, remote)

    assert sorted(before["repositories"]) == sorted([mirror.repository.name, other.name])
    assert (before["artifacts"], after["artifacts"], after["repositories"]) == (4, 0, [])


async def test_older_versions_count_and_distributions_only_by_what_they_serve(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    mirror, remote = await on_demand(engine, upstream, "books")
    serve(upstream, {})
    await mirror.sync(mode="mirror")

    found = await impact(api, remote)

    assert (found["artifacts"], found["repositories"], found["distributions"]) == (4, [mirror.repository.name], [])


async def test_schedules_and_unfinished_tasks_that_use_it_are_named(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    mirror, remote = await on_demand(engine, upstream)
    other, other_remote = await on_demand(engine, upstream)
    context = api.context()
    create = "mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { errors { message } } }"
    wanted: dict[str, tuple[Repository, Remote | None]] = {
        "its repository": (mirror.repository, None),
        "itself": (other.repository, remote),
        "another": (other.repository, None),
        "not its own": (mirror.repository, other_remote),
    }
    for name, (repository, named) in wanted.items():
        task = {"repository": context.global_id("FileRepository", repository.id)}
        if named is not None:
            task["remote"] = context.global_id("FileRemote", named.id)
        await api.run(create, input={"name": name, "cron": "0 0 1 1 *", "task": {"fileSync": task}})
    gate, held = make_gate()
    blocker = await make_wait(engine, gate, resource=unused_name("none"))
    engine.dispatcher.is_losing = True
    await make_sync(engine, mirror.repository)

    found = await impact(api, remote)

    assert found["schedules"] == ["its repository", "itself"]
    assert found["tasks"] == ["file.sync"]
    held.open()
    await engine.finished(blocker)


async def test_remote_that_is_not_there_is_told(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror, remote = await on_demand(engine, upstream)
    context = api.context()
    repository = context.global_id("FileRepository", mirror.repository.id)
    key = context.global_id("FileRemote", remote.id)
    await api.run("mutation ($id: ID!) { deleteRepository(id: $id) { errors { message } } }", id=repository)
    async with engine.unit_of_work() as work:
        await remotes.delete(work, remote)

    assert (await api.fail(IMPACT, id=key))["extensions"]["code"] == "NOT_FOUND"
    assert (await api.fail(IMPACT, id=repository))["extensions"]["code"] == "WRONG_TYPE"
    assert (await api.fail(IMPACT, id="x"))["extensions"]["code"] == "NOT_FOUND"
