"""Labels of content units."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headbox.models import Content
from headbox.types import uuid7
from tests.factories.repository import make_repository
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.test_content import add_content

UPDATE = """
mutation ($input: UpdateContentLabelsInput!) {
  updateContentLabels(input: $input) { contents { id labels } errors { code path } }
}
"""


async def update(api: Api, ids: list[str], **changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.run(UPDATE, input={"ids": ids, **changes}))["updateContentLabels"]
    return payload


@pytest.fixture
async def ids(api: Api) -> list[str]:
    """The ids of three content units."""
    return [gid("FileContent", unit) for unit in await add_content(await make_repository(api.engine), 1, "a", "b", "c")]


async def labels_of_all() -> list[dict[str, str]]:
    return [unit.labels for unit in await Content.all()]


async def test_labels_are_set_and_taken_away_and_found(api: Api, ids: list[str]) -> None:
    first = await update(api, ids[:2], set={"team": "a", "tested": "no"})
    second = await update(api, [ids[1], ids[0]], set={"tested": "yes"}, remove=["team", "unknown"])
    found = await api.run(
        '{ contents(filter: {label: [{key: "tested", value: "yes"}]}) { edges { node { id labels } } } }'
    )

    assert first["contents"] == [{"id": id_, "labels": {"team": "a", "tested": "no"}} for id_ in ids[:2]]
    assert second == {
        "contents": [{"id": id_, "labels": {"tested": "yes"}} for id_ in (ids[1], ids[0])],
        "errors": [],
    }
    assert sorted(edge["node"]["id"] for edge in found["contents"]["edges"]) == sorted(ids[:2])


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"set": {"a": 1}}, "INVALID", ["input", "set", "a"]),
        ({"set": {"": "x"}}, "INVALID", ["input", "set", ""]),
        ({"set": {"a": "\0"}}, "INVALID", ["input", "set", "a"]),
        ({"set": ["a"]}, "INVALID", ["input", "set"]),
        ({"set": {str(n): "x" for n in range(65)}}, "INVALID", ["input", "set"]),
        ({"set": {"a": "x"}, "remove": ["a"]}, "INVALID", ["input", "remove"]),
    ],
)
async def test_labels_that_cannot_be_change_nothing(
    api: Api, ids: list[str], changes: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = await update(api, ids, **changes)

    assert payload == {"contents": [], "errors": [{"code": code, "path": path}]}
    assert await labels_of_all() == [{}, {}, {}]


async def test_unit_that_would_have_too_many_labels_changes_no_other(api: Api, ids: list[str]) -> None:
    await update(api, [ids[2]], set={str(n): "x" for n in range(64)})

    payload = await update(api, ids, set={"more": "x"})

    assert [error["code"] for error in payload["errors"]] == ["INVALID"]
    assert sorted(len(labels) for labels in await labels_of_all()) == [0, 0, 64]


async def test_unit_that_is_not_there_changes_no_other(api: Api, ids: list[str]) -> None:
    missing = gid("FileContent", Content(id=uuid7(), kind="file.content"))
    repository = gid("FileRepository", await make_repository(api.engine))

    payloads = [
        await update(api, [*ids, missing], set={"a": "x"}),
        await update(api, [*ids, repository], set={"a": "x"}),
        await update(api, ids * 200, set={"a": "x"}),
    ]

    assert [error["code"] for payload in payloads for error in payload["errors"]] == [
        "NOT_FOUND", "WRONG_TYPE", "LIMIT_EXCEEDED"
    ]  # fmt: skip
    assert payloads[0]["errors"][0]["path"] == ["input", "ids", "3"]
    assert await labels_of_all() == [{}, {}, {}]


async def test_changes_at_the_same_time_are_all_kept(api: Api, ids: list[str]) -> None:
    payloads = await asyncio.gather(*(update(api, ids[:: 1 if n % 2 else -1], set={f"l{n}": "x"}) for n in range(10)))

    assert [payload["errors"] for payload in payloads] == [[]] * 10
    assert [len(labels) for labels in await labels_of_all()] == [10, 10, 10]


async def test_nothing_to_change_is_no_error(api: Api, ids: list[str]) -> None:
    assert await update(api, [], set={"a": "x"}) == {"contents": [], "errors": []}
    assert (await update(api, ids))["errors"] == []
