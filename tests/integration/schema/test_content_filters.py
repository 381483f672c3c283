"""Filters on content of several kinds: what they find, by which indexes, and how large they may be."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import Field

from headbox.filters import conditions
from headbox.kinds import ContentUnit, Plugin, RepositoryDocument
from headbox.models import Content, ContentArtifact, Membership, Repository, RepositoryVersion
from headbox.models.database import create_search_indexes
from headbox.models.database.search import index_name
from headbox.types import Origin, SearchedField, uuid7
from tests.integration.schema.api import Api
from tests.support.engine import EngineUnderTest, LocalDispatcher, settings_for
from tests.support.statements import plan_of, statements


class Crate(ContentUnit, kind="crate.content", natural_key=("name", "release"), searched=("name", "size", "yanked")):
    """Content that can be searched."""

    name: str = Field(max_length=20, description="Name.")
    release: str = Field("1", description="Release.")
    size: int | None = Field(None, description="Size.")
    yanked: bool = Field(False, description="Whether it is taken back.")


class Chart(ContentUnit, kind="chart.content", natural_key=("name",), searched=("name", "size")):
    """Content of another kind, one of whose fields has another type."""

    name: str = Field(description="Name.")
    size: str = Field("big", description="Size, in words.")


class CrateRepository(RepositoryDocument, kind="crate.repository", content=(Crate,)):
    """A repository of crates."""


class ChartRepository(RepositoryDocument, kind="chart.repository", content=(Chart,)):
    """A repository of charts."""


PLUGINS = (
    Plugin(name="crate", version="1", description="Crates.", documents=(Crate, CrateRepository), tasks=()),
    Plugin(name="chart", version="1", description="Charts.", documents=(Chart, ChartRepository), tasks=()),
)
LISTS = """
query ($filter: ContentFilter!) {
  contents(filter: $filter, first: 500) { edges { node { __typename ... on Crate { name } ... on Chart { name } } } }
  crates(filter: $filter, first: 500) { edges { node { name } } }
  repository(name: "crates") { latestVersion { content(filter: $filter, first: 500) {
    edges { node { ... on Crate { name } } } } } }
}
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The names of what the lists of `LISTS` hold, sorted."""

    all: list[str]
    crates: list[str]
    version: list[str]

    @classmethod
    def of(cls, data: dict[str, Any]) -> Found:
        lists = (data["contents"], data["crates"], data["repository"]["latestVersion"]["content"])
        return cls(*(sorted(edge["node"]["name"] for edge in found["edges"]) for found in lists))


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@pytest_asyncio.fixture
async def crates(data_dir: Path) -> AsyncIterator[Api]:
    """Crates `a0` to `a9` and `b`, of which a version has all but `b`, and a chart `a0`."""
    engine = EngineUnderTest(data_dir, PLUGINS, LocalDispatcher(), settings_for(data_dir))
    async with engine.database.connected():
        await create_search_indexes(engine.database.connection, engine.registry.searched_fields())
        repository = await Repository.create(kind=CrateRepository.kind, name="crates", latest_number=1)
        await RepositoryVersion.create(repository_id=repository.id, number=1, present=10)
        for number in range(10):
            crate = Crate(name=f"a{number}", size=number, yanked=number == 3)
            await add(crate, repository, labels={"even": "yes"} if number % 2 == 0 else {})
        await add(Crate(name="b"))
        await add(Chart(name="a0"))
        yield Api(engine)


async def add(unit: ContentUnit, repository: Repository | None = None, labels: dict[str, str] | None = None) -> None:
    name = unit.plain()["name"]
    content = await Content.create(
        id=unit.unit_id(), kind=unit.kind, document=unit.plain(), slot=unit.slot_id(), labels=labels or {}
    )
    await ContentArtifact.create(content_id=content.id, relative_path=f"{unit.kind}/{name}", sha256=digest(name))
    if repository is not None:
        await Membership.create(
            repository_id=repository.id,
            content_id=content.id,
            added_in=1,
            slot=content.slot,
            size=1,
            origin=Origin.SYNC,
            added_at=datetime.now(UTC),
            added_by_id=uuid7(),
        )


NAMES = [f"a{number}" for number in range(10)]
CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({}, [*NAMES, "b"], ["a0"]),
    ({"kind": ["chart.content"]}, [], ["a0"]),
    ({"kind": ["chart.content", "crate.content"], "relativePathPrefix": "crate"}, [*NAMES, "b"], []),
    ({"relativePath": ["crate.content/a1", "crate.content/b", "x"]}, ["a1", "b"], []),
    ({"sha256": [digest("a1"), digest("a2").upper()]}, ["a1", "a2"], []),
    ({"sha256": digest("a0")}, ["a0"], ["a0"]),
    ({"field": [{"name": "name", "value": "a0"}]}, ["a0"], ["a0"]),
    ({"field": [{"name": "name", "in": ["a1", "b", "a" * 30]}]}, ["a1", "b"], []),
    ({"field": [{"name": "name", "in": []}]}, [], []),
    ({"field": [{"name": "name", "prefix": "a"}]}, NAMES, ["a0"]),
    ({"field": [{"name": "name", "prefix": "a"}, {"name": "name", "value": "a1"}]}, ["a1"], []),
    ({"field": [{"name": "size", "value": "07"}]}, ["a7"], []),
    ({"field": [{"name": "size", "in": ["7", "8", "x"]}]}, ["a7", "a8"], []),
    ({"field": [{"name": "size", "atLeast": 8}]}, ["a8", "a9"], []),
    ({"field": [{"name": "size", "atMost": 0.5}]}, ["a0"], []),
    ({"field": [{"name": "size", "atLeast": 2, "atMost": 3}]}, ["a2", "a3"], []),
    ({"field": [{"name": "size", "atMost": 1e308}]}, NAMES, []),
    ({"field": [{"name": "yanked", "value": "true"}]}, ["a3"], []),
    ({"label": [{"key": "even"}]}, ["a0", "a2", "a4", "a6", "a8"], []),
    ({"label": [{"key": "even", "value": "no"}]}, [], []),
    ({"or": [{"relativePath": "crate.content/b"}, {"field": [{"name": "size", "value": "4"}]}]}, ["a4", "b"], []),
    ({"or": [{"sha256": digest("a0")}, {"label": [{"key": "even"}], "sha256": digest("a2")}]}, ["a0", "a2"], ["a0"]),
    ({"or": [{"relativePath": "crate.content/b"}, {"createdBefore": "2020-01-01T00:00:00+00:00"}]}, ["b"], []),
    ({"and": [{"sha256": digest("a0")}, {"not": {"field": [{"name": "size", "atLeast": 1}]}}]}, ["a0"], ["a0"]),
    ({"not": {"field": [{"name": "size", "atLeast": 0}]}}, ["b"], ["a0"]),
    ({"not": {"or": [{"field": [{"name": "size", "atLeast": 0}]}, {"relativePath": "crate.content/b"}]}}, [], ["a0"]),
]  # fmt: skip


@pytest.mark.parametrize("most_sorted", [20_000, 2], ids=["few", "many"])
async def test_filter_finds_the_same_in_every_list(
    crates: Api, monkeypatch: pytest.MonkeyPatch, most_sorted: int
) -> None:
    monkeypatch.setattr(conditions, "MAX_SORTED", most_sorted)

    for asked, of_crates, of_charts in CASES:
        found = Found.of(await crates.run(LISTS, filter=asked))

        expected = Found(sorted(of_crates + of_charts), of_crates, [name for name in of_crates if name != "b"])
        assert found == expected, asked


async def test_pages_of_all_kinds_follow_each_other(crates: Api) -> None:
    document = """
    query ($after: String) { contents(first: 5, after: $after, filter: {not: {sha256: "x"}}) {
      edges { node { id } } pageInfo { hasNextPage endCursor } } }
    """
    ids: list[str] = []
    after = None
    while True:
        page = (await crates.run(document, after=after))["contents"]
        ids += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(set(ids)) == len(ids) == 12


@pytest.mark.parametrize(
    "field",
    [
        {"name": "release", "value": "1"},
        {"name": "nothing", "value": "1"},
        {"name": "name"},
        {"name": "name", "atLeast": 1},
        {"name": "yanked", "atMost": 1},
        {"name": "size", "value": None, "in": None},
        {"name": "' OR 1=1 --", "value": "1"},
    ],
)
async def test_field_that_cannot_be_searched_like_that(crates: Api, field: dict[str, Any]) -> None:
    error = await crates.fail(
        "query ($field: [ContentFieldFilter!]) { crates(filter: {field: $field}) { edges { cursor } } }", field=[field]
    )

    assert error["extensions"]["code"] == "INVALID"


async def test_prefix_of_a_number_is_refused_where_no_kind_has_a_text(crates: Api) -> None:
    document = "query ($field: [ContentFieldFilter!]) { %s(filter: {field: $field}) { edges { cursor } } }"
    field = [{"name": "size", "prefix": "bi"}]

    of_crates = await crates.fail(document % "crates", field=field)
    of_all = await crates.run(document % "contents", field=field)

    assert of_crates["extensions"]["code"] == "INVALID"
    assert len(of_all["contents"]["edges"]) == 1


def too_wide(terms: int) -> dict[str, Any]:
    return {"or": [{"relativePath": f"p{number}"} for number in range(terms)]}


def too_deep(levels: int) -> dict[str, Any]:
    deep: dict[str, Any] = {"relativePath": "a"}
    for _ in range(levels):
        deep = {"not": deep}
    return deep


@pytest.mark.parametrize(
    "filter",
    [
        too_wide(10_000),
        too_wide(501),
        {"or": [{}] * 501},
        {"relativePath": ["a"] * 501},
        {"field": [{"name": "name", "in": ["a"] * 501}]},
        {"or": [{"relativePathPrefix": f"p{number}"} for number in range(51)]},
        too_deep(8),
        too_deep(400),
        too_deep(2_000),
    ],
    ids=["10000 terms", "501 terms", "501 empty", "501 paths", "501 values", "51 ranges", "8", "400", "2000"],
)
async def test_filter_that_is_too_large(crates: Api, filter: dict[str, Any]) -> None:
    for document in (LISTS, LISTS.replace("contents(filter: $filter", "contents(filter: {and: [$filter]}")):
        error = await crates.fail(document, filter=filter)

        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_filter_of_10_000_terms_in_the_document_is_too_large(crates: Api) -> None:
    terms = ", ".join('{relativePath: "a"}' for _ in range(10_000))

    error = await crates.fail(f"{{ contents(filter: {{or: [{terms}]}}) {{ edges {{ cursor }} }} }}")

    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_largest_filter_is_taken(crates: Api) -> None:
    one_by_one = Found.of(await crates.run(LISTS, filter={"or": [{"sha256": digest(f"a{n}")} for n in range(499)]}))
    listed = Found.of(await crates.run(LISTS, filter={"sha256": [digest(f"a{n}") for n in range(500)]}))
    fields = {"or": [{"field": [{"name": "size", "value": str(n)}]} for n in range(25)]}

    assert one_by_one == listed
    assert one_by_one.crates == NAMES
    assert Found.of(await crates.run(LISTS, filter=fields)).crates == NAMES


@pytest.mark.parametrize("text", ["\0", "a\0", "\ud800", "%", "_", "'", "a" * 10_000_000, "\u202e\ufeff", "\U0010ffff"])
async def test_hostile_text_finds_nothing(crates: Api, text: str) -> None:
    filters: list[dict[str, Any]] = [
        {"kind": [text]},
        {"relativePath": text},
        {"relativePathPrefix": text},
        {"sha256": text},
        {"label": [{"key": text}]},
        {"label": [{"key": "even", "value": text}]},
        {"field": [{"name": "name", "value": text}]},
        {"field": [{"name": "name", "prefix": text}]},
        {"field": [{"name": "size", "value": text}]},
    ]
    for hostile in filters:
        assert Found.of(await crates.run(LISTS, filter=hostile)) == Found([], [], []), hostile.keys()


@pytest.mark.parametrize(
    ("field", "question"),
    [
        (SearchedField(Crate.kind, "name"), {"value": "a1"}),
        (SearchedField(Crate.kind, "name"), {"in": ["a1", "a2"]}),
        (SearchedField(Crate.kind, "name"), {"prefix": "a"}),
        (SearchedField(Crate.kind, "size", is_number=True), {"value": "1"}),
        (SearchedField(Crate.kind, "size", is_number=True), {"atLeast": 3, "atMost": 4}),
    ],
)
@pytest.mark.parametrize("is_alternative", [False, True])
async def test_field_is_found_by_its_index(
    crates: Api, field: SearchedField, question: dict[str, Any], is_alternative: bool
) -> None:
    asked: dict[str, Any] = {"field": [{"name": field.name, **question}]}
    if is_alternative:
        asked = {"or": [asked, {"sha256": digest("b")}, {"label": [{"key": "even"}]}]}

    for plan in await plans(crates, asked):
        assert index_name(field) in plan
        assert not scans(plan)


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ({"relativePath": ["crate.content/a1", "x"]}, "relative"),
        ({"relativePathPrefix": "crate.content/a1"}, "relative"),
        ({"sha256": [digest("a1"), digest("b")]}, "sha256"),
        ({"or": [{"sha256": digest("b")}, {"and": [{"relativePath": "x"}, {"not": {"kind": ["a"]}}]}]}, "sha256"),
        ({"label": [{"key": "even"}]}, "content_labeled"),
    ],
)
async def test_unit_is_found_by_an_index(crates: Api, filter: dict[str, Any], index: str) -> None:
    for plan in await plans(crates, filter):
        assert index in plan or "content_artifact" in plan
        assert not scans(plan)


async def plans(api: Api, filter: dict[str, Any]) -> list[str]:
    """Return how the lists of `LISTS` are read."""
    with statements() as asked:
        await api.run(LISTS, filter=filter)
    pages = [statement for statement in asked if "query_number" in statement and "FROM repository" not in statement]
    assert pages
    return [await plan_of(api.engine.database.connection, page) for page in pages]


def scans(plan: str) -> list[str]:
    """Return the steps that go through all rows of a table of content."""
    tables = ("content", "member", "membership", "content_artifact")
    return [
        line
        for line in plan.splitlines()
        if any(line.strip() == f"SCAN {table}" or f"Seq Scan on {table}" in line for table in tables)
    ]
