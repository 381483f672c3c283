"""Going back to versions, deleting them, keeping few of them, and comparing those that are left."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.resolvers.ids import GlobalId
from headbox.services import version_deletion
from headbox.types import uuid7
from tests.integration.schema.additions import ADD, DELETE_VERSION, ROLLBACK, Shelf, file_ids, paths
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.refusals import refused
from tests.integration.sync import parcels
from tests.integration.sync.parcels import Parcels
from tests.support.upstream import Upstream

DIFF = """
query ($from: ID!, $to: ID!) {
  versionDiff(from: $from, to: $to, first: 100) { edges { change node { ... on FileContent { relativePath } } } }
}
"""
PIN = """
mutation ($input: CreateDistributionInput!) { createDistribution(input: $input) { errors { message } } }
"""
PUBLICATIONS = """
query ($id: ID!) { node(id: $id) { ... on RepositoryVersion { publications { edges { node { id } } } } } }
"""
PUBLISH = """
mutation ($input: CreateFilePublishInput!) { createFilePublish(input: $input) { task { id } errors { message } } }
"""


@pytest.fixture
async def shelf(api: Api) -> Shelf:
    """A repository whose versions hold nothing, a, a and b, b and c, a and c."""
    shelf = await Shelf.create(api, "shelf", publishSettings={"create": {}})
    a, b, c = await file_ids(api, ("a", "1"), ("b", "2"), ("c", "3"))
    for values in ({"add": [a]}, {"add": [b]}, {"add": [c], "remove": [a]}, {"add": [a], "remove": [b]}):
        await shelf.completed(await shelf.begin(ADD, repository=shelf.id, **values))
    return shelf


async def ids(shelf: Shelf) -> dict[int, str]:
    """Return the ids of all versions, by their numbers."""
    data = await shelf.api.run(
        "query ($id: ID!) { node(id: $id) { ... on Repository { versions { edges { node { id number } } } } } }",
        id=shelf.id,
    )
    return {edge["node"]["number"]: edge["node"]["id"] for edge in data["node"]["versions"]["edges"]}


async def delete(shelf: Shelf, number: int) -> None:
    payload = (await shelf.api.run(DELETE_VERSION, id=(await ids(shelf))[number]))["deleteRepositoryVersion"]
    assert payload == {"repositoryVersion": {"number": number}, "errors": []}


async def diff(shelf: Shelf, older: int, newer: int) -> set[tuple[str, str]]:
    known = await ids(shelf)
    page = (await shelf.api.run(DIFF, **{"from": known[older], "to": known[newer]}))["versionDiff"]
    return {(edge["change"], edge["node"]["relativePath"]) for edge in page["edges"]}


async def test_rollback_makes_a_version_equal_to_an_older_one(shelf: Shelf) -> None:
    task = await shelf.begin(ROLLBACK, repositoryVersion=(await ids(shelf))[2])
    await shelf.completed(task)

    version = await shelf.version(5)
    assert (task["kind"], task["base"]) == ("file.add", {"number": 2})
    assert version["base"] == {"number": 2}
    assert paths(version["content"]) == {"a", "b"}
    assert (paths(version["added"]), paths(version["removed"])) == ({"b"}, {"c"})
    assert await diff(shelf, 2, 5) == set()
    back = {edge["node"]["relativePath"]: edge["addedBy"]["id"] for edge in version["content"]["edges"]}
    assert back["b"] == task["id"]
    assert back["a"] != task["id"]


async def test_rollback_to_the_latest_version_changes_nothing(shelf: Shelf) -> None:
    task = await shelf.completed(await shelf.begin(ROLLBACK, repositoryVersion=(await ids(shelf))[4]))

    assert task.result["repository_version"] is None


async def test_same_key_rolls_back_once(shelf: Shelf) -> None:
    known = await ids(shelf)
    first = await shelf.begin(ROLLBACK, repositoryVersion=known[1], idempotencyKey="back")
    await shelf.completed(first)

    assert (await shelf.begin(ROLLBACK, repositoryVersion=known[1], idempotencyKey="back"))["id"] == first["id"]
    other = {"repositoryVersion": known[2], "idempotencyKey": "back"}
    [error] = await refused(shelf.api, ROLLBACK, input=other)
    assert error["path"] == ["input", "idempotencyKey"]


async def test_rollback_to_nothing_is_refused(shelf: Shelf) -> None:
    gone = str(GlobalId("RepositoryVersion", uuid7()))
    for text, code in ((gone, "NOT_FOUND"), (shelf.id, "WRONG_TYPE"), ("", "NOT_FOUND")):
        [error] = await refused(shelf.api, ROLLBACK, input={"repositoryVersion": text})
        assert (error["code"], error["path"]) == (code, ["input", "repositoryVersion"])


async def test_repository_that_is_synced_only_is_not_rolled_back(api: Api, upstream: Upstream) -> None:
    engine: Any = api.engine
    parcels.install(engine)
    repository = (await Parcels.create(engine, upstream)).repository
    api = Api(engine)
    shelf = Shelf(api, gid("ParcelRepository", repository))

    [error] = await refused(api, ROLLBACK, input={"repositoryVersion": (await ids(shelf))[0]})

    assert (error["code"], error["path"]) == ("MIRROR_ONLY", ["input", "repositoryVersion"])


async def test_others_hold_what_they_held_after_a_deletion(shelf: Shelf) -> None:
    await delete(shelf, 3)
    await delete(shelf, 1)

    assert sorted(await ids(shelf)) == [0, 2, 4]
    assert await shelf.files(2) == {"a", "b"}
    last = await shelf.version(4)
    assert paths(last["content"]) == {"a", "c"}
    # What stands in both versions around the gap was never away, as far as anybody can tell.
    assert (paths(last["added"]), paths(last["removed"])) == ({"c"}, {"b"})
    assert last["summary"] == {
        "present": 2,
        "added": 1,
        "removed": 1,
        "size": 2,
        "byKind": [{"kind": "file.content", "present": 2, "added": 1, "removed": 1, "size": 2}],
    }
    assert last["base"] is None
    assert await diff(shelf, 2, 4) == {("ADDED", "c"), ("REMOVED", "b")}
    assert await diff(shelf, 0, 4) == {("ADDED", "a"), ("ADDED", "c")}
    assert await diff(shelf, 4, 0) == {("REMOVED", "a"), ("REMOVED", "c")}


async def test_first_version_can_be_deleted(shelf: Shelf) -> None:
    await delete(shelf, 0)
    await delete(shelf, 1)

    first = await shelf.version(2)
    assert (paths(first["added"]), paths(first["removed"])) == ({"a", "b"}, set())
    assert (first["summary"]["added"], first["base"]) == (2, None)


async def test_version_is_deleted_once(shelf: Shelf) -> None:
    known = await ids(shelf)
    await delete(shelf, 1)

    [error] = await refused(shelf.api, DELETE_VERSION, id=known[1])

    assert (error["code"], error["path"]) == ("NOT_FOUND", ["id"])
    assert (await shelf.api.run("query ($id: ID!) { node(id: $id) { id } }", id=known[1]))["node"] is None


async def test_version_in_use_is_not_deleted(shelf: Shelf) -> None:
    known = await ids(shelf)
    for number, path in ((1, "pinned"), (2, "published")):
        await shelf.completed(await shelf.begin(PUBLISH, repositoryVersion=known[number]))
        source = {"repositoryVersion": known[number]}
        if path == "published":
            found = (await shelf.api.run(PUBLICATIONS, id=known[number]))["node"]["publications"]["edges"]
            source = {"publication": found[0]["node"]["id"]}
        made = await shelf.api.run(PIN, input={"name": path, "basePath": path, "source": source})
        assert made["createDistribution"]["errors"] == []

    expected = {4: "the repository: it is its latest", 1: "'pinned'", 2: "'published'"}
    for number, users in expected.items():
        [error] = await refused(shelf.api, DELETE_VERSION, id=known[number])
        assert error["path"] == ["id"]
        assert users in error["message"]
    assert sorted(await ids(shelf)) == [0, 1, 2, 3, 4]


async def test_few_versions_are_kept_where_that_is_wanted(shelf: Shelf) -> None:
    update = """
        mutation ($input: UpdateFileRepositoryInput!) { updateFileRepository(input: $input) { errors { code path } } }
    """
    for wrong in (0, -1):
        payload = await shelf.api.run(update, input={"id": shelf.id, "retainVersions": wrong})
        assert payload["updateFileRepository"]["errors"] == [{"code": "INVALID", "path": ["input", "retainVersions"]}]
    known = await ids(shelf)
    pinned = {"name": "old", "basePath": "old", "source": {"repositoryVersion": known[1]}}
    await shelf.api.run(PIN, input=pinned)
    await shelf.api.run(update, input={"id": shelf.id, "retainVersions": 2})
    assert sorted(await ids(shelf)) == [0, 1, 2, 3, 4]

    await shelf.add(("d", "4"))

    assert sorted(await ids(shelf)) == [1, 4, 5]
    assert await diff(shelf, 1, 5) == {("ADDED", "c"), ("ADDED", "d")}
    assert await shelf.files(4) == {"a", "c"}


async def test_versions_that_stay_do_not_keep_others_from_going(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version_deletion, "MAX_RETIRED", 2)
    known = await ids(shelf)
    for number in (0, 1):
        pinned = {"name": f"v{number}", "basePath": f"v{number}", "source": {"repositoryVersion": known[number]}}
        await shelf.api.run(PIN, input=pinned)
    update = "mutation ($input: UpdateFileRepositoryInput!) { updateFileRepository(input: $input) { errors { code } } }"
    await shelf.api.run(update, input={"id": shelf.id, "retainVersions": 1})

    await shelf.add(("d", "4"))

    assert sorted(await ids(shelf)) == [0, 1, 4, 5]
