"""Where content is: in which versions of which repositories, and at which addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from headbox.models import Artifact, Content, Membership, Repository
from headbox.types import Automation, Origin
from tests.factories.distribution import make_distribution
from tests.integration.schema.api import BASE_URL, Api
from tests.integration.schema.ids import gid
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, sha256
from tests.support.statements import plan_of, statements
from tests.support.upstream import Upstream

WHERE = """
query ($sha256: [String!]!, $first: Int, $after: String) {
  contents(filter: {sha256: $sha256}) { edges { node {
    versions(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
      edges { node { addedIn removedIn origin addedAt addedBy { id } repository { name } } } }
    distributions { totalCount edges { url relativePath node { name } } }
  } } }
}
"""
ARTIFACT = """
query ($sha256: String!) {
  artifact(sha256: $sha256) {
    sha256 size storedAt damagedAt
    contents { totalCount edges { node { ... on FileContent { relativePath } } } }
    distributions { totalCount edges { url relativePath node { name } } }
  }
}
"""


@pytest.fixture
async def mirror(api: Api, upstream: Upstream) -> Mirror:
    """A repository, served at `files`: with `one` in versions 1 and 3, and `two` in 2 and 3; version 1 is at `old`."""
    mirror = await Mirror.of(api.engine, upstream, "files", name="mirror", automation=Automation.DISTRIBUTE)
    await mirror.sync({"sub/one 1%.txt": b"1"})
    await mirror.sync({"two": b"2"})
    await mirror.sync({"sub/one 1%.txt": b"1", "two": b"2"})
    await make_distribution(api.engine, "old", await mirror.version(1))
    return mirror


async def where(api: Api, body: bytes, **arguments: Any) -> dict[str, Any]:
    [edge] = (await api.run(WHERE, sha256=sha256(body), **arguments))["contents"]["edges"]
    node: dict[str, Any] = edge["node"]
    return node


def intervals(node: Mapping[str, Any]) -> list[tuple[str, int, int | None]]:
    found = [edge["node"] for edge in node["versions"]["edges"]]
    return [(part["repository"]["name"], part["addedIn"], part["removedIn"]) for part in found]


async def test_versions_are_told_by_intervals(api: Api, mirror: Mirror) -> None:
    one, two = await where(api, b"1"), await where(api, b"2")

    assert intervals(one) == [("mirror", 1, 2), ("mirror", 3, None)]
    assert intervals(two) == [("mirror", 2, None)]
    assert (one["versions"]["totalCount"], two["versions"]["totalCount"]) == (2, 1)
    [row] = await Membership.filter(added_in=2)
    [told] = [edge["node"] for edge in two["versions"]["edges"]]
    assert (told["origin"], told["addedBy"]["id"]) == (
        "SYNC",
        gid("FileSync", type("Row", (), {"id": row.added_by_id})),
    )


async def test_version_that_is_not_visible_yet_is_not_told(api: Api, mirror: Mirror) -> None:
    two = await Content.get(artifacts__sha256=sha256(b"2"))
    row = await Membership.get(content_id=two.id)
    await Membership.filter(id=row.id).update(removed_in=4)
    await Membership.create(
        repository_id=mirror.repository.id,
        content_id=two.id,
        slot=two.slot,
        size=1,
        added_in=4,
        origin=Origin.SYNC,
        added_at=row.added_at,
        added_by_id=row.added_by_id,
    )

    found = await where(api, b"2")

    assert intervals(found) == [("mirror", 2, None)]
    assert [edge["node"]["name"] for edge in found["distributions"]["edges"]] == ["files"]


async def test_versions_page_by_page(api: Api, mirror: Mirror) -> None:
    first = await where(api, b"1", first=1)
    second = await where(api, b"1", first=1, after=first["versions"]["pageInfo"]["endCursor"])

    assert (intervals(first), first["versions"]["pageInfo"]["hasNextPage"]) == ([("mirror", 1, 2)], True)
    assert (intervals(second), second["versions"]["pageInfo"]["hasNextPage"]) == ([("mirror", 3, None)], False)


async def test_repository_whose_plugin_is_not_installed_is_not_told(api: Api, mirror: Mirror) -> None:
    await Repository.filter(id=mirror.repository.id).update(kind="npm.repository")

    assert intervals(await where(api, b"1")) == []


async def test_distributions_are_those_that_serve_it_now(api: Api, mirror: Mirror) -> None:
    one, two = await where(api, b"1"), await where(api, b"2")

    assert one["distributions"] == {
        "totalCount": 2,
        "edges": [
            {
                "node": {"name": name},
                "relativePath": "sub/one 1%.txt",
                "url": f"{BASE_URL}/content/{name}/sub/one%201%25.txt",
            }
            for name in ("files", "old")
        ],
    }
    assert [edge["node"]["name"] for edge in two["distributions"]["edges"]] == ["files"]
    await mirror.sync({"two": b"2"})
    assert [edge["node"]["name"] for edge in (await where(api, b"1"))["distributions"]["edges"]] == ["old"]


async def test_file_in_whose_place_the_publication_has_its_own_is_not_served(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    mirror = await Mirror.of(engine, upstream, "files", automation=Automation.DISTRIBUTE)
    manifest = f"a,{sha256(b'a')},1\n{MANIFEST},{sha256(b'mine')},4\n".encode()
    upstream.files.update({"a": b"a", MANIFEST: manifest})
    await mirror.sync(on_error="skip")

    found = await api.run(WHERE, sha256=[sha256(b"mine")])

    assert [edge["node"]["distributions"]["edges"] for edge in found["contents"]["edges"]] in ([], [[]])


async def test_artifact_of_content(api: Api, mirror: Mirror) -> None:
    [found] = (await api.run(ARTIFACT, sha256=sha256(b"1").upper())).values()

    assert found.pop("storedAt") is not None
    assert found == {
        "sha256": sha256(b"1"),
        "size": 1,
        "damagedAt": None,
        "contents": {"totalCount": 1, "edges": [{"node": {"relativePath": "sub/one 1%.txt"}}]},
        "distributions": {
            "totalCount": 2,
            "edges": [
                {
                    "url": f"{BASE_URL}/content/{name}/sub/one%201%25.txt",
                    "relativePath": "sub/one 1%.txt",
                    "node": {"name": name},
                }
                for name in ("files", "old")
            ],
        },
    }


async def test_artifact_of_a_publication(api: Api, mirror: Mirror) -> None:
    manifest = f"sub/one 1%.txt,{sha256(b'1')},1\ntwo,{sha256(b'2')},1\n".encode()

    [found] = (await api.run(ARTIFACT, sha256=sha256(manifest))).values()

    assert (found["size"], found["contents"]["edges"]) == (len(manifest), [])
    assert [edge["url"] for edge in found["distributions"]["edges"]] == [f"{BASE_URL}/content/files/{MANIFEST}"]


async def test_artifact_that_is_not_stored(api: Api, mirror: Mirror) -> None:
    await Artifact.filter(sha256=sha256(b"1")).delete()

    [known] = (await api.run(ARTIFACT, sha256=sha256(b"1"))).values()
    [unknown] = (await api.run(ARTIFACT, sha256=sha256(b"nobody has it"))).values()

    assert (known["size"], known["storedAt"], known["contents"]["totalCount"]) == (1, None, 1)
    assert unknown is None


@pytest.mark.parametrize("text", ["", "abc", "\0", "g" * 64, "a" * 1_000_000])
async def test_what_is_no_digest_is_refused(api: Api, text: str) -> None:
    error = await api.fail(ARTIFACT, sha256=text)

    assert error["extensions"]["code"] == "INVALID"


async def test_longer_page_takes_no_more_queries(api: Api, mirror: Mirror) -> None:
    document = """
    query ($first: Int!) { contents(first: $first) { edges { node {
      versions { edges { node { repository { name } addedBy { id } } } } distributions { edges { url } }
      repositories { edges { node { name } } } } } } }
    """

    async def queries(first: int) -> int:
        with statements() as asked:
            await api.run(document, first=first)
        return len(asked)

    assert await queries(1) == await queries(2) <= 6


async def test_where_it_is_is_found_by_indexes(api: Api, mirror: Mirror) -> None:
    with statements() as asked:
        await where(api, b"1")
        await api.run(ARTIFACT, sha256=sha256(b"1"))
    found = [statement for statement in asked if "membership" in statement and "query_number" in statement]
    plans = [await plan_of(api.engine.database.connection, statement) for statement in found]

    assert len(plans) >= 3
    for plan in plans:
        for table in ("file", "member", "own", "content", "content_artifact", "membership", "published_file"):
            assert f"SCAN {table}\n" not in f"{plan}\n"
            assert f"Seq Scan on {table}" not in plan
