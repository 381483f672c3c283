"""Search by the beginning of a name, a path or a digest, across all kinds of things."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import Field

from headbox.kinds import ContentUnit, Plugin, RemoteDocument, RepositoryDocument
from headbox.models import Content, ContentArtifact, Remote, Repository
from headbox.models.database import create_search_indexes
from headbox.models.database.search import index_name
from headbox.services import distribution as distributions
from headbox.services import remote as remotes
from tests.integration.schema.api import Api
from tests.support.engine import EngineUnderTest, LocalDispatcher, settings_for
from tests.support.statements import plan_of, statements

SEARCH = """
query ($text: String!, $first: Int, $after: String) {
  search(text: $text, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor matchedBy matched node { __typename id
      ... on Crate { name } ... on CrateRemote { name } ... on CrateRepository { name } ... on Distribution { name } } }
  }
}
"""


class Crate(ContentUnit, kind="crate.content", natural_key=("name",), searched=("name", "size", "yanked")):
    """Content that can be searched."""

    name: str = Field(description="Name.")
    size: int = Field(7, description="Size.")
    yanked: bool = Field(False, description="Whether it is taken back.")


class CrateRemote(RemoteDocument, kind="crate.remote"):
    """A remote of crates."""


class CrateRepository(RepositoryDocument, kind="crate.repository", content=(Crate,)):
    """A repository of crates."""


PLUGIN = Plugin(name="crate", version="1", description="C.", documents=(Crate, CrateRemote, CrateRepository), tasks=())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest_asyncio.fixture
async def api(data_dir: Path) -> AsyncIterator[Api]:
    """A repository, a remote, a distribution and four crates, one with two files."""
    engine = EngineUnderTest(data_dir, [PLUGIN], LocalDispatcher(), settings_for(data_dir))
    async with engine.database.connected():
        await create_search_indexes(engine.database.connection, engine.registry.searched_fields())
        await Repository.create(kind=CrateRepository.kind, name="serde stable")
        async with engine.unit_of_work() as work:
            await remotes.create(work, CrateRemote, name="serde-upstream", values={"url": "http://a.test/"})
            await distributions.create(work, base_path="serde/stable", name="the crates")
        for name in ("serde", "serde_json", "Serde", "sérde"):
            await add(name, f"crates/{name}.crate")
        await add("other", "serde.txt", "serde/100%_\\'.txt")
        yield Api(engine)


async def add(name: str, *paths: str) -> None:
    crate = Crate(name=name)
    content = await Content.create(id=crate.unit_id(), kind=crate.kind, document=crate.plain(), slot=crate.slot_id())
    for path in paths:
        await ContentArtifact.create(content_id=content.id, relative_path=path, sha256=digest(path))


async def search(api: Api, text: str) -> list[tuple[str, str, str]]:
    """Return type, by what and what of whatever is found, read in pages of two; each of them begins where one ends."""
    found: list[tuple[str, str, str]] = []
    after = None
    while True:
        page = (await api.run(SEARCH, text=text, first=2, after=after))["search"]
        edges = page["edges"]
        assert page["totalCount"] is None
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        if edges:
            assert (edges[0]["cursor"], edges[-1]["cursor"]) == (
                page["pageInfo"]["startCursor"],
                page["pageInfo"]["endCursor"],
            )
        found += [(edge["node"]["__typename"], edge["matchedBy"], edge["matched"]) for edge in edges]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def test_everything_that_begins_with_a_text_is_found_in_order(api: Api) -> None:
    assert await search(api, " serde\n") == [
        ("CrateRepository", "NAME", "serde stable"),
        ("CrateRemote", "NAME", "serde-upstream"),
        ("Distribution", "BASE_PATH", "serde/stable"),
        ("Crate", "RELATIVE_PATH", "serde.txt"),
        ("Crate", "RELATIVE_PATH", "serde/100%_\\'.txt"),
        ("Crate", "FIELD", "serde"),
        ("Crate", "FIELD", "serde_json"),
    ]


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("the c", [("Distribution", "NAME", "the crates")]),
        ("serde/100%_\\'", [("Crate", "RELATIVE_PATH", "serde/100%_\\'.txt")]),
        ("Serde", [("Crate", "FIELD", "Serde")]),
        ("sé", [("Crate", "FIELD", "sérde")]),
        ("crates/serde_", [("Crate", "RELATIVE_PATH", "crates/serde_json.crate")]),
        (digest("serde.txt"), [("Crate", "SHA256", digest("serde.txt"))]),
        (digest("serde.txt")[:8].upper(), [("Crate", "SHA256", digest("serde.txt"))]),
        (f"sha256:{digest('serde.txt')}", [("Crate", "SHA256", digest("serde.txt"))]),
        (digest("serde.txt")[:7], []),
        (digest("nobody has it"), []),
        ("7", []),
        ("", []),
        ("  ", []),
        ("tr", []),
    ],
)
async def test_text_is_found(api: Api, text: str, matched: list[tuple[str, str, str]]) -> None:
    assert await search(api, text) == matched


@pytest.mark.parametrize(
    "text", ["\0", "serde\0", "\ud800", "%", "_", "' OR 1=1 --", "\U0010ffff", "é" * 2_600, "\u202e"]
)
async def test_hostile_text_finds_nothing(api: Api, text: str) -> None:
    assert await search(api, text) == []


@pytest.mark.parametrize("text", ["a" * 2_601, "serde" * 2_000_000])
async def test_text_that_is_too_long_is_refused(api: Api, text: str) -> None:
    error = await api.fail(SEARCH, text=text)

    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_many_of_the_same_path_are_all_found(api: Api) -> None:
    for number in range(7):
        await add(f"n{number}", "index.html")

    assert await search(api, "index") == [("Crate", "RELATIVE_PATH", "index.html")] * 7


@pytest.mark.parametrize(
    "after",
    [
        "", "rubbish", "IjEi", "bnVsbA", "WzEsMiwzXQ", "é",
        "WyJyZW1vdGUiLCAiYSIsICJubyBpZCJd", "WyJyZWxhdGl2ZV9wYXRoIiwgImEiLCAiMSJd", "WyJub3doZXJlIiwgImEiLCAxXQ",
        "WyJyZWxhdGl2ZV9wYXRoIiwgImEiLCAxZTk5XQ", "WyJyZWxhdGl2ZV9wYXRoIiwgIlx1MDAwMCIsIDFd",
    ],
)  # fmt: skip
async def test_cursor_that_is_none_is_refused(api: Api, after: str) -> None:
    error = await api.fail(SEARCH, text="serde", after=after)

    assert error["extensions"]["code"] == "INVALID"


@pytest.mark.parametrize("first", [-1, 501])
async def test_page_that_cannot_be(api: Api, first: int) -> None:
    error = await api.fail(SEARCH, text="serde", first=first)

    assert error["extensions"]["code"] in {"INVALID", "LIMIT_EXCEEDED"}


async def test_what_is_deleted_or_of_no_installed_plugin_is_not_found(api: Api) -> None:
    await Repository.all().update(kind="npm.repository")
    await Content.all().update(kind="npm.content")
    [remote] = await Remote.all()
    async with api.engine.unit_of_work() as work:
        await remotes.delete(work, remote)

    assert await search(api, "serde") == [("Distribution", "BASE_PATH", "serde/stable")]


async def test_search_is_one_query_and_one_for_each_type_of_node(api: Api) -> None:
    with statements() as asked:
        await api.run(SEARCH, text="serde")

    assert len(asked) == 5


@pytest.mark.parametrize("after", [None, "WyJyZWxhdGl2ZV9wYXRoIiwgInNlcmRlIiwgMV0"])
async def test_every_place_is_read_by_its_index(api: Api, after: str | None) -> None:
    with statements() as asked:
        await api.run(SEARCH, text="deadbeef", first=2, after=after)
    plan = await plan_of(api.engine.database.connection, asked[0])

    [name, *_] = [field for field in api.engine.registry.searched_fields() if field.is_text]
    assert index_name(name) in plan
    assert "TEMP B-TREE" not in plan
    for table in ("content", "file", "content_artifact", "repository", "remote", "distribution"):
        assert f"SCAN {table}\n" not in f"{plan}\n"
        assert f"Seq Scan on {table}" not in plan
