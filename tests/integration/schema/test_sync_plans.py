"""Plans of syncs over the API."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from headbox.kinds import SyncTask
from headbox.models import PublishSettings, SyncPlan, Task
from headbox.resolvers.ids import GlobalId
from headbox.services import sync_plan
from headbox.settings import SyncSettings
from tests.factories.remote import make_remote
from tests.integration.schema.api import Api
from tests.integration.schema.conftest import FILES
from tests.integration.sync.parcels import install
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, serve
from tests.support.upstream import Slow, Status, Upstream, pulp_manifest
from tests.support.waiting import until

AMOUNT = "{ count bytes unknownSizes }"
PLAN = f"""
fragment Plan on SyncPlan {{
  id createdAt expiresAt repository {{ id }} versionNumber remote {{ name }} remoteRevision mode policy unchanged
  adds {AMOUNT} removes {AMOUNT} downloads {AMOUNT} onDemand {AMOUNT}
  byKind {{ kind adds: added {AMOUNT} removes: removed {AMOUNT} }}
  added(first: 2) {{ totalCount pageInfo {{ hasNextPage }} edges {{ node {{
    kind artifacts {{ relativePath sha256 size }} content {{ id }} }} }} }}
  removed {{ totalCount edges {{ node {{ artifacts {{ relativePath }} content {{ id }} }} }} }}
  issueCount issues {{ code relativePath }}
  errors {{ __typename code message path hint retryable }}
}}
query ($input: CreateFileSyncInput!) {{ planFileSync(input: $input) {{ ...Plan }} }}
"""
FOUND = "query ($id: ID!) { syncPlan(id: $id) { id adds { count } errors { code } } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
SYNC = """
mutation ($input: CreateFileSyncInput!) {
  createFileSync(input: $input) {
    task { id mode plan { id adds { count } } }
    errors { __typename code message path hint ... on PlanOutdated { moved } }
  }
}
"""
NOTHING = {"count": 0, "bytes": 0, "unknownSizes": 0}


@pytest.fixture
async def mirror(engine: LocalEngine, files: Upstream) -> Mirror:
    """A repository that was not synced yet."""
    return await Mirror.of(engine, files)


def repository_id(api: Api, mirror: Mirror) -> str:
    return api.context().global_id("FileRepository", mirror.repository.id)


async def plan(api: Api, mirror: Mirror, **values: Any) -> dict[str, Any]:
    """Return a plan."""
    found: dict[str, Any] = (await api.run(PLAN, input={"repository": repository_id(api, mirror), **values}))[
        "planFileSync"
    ]
    return found


async def create(api: Api, mirror: Mirror, plan_id: str, **values: Any) -> dict[str, Any]:
    """Return what became of a sync that was to apply a plan."""
    given = {"repository": repository_id(api, mirror), "plan": plan_id, **values}
    payload: dict[str, Any] = (await api.run(SYNC, input=given))["createFileSync"]
    return payload


async def test_plan_says_all_and_creates_no_task(api: Api, mirror: Mirror) -> None:
    made = await plan(api, mirror, automation="PUBLISH", idempotencyKey="k", labels={"a": "b"}, priority="LOW")

    size = sum(map(len, FILES.values()))
    amount = {"count": 3, "bytes": size, "unknownSizes": 0}
    assert made["errors"] == []
    assert (made["repository"], made["versionNumber"]) == ({"id": repository_id(api, mirror)}, 0)
    assert (made["remoteRevision"], made["mode"], made["policy"], made["unchanged"]) == (
        1,
        "MIRROR",
        "IMMEDIATE",
        False,
    )
    assert (made["adds"], made["removes"], made["downloads"], made["onDemand"]) == (amount, NOTHING, amount, NOTHING)
    assert made["byKind"] == [{"kind": "file.content", "adds": amount, "removes": NOTHING}]
    assert (made["added"]["totalCount"], made["added"]["pageInfo"]) == (3, {"hasNextPage": True})
    [first, _] = [edge["node"] for edge in made["added"]["edges"]]
    assert (first["kind"], first["content"]) == ("file.content", None)
    assert first["artifacts"][0]["relativePath"] in FILES
    assert (made["issueCount"], made["issues"]) == (0, [])
    assert made["createdAt"] < made["expiresAt"]
    assert await Task.all().count() == await PublishSettings.all().count() == 0


async def test_units_that_are_known_are_nodes(api: Api, mirror: Mirror) -> None:
    await mirror.sync()
    serve(mirror.upstream, {"new.txt": b"new"})

    made = await plan(api, mirror)

    assert [edge["node"]["content"] for edge in made["added"]["edges"]] == [None]
    assert made["removed"]["totalCount"] == 3
    assert all(edge["node"]["content"]["id"] for edge in made["removed"]["edges"])


async def test_plan_of_nothing_new_says_so(api: Api, mirror: Mirror) -> None:
    await mirror.sync()

    assert (await plan(api, mirror))["unchanged"] is True


async def test_units_are_read_page_by_page(api: Api, mirror: Mirror) -> None:
    document = """
    query ($id: ID!, $after: String) { syncPlan(id: $id) { added(first: 2, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
      edges { node { artifacts { relativePath } } } } } }
    """
    made = await plan(api, mirror)
    found, after = [], None
    for has_next in (True, False):
        page = (await api.run(document, id=made["id"], after=after))["syncPlan"]["added"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, has_next)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        found += [edge["node"]["artifacts"][0]["relativePath"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]

    assert sorted(found) == sorted(FILES)
    for cursor in ("x", "", "bm9uZQ", "LTU", after):
        result = await api.execute(document, id=made["id"], after=cursor)
        assert result.errors is None or result.errors[0].formatted["extensions"]["code"] == "INVALID"


async def test_plan_is_applied_by_its_id(api: Api, mirror: Mirror) -> None:
    made = await plan(api, mirror, mode="ADDITIVE")

    payload = await create(api, mirror, made["id"])

    assert payload["errors"] == []
    assert payload["task"]["mode"] == "ADDITIVE"
    assert payload["task"]["plan"] == {"id": made["id"], "adds": {"count": 3}}
    task = GlobalId.parse(payload["task"]["id"])
    assert task is not None
    await api.engine.completed(await Task.get(id=task.id))
    assert sorted(await mirror.files()) == sorted(FILES)


async def test_plan_is_found_again_and_is_no_node(api: Api, mirror: Mirror) -> None:
    made = await plan(api, mirror)

    found = (await api.run(FOUND, id=made["id"]))["syncPlan"]

    assert found == {"id": made["id"], "adds": {"count": 3}, "errors": []}
    assert (await api.run(NODE, id=made["id"]))["node"] is None


async def test_plan_that_is_outdated_is_refused_as_data(api: Api, mirror: Mirror) -> None:
    made = await plan(api, mirror)
    await mirror.sync()

    payload = await create(api, mirror, made["id"])

    [error] = payload["errors"]
    assert payload["task"] is None
    assert (error["__typename"], error["code"], error["moved"]) == ("PlanOutdated", "REVISION_CONFLICT", "REPOSITORY")
    assert error["path"] == ["input", "plan"]
    assert "latest one is 1" in error["message"]


async def test_ids_that_name_no_plan_are_refused(api: Api, mirror: Mirror) -> None:
    other = repository_id(api, mirror)
    missing = str(GlobalId("SyncPlan", mirror.repository.id))
    for text, error_type in ((other, "WrongType"), (missing, "NotFound"), ("x", "NotFound"), ("", "NotFound")):
        payload = await create(api, mirror, text)
        assert [error["__typename"] for error in payload["errors"]] == [error_type], text
        assert (await api.run(FOUND, id=text))["syncPlan"] is None


async def test_what_cannot_be_planned_is_told_as_data(api: Api, engine: LocalEngine, mirror: Mirror) -> None:
    made = await plan(api, mirror)
    no_remote = await Mirror.of(engine, mirror.upstream)
    await type(no_remote.repository).filter(id=no_remote.repository.id).update(remote_id=None)
    cases = [
        (await plan(api, no_remote), "NO_REMOTE", ["input", "remote"]),
        (await plan(api, mirror, repository="x"), "NOT_FOUND", ["input", "repository"]),
        (await plan(api, mirror, plan=made["id"]), "INVALID", ["input", "plan"]),
    ]
    mirror.upstream.fault(MANIFEST, Status(404))
    cases.append((await plan(api, mirror), "REMOTE_RESPONSE", []))
    for answer, code, path in cases:
        [error] = answer["errors"]
        assert (error["code"], error["path"]) == (code, path)
        assert (answer["id"], answer["repository"], answer["expiresAt"], answer["unchanged"]) == (
            None,
            None,
            None,
            False,
        )
        assert (answer["adds"], answer["byKind"], answer["issues"]) == (NOTHING, [], [])
        assert answer["added"] == {"totalCount": 0, "pageInfo": {"hasNextPage": False}, "edges": []}


async def test_more_plans_than_are_computed_at_a_time_may_be_tried_again(api: Api, mirror: Mirror) -> None:
    api.engine.settings = api.engine.settings.model_copy(update={"sync": SyncSettings(plan_limit=1)})
    mirror.upstream.fault(MANIFEST, Slow(0.3))

    answers = await asyncio.gather(*(plan(api, mirror) for _ in range(3)))

    refused = [answer["errors"][0] for answer in answers if answer["errors"]]
    assert [(error["code"], error["retryable"]) for error in refused] == [("LIMIT_EXCEEDED", True)] * 2


async def test_issues_that_a_skip_would_note_are_told(api: Api, mirror: Mirror) -> None:
    mirror.upstream.files[MANIFEST] = b"bad line\n" + pulp_manifest(FILES)

    made = await plan(api, mirror)

    assert (made["issueCount"], made["issues"]) == (1, [{"code": "METADATA_INVALID", "relativePath": None}])
    assert made["adds"]["count"] == 3


async def test_remote_that_is_not_the_repositorys_can_be_planned(api: Api, engine: LocalEngine, mirror: Mirror) -> None:
    remote = await make_remote(engine, mirror.upstream, policy="on_demand")

    made = await plan(api, mirror, remote=api.context().global_id("FileRemote", remote.id))

    assert (made["remote"]["name"], made["policy"], made["downloads"]) == (remote.name, "ON_DEMAND", NOTHING)
    assert made["onDemand"]["count"] == 3


async def test_client_that_goes_away_ends_its_plan(api: Api, mirror: Mirror) -> None:
    mirror.upstream.fault(MANIFEST, Slow(30.0))
    work = api.engine.settings.data_dir / "work"
    body = {"query": PLAN, "variables": {"input": {"repository": repository_id(api, mirror)}}}
    async with api.served() as url:
        async with aiohttp.ClientSession() as session:
            asking = asyncio.create_task(session.post(url, json=body))
            await until(lambda: any(work.iterdir()))
            asking.cancel()

        await until(lambda: not any(work.iterdir()))

    assert await SyncPlan.all().count() == 0


async def test_plan_is_answered_over_http(api: Api, mirror: Mirror) -> None:
    body = {"query": PLAN, "variables": {"input": {"repository": repository_id(api, mirror)}}}
    async with api.served() as url, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(url, json=body) as answer:
                assert (await answer.json())["data"]["planFileSync"]["adds"]["count"] == 3


async def test_schedule_applies_no_plan(api: Api, mirror: Mirror) -> None:
    document = """
    mutation ($task: NewTaskInput!) {
      createSchedule(input: {name: "s", cron: "@daily", task: $task}) { schedule { id } errors { code path } }
    }
    """
    made = await plan(api, mirror)
    task = {"fileSync": {"repository": repository_id(api, mirror), "plan": made["id"]}}

    payload = (await api.run(document, task=task))["createSchedule"]

    assert payload == {
        "schedule": None,
        "errors": [{"code": "INVALID", "path": ["input", "task", "fileSync", "plan"]}],
    }


async def test_every_plugins_syncs_can_be_planned(engine: LocalEngine) -> None:
    install(engine)
    schema = Api(engine).app.api.graphql

    planned = {name for name in schema.query_type.fields if name.startswith("plan")}  # type: ignore[union-attr]

    assert planned >= {f"plan{task.__name__}" for task in engine.registry.all(SyncTask)}
    assert sync_plan.KEPT_PLANS >= 2
