"""`planVersionDeletion` as clients have it: what would go, and what it says no to."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.resolvers import version as versions
from headbox.resolvers.ids import GlobalId
from headbox.types import uuid7
from tests.integration.schema.additions import Shelf
from tests.integration.schema.api import Api

PLAN = """
query ($input: PlanVersionDeletionInput!) {
  planVersionDeletion(input: $input) {
    units freedBytes versions { number } kept { number } errors { __typename code message path }
  }
}
"""
NUMBERS = """
query ($id: ID!) { node(id: $id) { ... on Repository { versions { edges { node { id number } } } } } }
"""


@pytest.fixture
async def shelf(api: Api) -> Shelf:
    """A repository whose versions hold nothing, an old a, and a new one."""
    shelf = await Shelf.create(api, "shelf")
    await shelf.add(("a", "old"))
    await shelf.add(("a", "newer"))
    return shelf


async def plan(shelf: Shelf, **values: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await shelf.api.run(PLAN, input={"repository": shelf.id, **values}))[
        "planVersionDeletion"
    ]
    return payload


async def version_ids(shelf: Shelf) -> dict[int, str]:
    edges = (await shelf.api.run(NUMBERS, id=shelf.id))["node"]["versions"]["edges"]
    return {edge["node"]["number"]: edge["node"]["id"] for edge in edges}


async def test_plan_tells_what_would_go_and_changes_nothing(shelf: Shelf) -> None:
    known = await version_ids(shelf)
    gone = {"units": 1, "freedBytes": len("old"), "versions": [{"number": 0}, {"number": 1}], "errors": []}

    assert await plan(shelf, retainVersions=1) == {**gone, "kept": []}
    assert await plan(shelf, versions=[known[0], known[1], known[2], known[1]]) == {**gone, "kept": [{"number": 2}]}
    nothing = {"units": 0, "freedBytes": 0, "versions": [], "kept": [], "errors": []}
    assert await plan(shelf, retainVersions=3) == nothing
    assert await plan(shelf, versions=[]) == nothing
    assert await version_ids(shelf) == known


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({}, "INVALID", ["retainVersions"]),
        ({"retainVersions": 0}, "INVALID", ["retainVersions"]),
        ({"retainVersions": -1}, "INVALID", ["retainVersions"]),
        ({"retainVersions": 1, "versions": []}, "INVALID", ["retainVersions"]),
        ({"versions": ["nonsense"]}, "NOT_FOUND", ["versions", "0"]),
        ({"versions": [str(GlobalId("RepositoryVersion", uuid7()))]}, "NOT_FOUND", ["versions", "0"]),
        ({"versions": [str(GlobalId("FileRepository", uuid7()))]}, "WRONG_TYPE", ["versions", "0"]),
        ({"repository": str(GlobalId("FileRepository", uuid7())), "retainVersions": 1}, "NOT_FOUND", ["repository"]),
        ({"repository": str(GlobalId("Upload", uuid7())), "retainVersions": 1}, "WRONG_TYPE", ["repository"]),
        ({"versions": ["x"] * (versions.MAX_NAMED + 1)}, "LIMIT_EXCEEDED", ["versions"]),
    ],
)
async def test_plan_that_cannot_be_is_refused(shelf: Shelf, values: dict[str, Any], code: str, path: list[str]) -> None:
    payload = await plan(shelf, **values)

    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]
    assert (payload["units"], payload["versions"], payload["kept"]) == (0, [], [])


async def test_version_of_another_repository_is_not_planned(shelf: Shelf) -> None:
    other = await Shelf.create(shelf.api, "other")

    payload = await plan(shelf, versions=[(await version_ids(other))[0]])

    assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"]
