"""Garbage collections as clients have them: asked for, planned, scheduled."""

from __future__ import annotations

import pytest

from headbox.models import Repository, Task
from headbox.services import garbage
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.mirror import serve
from tests.support.upstream import Upstream

CREATE = """
mutation ($input: CreateGarbageCollectionInput!) {
  createGarbageCollection(input: $input) { task { id graceSeconds dryRun deletedUnits } errors { code message path } }
}
"""
PLAN = """
query ($input: PlanGarbageCollectionInput) {
  planGarbageCollection(input: $input) {
    units artifacts files freedBytes waitingUnits isComplete errors { code path }
  }
}
"""
RESULT = """
query ($id: ID!) {
  node(id: $id) {
    ... on GarbageCollection { state dryRun deletedUnits deletedArtifacts deletedFiles freedBytes actions { name } }
  }
}
"""


@pytest.fixture
async def unused(engine: LocalEngine, upstream: Upstream) -> None:
    """Three files that nothing needs, of 5 bytes each."""
    serve(upstream, {f"{number}.txt": b"file%d" % number for number in range(3)})
    mirror = await make_repository(engine, upstream)
    await engine.completed(await make_sync(engine, mirror))
    await Repository.filter(id=mirror.id).delete()


@pytest.mark.usefixtures("unused")
async def test_collection_is_planned_tried_and_run(api: Api, engine: LocalEngine) -> None:
    in_a_day = (await api.run(PLAN))["planGarbageCollection"]
    plan = (await api.run(PLAN, input={"graceSeconds": 0}))["planGarbageCollection"]

    nothing = {"units": 0, "artifacts": 0, "files": 0, "freedBytes": 0, "isComplete": True, "errors": []}
    assert in_a_day == {**nothing, "waitingUnits": 3}
    assert plan == {**nothing, "units": 3, "artifacts": 3, "freedBytes": 15, "waitingUnits": 0}
    for dry_run in (True, False):
        payload = (await api.run(CREATE, input={"graceSeconds": 0, "dryRun": dry_run}))["createGarbageCollection"]
        assert payload["errors"] == []
        await engine.dispatcher.rest()
        done = (await api.run(RESULT, id=payload["task"]["id"]))["node"]
        assert [action.pop("name") for action in done.pop("actions")] == (["survey"] if dry_run else ["mark", "sweep"])
        assert done == {
            "state": "COMPLETED",
            "dryRun": dry_run,
            "deletedUnits": 3,
            "deletedArtifacts": 3,
            "deletedFiles": 0,
            "freedBytes": 15,
        }


@pytest.mark.parametrize("grace", [-1, 1e300])
async def test_grace_that_cannot_be_is_refused(api: Api, grace: float) -> None:
    created = (await api.run(CREATE, input={"graceSeconds": grace}))["createGarbageCollection"]
    planned = (await api.run(PLAN, input={"graceSeconds": grace}))["planGarbageCollection"]

    assert created["task"] is None
    for payload in (created, planned):
        [error] = payload["errors"]
        assert (error["code"], error["path"]) == ("INVALID", ["input", "graceSeconds"])
    assert await Task.all().count() == 0


async def test_plan_without_time_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "PLAN_SECONDS", 0.0)
    assert not (await api.run(PLAN))["planGarbageCollection"]["isComplete"]


async def test_few_plans_are_made_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "MAX_PLANS", 0)
    payload = (await api.run(PLAN))["planGarbageCollection"]
    assert [error["code"] for error in payload["errors"]] == ["LIMIT_EXCEEDED"]


async def test_same_key_collects_once(api: Api) -> None:
    asked = {"graceSeconds": 60, "idempotencyKey": "once"}
    first = (await api.run(CREATE, input=asked))["createGarbageCollection"]
    same = (await api.run(CREATE, input=asked))["createGarbageCollection"]
    other = (await api.run(CREATE, input={**asked, "graceSeconds": 0}))["createGarbageCollection"]

    assert first["task"]["id"] == same["task"]["id"]
    assert [error["path"] for error in other["errors"]] == [["input", "idempotencyKey"]]
