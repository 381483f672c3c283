"""`createRepair` and `createReclaim` as clients have them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from headbox.models import Artifact, ArtifactSource, Remote, Task
from headbox.services import remote as remotes
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, sha256
from tests.support.upstream import Upstream

REPAIR = """
mutation ($input: CreateRepairInput!) {
  createRepair(input: $input) {
    task { id kind checkDigests dryRun repository { name } repositoryVersion { number } }
    errors { code message path }
  }
}
"""
RESULT = """
query ($id: ID!) {
  task(id: $id) {
    state
    ... on Repair {
      checked checkedBytes damaged repaired lost
      issues { totalCount edges { node { code sha256 relativePath url retryable message } } }
    }
  }
}
"""
AVAILABILITY = """
{ fileContents { edges { node { artifacts { relativePath availability sources { url failedAt remote { name } } } } } } }
"""


async def test_repair_tells_what_it_found(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"a.txt": b"first", "b.txt": b"second"})
    await engine.storage.delete(sha256(b"first"))
    await ArtifactSource.filter(relative_path="a.txt").delete()

    values = {"repository": str(api.context().global_id("FileRepository", mirror.repository.id))}
    payload = (await api.run(REPAIR, input=values))["createRepair"]
    await engine.completed(await Task.get(kind="core.repair"))
    result = (await api.run(RESULT, id=payload["task"]["id"]))["task"]
    shown = await api.run(AVAILABILITY)

    assert payload["errors"] == []
    assert (payload["task"]["kind"], payload["task"]["checkDigests"]) == ("core.repair", True)
    assert payload["task"]["repository"] == {"name": mirror.repository.name}
    figures = {name: int(result[name]) for name in ("checked", "checkedBytes", "damaged", "repaired", "lost")}
    assert figures == {"checked": 2, "checkedBytes": 11, "damaged": 1, "repaired": 0, "lost": 1}
    [edge] = result["issues"]["edges"]
    message = edge["node"].pop("message")
    assert edge["node"] == {
        "code": "ARTIFACT_DAMAGED",
        "sha256": sha256(b"first"),
        "relativePath": "a.txt",
        "url": None,
        "retryable": False,
    }
    assert "No remote is known to have them" in message
    artifacts = {
        artifact["relativePath"]: artifact
        for edge in shown["fileContents"]["edges"]
        for artifact in edge["node"]["artifacts"]
    }
    assert artifacts["a.txt"] == {"relativePath": "a.txt", "availability": "MISSING", "sources": []}
    [source] = artifacts["b.txt"]["sources"]
    assert (artifacts["b.txt"]["availability"], source["url"]) == ("LOCAL", upstream.url_of("b.txt"))
    assert source["failedAt"] is None


async def test_repair_of_a_repository_and_a_version_is_refused(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    mirror = await Mirror.of(engine, upstream)
    context = api.context()
    values: dict[str, Any] = {
        "repository": context.global_id("FileRepository", mirror.repository.id),
        "repositoryVersion": context.global_id("RepositoryVersion", (await mirror.version()).id),
    }

    payload = (await api.run(REPAIR, input=values))["createRepair"]

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("INVALID", ["input", "repositoryVersion"])
    ]
    assert not await Task.exists()


async def test_status_counts_damaged_artifacts(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"a.txt": b"first", "b.txt": b"second"})
    await Artifact.filter(sha256=sha256(b"first")).update(damaged_at=datetime.now(UTC))

    assert (await api.run("{ status { damagedArtifacts } }"))["status"] == {"damagedArtifacts": 1}


async def test_repairs_can_be_scheduled(api: Api) -> None:
    mutation = """
    mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { schedule { name } errors { message } } }
    """
    values = {"name": "weekly repair", "cron": "0 4 * * 0", "task": {"repair": {"checkDigests": False}}}

    payload = (await api.run(mutation, input=values))["createSchedule"]

    assert payload == {"schedule": {"name": "weekly repair"}, "errors": []}


async def test_reclaim_tells_what_it_freed(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"a.txt": b"first", "b.txt": b"second"})
    mutation = """
    mutation { createReclaim(input: { olderThanDays: 0 }) { task { id kind olderThanDays } errors { message } } }
    """
    remote = await Remote.get(id=mirror.repository.remote_id)
    async with engine.unit_of_work() as work:
        await remotes.update(work, remote, changes={"policy": "on_demand"}, expected_revision=None)

    payload = (await api.run(mutation))["createReclaim"]
    await engine.completed(await Task.get(kind="core.reclaim"))
    query = "query ($id: ID!) { task(id: $id) { ... on Reclaim { reclaimed freedBytes } } }"
    result = (await api.run(query, id=payload["task"]["id"]))["task"]

    assert payload["errors"] == []
    assert result == {"reclaimed": 2, "freedBytes": 11}
