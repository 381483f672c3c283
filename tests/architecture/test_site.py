"""The documentation site: it builds without a warning, is whole, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from graphql import build_schema, is_introspection_type, is_specified_scalar_type

ROOT = Path(__file__).parents[2]
#: Attributes that make a browser fetch something by itself, by the element that has them.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "srcset"}
#: Of a `link`: what leads somewhere, and is not fetched.
ONLY_NAMED = {"canonical", "next", "prev", "alternate"}
#: Shown at any depth, so it links from the root of the site.
NOT_FOUND = "404.html"

_ELSEWHERE = re.compile(r"(https?:)?//")
_STYLE_FROM_ELSEWHERE = re.compile(r"(@import|url\()\s*[\"']?(https?:)?//")


class _Page(HTMLParser):
    """The anchors of a page, what it links to, and what it has a browser fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if FETCHED.get(tag, "") in values and values.get("rel") not in ONLY_NAMED:
            self.fetched.add(values[FETCHED[tag]])


def test_site_builds_without_a_warning_and_is_whole(tmp_path: Path) -> None:
    """One test, because the site is built once for it."""
    build(tmp_path)
    pages = {path: _Page(path.read_text()) for path in sorted(tmp_path.rglob("*.html")) if path.name != NOT_FOUND}

    assert broken_links(pages) == []
    assert pages_without_a_link(pages, tmp_path / "index.html") == []
    assert anchors_that_are_there_twice(pages) == []
    assert loaded_from_elsewhere(tmp_path, pages) == []
    assert missing_in_the_reference(pages) == []


def build(folder: Path) -> None:
    """Build the site as `make docs` does."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100)
    # Not with --quiet, which hides warnings from --strict too.
    assert done.returncode == 0, done.stderr


def broken_links(pages: dict[Path, _Page]) -> list[str]:
    return [
        f"{path.name}: {link}"
        for path, page in pages.items()
        for link in sorted(page.links)
        if not _ELSEWHERE.match(link) and not leads_somewhere(path, link, pages)
    ]


def leads_somewhere(path: Path, link: str, pages: dict[Path, _Page]) -> bool:
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    return target.is_file() and (not anchor or target not in pages or anchor in {*pages[target].ids, "__top"})


def pages_without_a_link(pages: dict[Path, _Page], index: Path) -> list[str]:
    """Return the pages that the navigation leaves out: each page shows all of it."""
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in pages[index].links}
    return [path.name for path in pages if path not in linked]


def anchors_that_are_there_twice(pages: dict[Path, _Page]) -> list[str]:
    return [f"{path.name}#{each}" for path, page in pages.items() for each, n in Counter(page.ids).items() if n > 1]


def loaded_from_elsewhere(site: Path, pages: dict[Path, _Page]) -> list[str]:
    by_pages = {each for page in pages.values() for each in page.fetched if _ELSEWHERE.match(each)}
    by_styles = {style.name for style in site.rglob("*.css") if _STYLE_FROM_ELSEWHERE.search(style.read_text())}
    return sorted(by_pages | by_styles)


def missing_in_the_reference(pages: dict[Path, _Page]) -> list[str]:
    """Return the types and operations of the schema that have no place in the reference."""
    schema = build_schema((ROOT / "schema.graphql").read_text())
    roots = [root for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root is not None]
    told = {each for path, page in pages.items() if path.parent.name == "graphql" for each in page.ids}
    types = [
        name
        for name, type_ in schema.type_map.items()
        if not (type_ in roots or is_introspection_type(type_) or is_specified_scalar_type(type_))
    ]
    operations = [
        f"subscription-{name}" if root is schema.subscription_type else name for root in roots for name in root.fields
    ]
    return [name for name in [*types, *operations] if name not in told]
