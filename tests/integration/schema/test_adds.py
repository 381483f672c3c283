"""Adds over the API: what they change, what they answer when they cannot, and many of them at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from headbox.models import ContentArtifact, RepositoryVersion, Task
from headbox.resolvers.ids import GlobalId
from headbox.services.version_request import MAX_UNITS
from headbox.types import uuid7
from tests.factories.content import digest_of, make_files
from tests.factories.remote import make_remote
from tests.integration.schema.additions import ADD, Shelf, content_id, file_ids, paths
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid, local_id
from tests.integration.schema.refusals import ERRORS, refused
from tests.support.upstream import Upstream

CREATE_CONTENT = f"""
mutation ($input: CreateFileContentInput!) {{
  createFileContent(input: $input) {{
    content {{ id }} task {{ id ... on FileAdd {{ repository {{ name }} }} }} {ERRORS}
  }}
}}
"""
CREATE_CONTENTS = """
mutation ($input: CreateFileContentsInput!) {
  createFileContents(input: $input) { results { task { id } errors { code path } } errors { code path } }
}
"""
CLIENTS = 20


@pytest.fixture
async def shelf(api: Api) -> Shelf:
    return await Shelf.create(api, "shelf")


async def test_add_makes_a_version_that_tells_where_everything_came_from(shelf: Shelf) -> None:
    first = await shelf.begin_add(("a", "1"), ("b", "2"))
    await shelf.completed(first)
    second = await shelf.begin_add(("c", "3"), remove=await file_ids(shelf.api, ("a", "1")))
    await shelf.completed(second)

    version = await shelf.version(2)
    assert first["repository"] == {"name": "shelf"}
    assert version["base"] == {"number": 1}
    assert version["summary"] == {
        "present": 2,
        "added": 1,
        "removed": 1,
        "size": 2,
        "byKind": [{"kind": "file.content", "present": 2, "added": 1, "removed": 1, "size": 2}],
    }
    assert (paths(version["added"]), paths(version["removed"])) == ({"c"}, {"a"})
    edges = {edge["node"]["relativePath"]: edge for edge in version["content"]["edges"]}
    assert {edge["origin"] for edge in edges.values()} == {"UPLOAD"}
    assert {path: edge["addedBy"] for path, edge in edges.items()} == {
        "b": {"id": first["id"], "kind": "file.add"},
        "c": {"id": second["id"], "kind": "file.add"},
    }
    added_at = [datetime.fromisoformat(edges[path]["addedAt"]) for path in ("b", "c")]
    assert added_at == sorted(added_at)
    assert timedelta(0) <= datetime.now(UTC) - added_at[1] < timedelta(minutes=5)


async def test_task_tells_what_it_made(shelf: Shelf) -> None:
    task = await shelf.begin_add(("a", "1"), labels={"build": "7"}, priority="HIGH")
    await shelf.completed(task)

    document = """
        query ($id: ID!) { task(id: $id) {
          kind state priority labels createdResources { __typename }
          actions { name state reports { code done total } }
          claims { resource exclusive }
          ... on FileAdd { repositoryVersion { number } base { id } publication { id } }
        } }
    """
    assert (await shelf.api.run(document, id=task["id"]))["task"] == {
        "kind": "file.add",
        "state": "COMPLETED",
        "priority": "HIGH",
        "labels": {"build": "7"},
        "createdResources": [{"__typename": "RepositoryVersion"}],
        "actions": [
            {
                "name": "add",
                "state": "COMPLETED",
                "reports": [
                    {"code": "add.added.content", "done": 1, "total": 1},
                    {"code": "add.removed.content", "done": 0, "total": 0},
                ],
            }
        ],
        "claims": [],
        "repositoryVersion": {"number": 1},
        "base": None,
        "publication": None,
    }


async def test_what_changes_nothing_makes_no_version(shelf: Shelf) -> None:
    await shelf.add(("a", "1"))

    task = await shelf.begin_add(("a", "1"), remove=[content_id(uuid7())])

    assert (await shelf.completed(task)).result["repository_version"] is None
    assert await RepositoryVersion.all().count() == 2


async def test_overwriting_is_refused_by_the_task(shelf: Shelf) -> None:
    await shelf.add(("a", "1"))

    error = await shelf.failed(await shelf.begin_add(("a", "2"), overwrite=False))

    assert (error["code"], error["path"]) == ("UNIT_CONFLICT", ["add"])
    assert error["message"] == "'a' would take the place of 'a'."
    assert (await shelf.version(1))["content"]["edges"][0]["node"]["sha256"] == digest_of("1")


async def test_add_goes_as_far_as_its_automation_says(api: Api) -> None:
    shelf = await Shelf.create(
        api, "shelf", publishSettings={"create": {}}, distributions=[{"basePath": "shelf"}], automation="DISTRIBUTE"
    )

    await shelf.add(("a", "1"))
    await shelf.add(("b", "2"), automation="NONE")

    distribution = await api.run('{ distribution(basePath: "shelf") { serving { repositoryVersion { number } } } }')
    assert distribution["distribution"]["serving"] == {"repositoryVersion": {"number": 1}}


async def bad_inputs(shelf: Shelf, upstream: Upstream) -> dict[str, tuple[dict[str, Any], list[tuple[str, list[str]]]]]:
    """Return inputs that are refused, each with the codes and paths of its errors."""
    api = shelf.api
    a, b, other_a = await file_ids(api, ("a", "1"), ("b", "2"), ("a", "2"))
    other = await Shelf.create(api, "other")
    await other.add(("x", "1"))
    foreign_base = (await other.version(1))["id"]
    remote = gid("FileRemote", await make_remote(api.engine, upstream))
    nobody = content_id(uuid7())
    many = [content_id(uuid7()) for _ in range(MAX_UNITS + 1)]
    return {
        "nothing": ({}, [("REQUIRED", ["input", "add"])]),
        "no lists": ({"add": [], "remove": []}, [("REQUIRED", ["input", "add"])]),
        "id of nothing": ({"add": [a, nobody]}, [("NOT_FOUND", ["input", "add", "1"])]),
        "no id": ({"add": ["x"], "remove": [a]}, [("NOT_FOUND", ["input", "add", "0"])]),
        "no id to remove": ({"remove": [a, ""]}, [("NOT_FOUND", ["input", "remove", "1"])]),
        "ids of other types": (
            {"add": [remote, a, shelf.id]},
            [("WRONG_TYPE", ["input", "add", "0"]), ("WRONG_TYPE", ["input", "add", "2"])],
        ),
        "id of another type to remove": ({"remove": [shelf.id]}, [("WRONG_TYPE", ["input", "remove", "0"])]),
        "added and removed": ({"add": [a, b], "remove": [b]}, [("INVALID", ["input", "remove"])]),
        "two of one place": ({"add": [a, other_a]}, [("UNIT_CONFLICT", ["input", "add"])]),
        "too many": ({"add": many}, [("LIMIT_EXCEEDED", ["input", "add"])]),
        "too many together": ({"add": [a], "remove": many[1:]}, [("LIMIT_EXCEEDED", ["input", "add"])]),
        "base of another repository": ({"base": foreign_base}, [("INVALID", ["input", "base"])]),
        "base that is none": ({"base": shelf.id}, [("WRONG_TYPE", ["input", "base"])]),
        "repository that is none": ({"repository": remote, "add": [a]}, [("WRONG_TYPE", ["input", "repository"])]),
        "repository of nothing": (
            {"repository": str(GlobalId("FileRepository", uuid7())), "add": [a]},
            [("NOT_FOUND", ["input", "repository"])],
        ),
        "labels": ({"add": [a], "labels": {"a": 1}}, [("INVALID", ["input", "labels", "a"])]),
        "empty key": ({"add": [a], "idempotencyKey": ""}, [("INVALID", ["input", "idempotencyKey"])]),
        "no distribution": ({"add": [a], "automation": "DISTRIBUTE"}, [("NO_DISTRIBUTION", ["input", "automation"])]),
    }


async def test_what_cannot_be_is_refused_and_changes_nothing(shelf: Shelf, upstream: Upstream) -> None:
    found = {}
    expected = {}
    for name, (values, errors) in (await bad_inputs(shelf, upstream)).items():
        answered = await refused(shelf.api, ADD, input={"repository": shelf.id, **values})
        found[name] = [(error["code"], error["path"]) for error in answered]
        expected[name] = errors

    assert found == expected


async def test_errors_of_many_units_are_a_hundred(shelf: Shelf) -> None:
    many = [content_id(uuid7()) for _ in range(500)]

    assert len(await refused(shelf.api, ADD, input={"repository": shelf.id, "add": many})) == 100


async def test_same_key_is_the_same_task(shelf: Shelf) -> None:
    first = await shelf.begin_add(("a", "1"), idempotencyKey="key")
    again = await shelf.begin_add(("a", "1"), idempotencyKey="key")
    await shelf.completed(first)
    late = await shelf.begin_add(("a", "1"), idempotencyKey="key")

    other = {"repository": shelf.id, "add": await file_ids(shelf.api, ("b", "1")), "idempotencyKey": "key"}
    [error] = await refused(shelf.api, ADD, input=other)

    assert first["id"] == again["id"] == late["id"]
    assert error["path"] == ["input", "idempotencyKey"]
    assert await Task.all().count() == 1


async def test_same_units_in_another_order_are_told_apart_by_nobody(shelf: Shelf) -> None:
    a, b = await file_ids(shelf.api, ("a", "1"), ("b", "2"))

    await shelf.completed(await shelf.begin(ADD, repository=shelf.id, add=[a, b, a]))

    assert (await shelf.version(1))["summary"]["added"] == 2


async def test_content_is_added_as_it_is_made(shelf: Shelf) -> None:
    await make_files(shelf.api.engine, ("unused", "1"), ("unused too", "2"))
    made = await shelf.api.run(
        CREATE_CONTENT, input={"relativePath": "one", "sha256": digest_of("1"), "repository": shelf.id}
    )
    items = [{"relativePath": path, "sha256": digest_of("2"), "repository": shelf.id} for path in ("two", "three")]
    items += [{"relativePath": "four", "sha256": digest_of("2")}, {"relativePath": "../x", "sha256": digest_of("2")}]
    results = (await shelf.api.run(CREATE_CONTENTS, input={"items": items, "onError": "SKIP"}))["createFileContents"][
        "results"
    ]

    task = made["createFileContent"]["task"]
    await shelf.completed(task)
    assert task["repository"] == {"name": "shelf"}
    assert results[0]["task"] == results[1]["task"]
    assert [bool(result["task"]) for result in results] == [True, True, False, False]
    assert [error["code"] for error in results[3]["errors"]] == ["INVALID"]
    await shelf.completed(results[0]["task"])
    latest = (await RepositoryVersion.all().order_by("-number").first() or RepositoryVersion()).number
    assert await shelf.files(latest) == {"one", "two", "three"}


async def test_content_for_a_repository_that_is_none_is_not_made(shelf: Shelf) -> None:
    [unit] = await make_files(shelf.api.engine, ("a", "1"))
    for text, code in ((content_id(unit), "WRONG_TYPE"), (str(GlobalId("FileRepository", uuid7())), "NOT_FOUND")):
        values = {"relativePath": "new", "sha256": digest_of("1"), "repository": text}
        [error] = await refused(shelf.api, CREATE_CONTENT, input=values)
        assert (error["code"], error["path"]) == (code, ["input", "repository"])


async def test_content_that_cannot_be_added_where_it_is_to_be_harms_no_other(shelf: Shelf) -> None:
    await make_files(shelf.api.engine, ("unused", "1"), ("unused too", "2"))
    served = await Shelf.create(shelf.api, "served by nothing", automation="DISTRIBUTE")
    items = [
        {"relativePath": "good", "sha256": digest_of("1"), "repository": shelf.id},
        {"relativePath": "good", "sha256": digest_of("2"), "repository": shelf.id},
        {"relativePath": "good", "sha256": digest_of("2")},
        {"relativePath": "lost", "sha256": digest_of("1"), "repository": "nowhere"},
        {"relativePath": "lost", "sha256": digest_of("1"), "repository": "nowhere"},
        {"relativePath": "lost", "sha256": digest_of("1"), "repository": served.id},
    ]
    faults = [
        {"code": code, "path": ["input", "items", place, "repository"]}
        for place, code in (("1", "UNIT_CONFLICT"), ("3", "NOT_FOUND"), ("4", "NOT_FOUND"), ("5", "NO_DISTRIBUTION"))
    ]

    refusal = (await shelf.api.run(CREATE_CONTENTS, input={"items": items}))["createFileContents"]
    values = {"items": items, "onError": "SKIP"}
    results = (await shelf.api.run(CREATE_CONTENTS, input=values))["createFileContents"]["results"]

    assert refusal == {"results": [], "errors": faults}
    assert [result["errors"] for result in results] == [[], [faults[0]], [], [faults[1]], [faults[2]], [faults[3]]]
    assert await ContentArtifact.filter(relative_path="lost").count() == 0
    await shelf.completed(results[0]["task"])
    assert await shelf.files(1) == {"good"}


async def test_adds_of_many_clients_share_few_versions(shelf: Shelf) -> None:
    units = await file_ids(
        shelf.api, *((f"{client}/{number}", "1") for client in range(CLIENTS) for number in range(5))
    )
    taken, late = await file_ids(shelf.api, ("0/0", "2"), ("0/1", "3"))

    async def client(session: aiohttp.ClientSession, url: str, mine: list[str], **values: Any) -> list[str]:
        ids = []
        for unit in mine:
            variables = {"input": {"repository": shelf.id, "add": [unit], **values}}
            async with session.post(url, json={"query": ADD, "variables": variables}) as response:
                payload = (await response.json())["data"]["createFileAdd"]
            assert payload["errors"] == []
            ids.append(payload["task"]["id"])
        return ids

    await shelf.completed(await shelf.begin(ADD, repository=shelf.id, add=[taken, late]))
    async with shelf.api.served() as url, aiohttp.ClientSession() as session:
        good = [client(session, url, units[start : start + 5]) for start in range(0, len(units), 5)]
        bad = client(session, url, [taken] * 3 + [late], overwrite=False, automation="NONE")
        *good_ids, bad_ids = await asyncio.gather(*good, bad)

    ended = [await shelf.api.engine.finished(await Task.get(id=local_id(key))) for ids in good_ids for key in ids]
    for key in bad_ids:
        await shelf.api.engine.finished(await Task.get(id=local_id(key)))
    assert {task.state for task in ended} == {"completed"}
    versions = await RepositoryVersion.filter(repository_id=local_id(shelf.id)).order_by("number")
    assert await shelf.files(versions[-1].number) >= {
        f"{client}/{number}" for client in range(4) for number in range(5)
    }
    assert versions[-1].present == len(units)
    assert {task.result["repository_version"] for task in ended} <= {str(version.id) for version in versions} | {None}
    assert [version.number for version in versions] == list(range(len(versions)))
    assert len(versions) < len(units) / 2
    assert await shelf.api.engine.rows_of("task_claim") == 0
