"""Copies over the API: from one repository into another."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.resolvers.ids import GlobalId
from headbox.types import uuid7
from tests.factories.content import digest_of
from tests.integration.schema.additions import COPY, Shelf
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.refusals import refused
from tests.integration.sync import parcels
from tests.integration.sync.parcels import Parcels
from tests.support.upstream import Upstream


@pytest.fixture
async def source(api: Api) -> Shelf:
    """A repository whose version 1 has a and b, and whose version 2 has b and c."""
    source = await Shelf.create(api, "source")
    await source.add(("a", "1"), ("b", "2"))
    await source.add(("c", "3"), remove=[await id_of(source, 1, "a")])
    return source


async def id_of(shelf: Shelf, number: int, path: str) -> str:
    """Return the id of a file in a version."""
    edges = (await shelf.version(number))["content"]["edges"]
    [found] = [edge["node"]["id"] for edge in edges if edge["node"]["relativePath"] == path]
    return str(found)


async def test_repository_is_copied_as_it_is_now(api: Api, source: Shelf) -> None:
    target = await Shelf.create(api, "target")
    await target.add(("b", "old"), ("own", "x"))

    task = await target.begin(COPY, repository=target.id, source=source.id)
    await target.completed(task)

    version = await target.version(2)
    assert task["source"] == {"number": 2}
    edges = {edge["node"]["relativePath"]: edge for edge in version["content"]["edges"]}
    assert {path: edge["origin"] for path, edge in edges.items()} == {"b": "COPY", "c": "COPY", "own": "UPLOAD"}
    assert edges["b"]["node"]["sha256"] == digest_of("2")
    assert edges["c"]["addedBy"] == {"id": task["id"], "kind": "file.copy"}


async def test_older_version_is_copied_as_it_was(api: Api, source: Shelf) -> None:
    target = await Shelf.create(api, "target")

    await target.completed(
        await target.begin(COPY, repository=target.id, source=(await source.version(1))["id"], withNeeded=False)
    )

    assert await target.files(1) == {"a", "b"}


async def test_empty_version_copies_nothing(api: Api, source: Shelf) -> None:
    target = await Shelf.create(api, "target")

    task = await target.completed(
        await target.begin(COPY, repository=target.id, source=(await source.version(0))["id"])
    )

    assert task.result["repository_version"] is None


async def test_copy_that_must_not_overwrite_is_refused(api: Api, source: Shelf) -> None:
    target = await Shelf.create(api, "target")
    await target.add(("b", "own"))

    error = await target.failed(await target.begin(COPY, repository=target.id, source=source.id, overwrite=False))

    assert (error["code"], error["path"]) == ("UNIT_CONFLICT", ["source"])
    assert await target.files(1) == {"b"}


async def test_what_cannot_be_copied_is_refused(api: Api, source: Shelf, upstream: Upstream) -> None:
    target = await Shelf.create(api, "target")
    content = await id_of(source, 1, "a")
    cases: dict[str, tuple[dict[str, Any], str, str]] = {
        "itself": ({"repository": source.id, "source": source.id}, "INVALID", "source"),
        "its own version": (
            {"repository": source.id, "source": (await source.version(1))["id"]}, "INVALID", "source",
        ),
        "content": ({"source": content}, "WRONG_TYPE", "source"),
        "nothing": ({"source": str(GlobalId("RepositoryVersion", uuid7()))}, "NOT_FOUND", "source"),
        "no repository": ({"source": str(GlobalId("FileRepository", uuid7()))}, "NOT_FOUND", "source"),
        "no id": ({"source": "x"}, "NOT_FOUND", "source"),
        "into content": ({"repository": content, "source": source.id}, "WRONG_TYPE", "repository"),
    }  # fmt: skip

    for name, (values, code, field) in cases.items():
        [error] = await refused(api, COPY, input={"repository": target.id, **values})
        assert (name, error["code"], error["path"]) == (name, code, ["input", field])


async def test_repository_of_another_kind_is_not_copied(api: Api, upstream: Upstream) -> None:
    parcels.install(api.engine)  # type: ignore[arg-type]
    api = Api(api.engine)
    target = await Shelf.create(api, "target")
    other = (await Parcels.create(api.engine, upstream)).repository  # type: ignore[arg-type]

    [error] = await refused(api, COPY, input={"repository": target.id, "source": gid("ParcelRepository", other)})

    assert (error["code"], error["path"]) == ("WRONG_TYPE", ["input", "source"])


async def test_source_that_is_deleted_meanwhile_fails_the_copy(api: Api, source: Shelf) -> None:
    target = await Shelf.create(api, "target")
    old = (await source.version(1))["id"]
    engine: Any = api.engine
    engine.dispatcher.is_losing = True
    task = await target.begin(COPY, repository=target.id, source=old)
    deleted = await api.run("mutation ($id: ID!) { deleteRepositoryVersion(id: $id) { errors { code } } }", id=old)
    assert deleted["deleteRepositoryVersion"]["errors"] == []
    engine.dispatcher.is_losing = False
    await engine.send_again()

    error = await target.failed(task)

    assert (error["code"], error["path"]) == ("NOT_FOUND", ["source"])
    assert await target.files(0) == set()
