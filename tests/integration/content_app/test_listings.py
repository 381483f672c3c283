"""Folders, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headbox.content_app import listing
from headbox.services import serving
from tests.integration.content_app.site import Site


async def names(site: Site, path: str) -> list[str]:
    document = json.loads((await site.get(path, accept="application/json")).body)
    return [entry["name"] for entry in document["entries"]]


async def all_pages(site: Site, path: str) -> list[list[str]]:
    pages: list[list[str]] = []
    following = "?format=json"
    while following:
        document = json.loads((await site.get(path + following)).body)
        pages.append([entry["name"] for entry in document["entries"]])
        following = document["next"]
    return pages


@pytest.fixture(params=[True, False], ids=["small version", "large version"])
def _version_of_either_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(serving, "SMALL_VERSION_UNITS", 0)


either_size = pytest.mark.usefixtures("_version_of_either_size")


@either_size
async def test_folder_lists_files_and_folders(site: Site) -> None:
    repository = await site.repository()
    paths = ["a.txt", "b/one.txt", "b/two.txt", "b/deep/er.txt", "b-side.txt", "c/x.txt"]
    await site.version(repository, add=[await site.content(path, body=path.encode()) for path in paths])
    await site.distribute("shelf", await site.publish(repository, files={"MANIFEST": b"m" * 2000, "b/INDEX": b""}))

    answer = await site.get("shelf/", accept="application/json")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == {
        "path": "/content/shelf/",
        "entries": [
            {"name": "MANIFEST", "type": "file", "size": 2000},
            {"name": "a.txt", "type": "file", "size": 5},
            {"name": "b-side.txt", "type": "file", "size": 10},
            {"name": "b/", "type": "folder"},
            {"name": "c/", "type": "folder"},
        ],
        "next": None,
    }
    assert await names(site, "shelf/b/") == ["INDEX", "deep/", "one.txt", "two.txt"]


@either_size
async def test_listing_holds_what_its_version_holds(site: Site) -> None:
    repository = await site.repository()
    old, new, gone = [await site.content(f"pool/{path}", body=b"") for path in ("old", "new", "gone")]
    first = await site.publish(repository, await site.version(repository, add=[old, gone]))
    second = await site.publish(repository, await site.version(repository, add=[new], remove=[gone]))
    await site.distribute("first", first)
    await site.distribute("second", second)
    await site.serve({"pool/foreign": b""}, base_path="other")

    assert await names(site, "first/pool/") == ["gone", "old"]
    assert await names(site, "second/pool/") == ["new", "old"]


@either_size
async def test_pages_hold_every_entry_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headbox.content_app.app.PAGE_ENTRIES", 3)
    folders = [f"{letter}/{number:02}" for letter in "adg" for number in range(40)]
    files = ["a-file", "a.file", "b", "e", "g0", "\U0010fffd", "é"]
    await site.serve(dict.fromkeys((*folders, *files), b""))
    expected = sorted(["a/", "d/", "g/", *files])

    pages = await all_pages(site, "shelf/")

    assert pages == [expected[start : start + 3] for start in range(0, len(expected), 3)]
    assert sum(map(len, await all_pages(site, "shelf/a/"))) == 40


async def test_folder_of_many_folders_is_read_by_jumps(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SMALL_VERSION_UNITS", 0)
    monkeypatch.setattr("headbox.content_app.app.PAGE_ENTRIES", 20)
    await site.serve({f"{folder:02}/{file:02}": b"" for folder in range(5) for file in range(60)})
    batches: list[int] = []
    walk = serving._walk_content

    async def counted(*arguments: Any) -> Any:
        rows = await walk(*arguments)
        batches.append(len(rows))
        return rows

    monkeypatch.setattr(serving, "_walk_content", counted)

    assert await names(site, "shelf/") == ["00/", "01/", "02/", "03/", "04/"]
    assert sum(batches) <= 21 + 5 * 16


async def test_page_for_people(site: Site) -> None:
    await site.serve({'<b>&"quote".txt': b"x" * 1536, "sub/data:x": b""})

    top = await site.get("shelf/", accept="text/html,application/json;q=0.9,*/*;q=0.8")
    page = top.body.decode()

    assert top.headers["content-type"] == "text/html; charset=utf-8"
    assert top.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<title>Index of /content/shelf/</title>" in page
    assert '<a href="./%3Cb%3E%26%22quote%22.txt">&lt;b&gt;&amp;&quot;quote&quot;.txt</a></td><td>1.5 KiB</td>' in page
    assert '<a href="./sub/">sub/</a>' in page
    assert '<a href="../">' in page
    assert "http://" not in page
    assert '<a href="./data%3Ax">data:x</a>' in (await site.get("shelf/sub/")).body.decode()


async def test_page_links_to_the_next_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headbox.content_app.app.PAGE_ENTRIES", 1)
    await site.serve({"a&b": b"", "c": b""})

    first = (await site.get("shelf/")).body.decode()
    second = (await site.get("shelf/?after=a%26b")).body.decode()

    assert '<a href="?after=a%26b" rel="next">' in first
    assert '<a href="./c">c</a>' in second
    assert 'rel="next"' not in second
    assert '<a href="./">First page</a>' in second


@pytest.mark.parametrize("query", ["after=a/b", "after=..", "after=", "after=%00", "format=xml"])
async def test_parameter_that_makes_no_sense_gets_400(site: Site, query: str) -> None:
    await site.serve({"a": b""})

    # An empty parameter is none.
    assert (await site.get(f"shelf/?{query}")).status == (200 if query == "after=" else 400)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("shelf", "./shelf/"),
        ("shelf/sub", "./sub/"),
        ("shelf/sub?format=json", "./sub/?format=json"),
        ("shelf/sub/data%3Ax", "./data%3Ax/"),
        ("team", "./team/"),
    ],
)
async def test_folder_without_its_slash_leads_to_it(site: Site, path: str, location: str) -> None:
    await site.serve({"sub/data:x/a": b""})
    await site.distribute("team/app", None)

    answer = await site.get(path)

    assert (answer.status, answer.headers["location"]) == (307, location)


async def test_topmost_folder_lists_base_paths(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for base_path in ("team/app", "team/lib/one", "team-x", "zoo", "abc"):
        await site.distribute(base_path, None)

    assert await names(site, "") == ["abc/", "team-x/", "team/", "zoo/"]
    assert await names(site, "team/") == ["app/", "lib/"]
    assert '<a href="../">' not in (await site.get("")).body.decode()
    assert '<a href="../">' in (await site.get("team/")).body.decode()

    monkeypatch.setattr("headbox.content_app.app.PAGE_ENTRIES", 1)
    assert await all_pages(site, "") == [["abc/"], ["team-x/"], ["team/"], ["zoo/"]]


async def test_topmost_folder_may_be_empty(site: Site) -> None:
    assert (await site.get("")).status == 200
    assert b"This folder is empty" in (await site.get("")).body
    assert (await site.get("none/")).status == 404


async def test_published_version_may_be_empty(site: Site) -> None:
    await site.serve({})

    assert (await site.get("shelf/")).status == 200
    assert (await site.get("shelf/none/")).status == 404


async def test_size_is_shown_as_unknown_until_it_is_known(site: Site) -> None:
    await site.serve_on_demand("book.txt", urls=[])

    assert b"<td>unknown</td>" in (await site.get("shelf/")).body
    assert json.loads((await site.get("shelf/?format=json")).body)["entries"][0]["size"] is None


def test_sizes_are_in_the_unit_that_people_would_use() -> None:
    sizes = [0, 1023, 1024, 1536, 1024**2 - 1, 1024**2, 5 * 1024**3, 3 * 1024**4, 5000 * 1024**4]

    assert [listing.human_size(size) for size in sizes] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 KiB",
        "1.0 MiB",
        "1.0 MiB",
        "5.0 GiB",
        "3.0 TiB",
        "5000.0 TiB",
    ]
