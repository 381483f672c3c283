"""`createRepair` and `createReclaim` as clients have them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headbox.models import Artifact, ArtifactSource, Remote, Repository, Task
from headbox.resolvers.ids import GlobalId
from headbox.services import remote as remotes
from headbox.types import uuid7
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
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
RECLAIM = """
mutation ($input: CreateReclaimInput!) {
  createReclaim(input: $input) { task { id kind olderThanDays } errors { code message path } }
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


async def test_reclaim_tells_what_it_freed(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"a.txt": b"first", "b.txt": b"second"})
    remote = await Remote.get(id=mirror.repository.remote_id)
    async with engine.unit_of_work() as work:
        await remotes.update(work, remote, changes={"policy": "on_demand"}, expected_revision=None)

    payload = (await api.run(RECLAIM, input={"olderThanDays": 0}))["createReclaim"]
    await engine.completed(await Task.get(kind="core.reclaim"))
    query = "query ($id: ID!) { task(id: $id) { ... on Reclaim { reclaimed freedBytes } } }"
    result = (await api.run(query, id=payload["task"]["id"]))["task"]

    assert payload["errors"] == []
    assert result == {"reclaimed": 2, "freedBytes": 11}


async def test_reclaim_of_a_version_is_tried_first(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"a.txt": b"first", "b.txt": b"second"})
    remote = await Remote.get(id=mirror.repository.remote_id)
    async with engine.unit_of_work() as work:
        await remotes.update(work, remote, changes={"policy": "streamed"}, expected_revision=None)
    version = gid("RepositoryVersion", await mirror.version())

    payload = (await api.run(RECLAIM, input={"repositoryVersion": version, "dryRun": True}))["createReclaim"]
    task = await engine.completed(await Task.get(kind="core.reclaim"))

    assert payload["errors"] == []
    assert task.result == {"reclaimed": 2, "freed_bytes": 11}
    assert await Artifact.all().count() == 2


@pytest.mark.parametrize("document", [REPAIR, RECLAIM], ids=["repair", "reclaim"])
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"repository": str(GlobalId("FileRepository", uuid7()))}, "NOT_FOUND"),
        ({"repository": str(GlobalId("FileRemote", uuid7()))}, "WRONG_TYPE"),
        ({"repository": "nonsense"}, "NOT_FOUND"),
        ({"repositoryVersion": str(GlobalId("RepositoryVersion", uuid7()))}, "NOT_FOUND"),
        ({"repositoryVersion": str(GlobalId("FileRepository", uuid7()))}, "WRONG_TYPE"),
        ({"labels": {"a": 1}}, "INVALID"),
        ({"idempotencyKey": ""}, "INVALID"),
    ],
)
async def test_scope_that_cannot_be_is_refused(api: Api, document: str, values: dict[str, Any], code: str) -> None:
    [payload] = (await api.run(document, input=values)).values()

    assert payload["task"] is None
    [error] = payload["errors"]
    assert (error["code"], error["path"][:2]) == (code, ["input", *values])
    assert not await Task.exists()


@pytest.mark.parametrize("days", [-1, -1e-9, 1e300])
async def test_age_that_cannot_be_is_refused(api: Api, days: float) -> None:
    payload = (await api.run(RECLAIM, input={"olderThanDays": days}))["createReclaim"]

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID", ["input", "olderThanDays"])]
    assert not await Task.exists()


async def test_repair_of_what_is_deleted_meanwhile_fails(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"a.txt": b"first"})
    engine.dispatcher.is_losing = True
    await api.run(REPAIR, input={"repositoryVersion": gid("RepositoryVersion", await mirror.version())})
    await Repository.all().delete()
    engine.dispatcher.is_losing = False
    await engine.send_again()

    assert (await engine.failed(await Task.get(kind="core.repair")))["code"] == "NOT_FOUND"
