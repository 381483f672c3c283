"""What MkDocs does beyond its own while it builds the documentation site; `mkdocs.yml` names this module.

- The GraphQL reference is made from `schema.graphql`.
- A link from a page to a file outside of `docs/` leads to a copy of that file within the site.
- A picture in SVG becomes part of its page, so that it has the colours that the reader chose.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.graphql_reference import operations, reference_pages

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "schema.graphql"
GRAPHQL_PAGES = "reference/graphql"
#: Stands in the overview of the GraphQL reference, where the lists of operations and types go.
OPERATIONS = "<!-- operations -->"
#: Where the site has copies of files that lie outside of `docs/`.
SOURCES = "source"

_LINK = re.compile(r"(?<=\]\()(?P<path>(?:\.\./)+[^)#\s]+)(?=[)#])")
_PICTURE = re.compile(r'<img alt="(?P<alt>[^"]*)" src="(?P<src>[^":]+\.svg)"\s*/?>')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the GraphQL reference, and copies of the files outside of `docs/` that pages link to."""
    for name, text in reference_pages(SCHEMA.read_text()).items():
        files.append(File.generated(config, f"{GRAPHQL_PAGES}/{name}", content=text))
    for page in list(files.documentation_pages()):
        for path in _paths_outside(page.content_string, page.src_uri):
            copy = f"{SOURCES}/{path}"
            if files.get_file_from_path(copy) is None and (ROOT / path).is_file():
                files.append(File.generated(config, copy, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the lists of operations into their page, and turn links that leave `docs/` to the copies."""
    if OPERATIONS in markdown:
        markdown = markdown.replace(OPERATIONS, operations(SCHEMA.read_text()))
    uri = page.file.src_uri

    def to_copy(link: re.Match[str]) -> str:
        path = _path_outside(link["path"], uri)
        return posixpath.relpath(f"{SOURCES}/{path}", posixpath.dirname(uri)) if path else link["path"]

    return _LINK.sub(to_copy, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put pictures in SVG into the page itself."""

    def inlined(image: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.dest_uri), unescape(image["src"])))
        file = files.get_file_from_path(path)
        assert file is not None, f"MkDocs has let {page.file.src_uri} show {path}, which is not there"
        svg = file.content_string.strip().replace("<svg ", f'<svg role="img" aria-label="{image["alt"]}" ', 1)
        return f'<span class="picture-frame">{svg}</span>'

    return _PICTURE.sub(inlined, html)


def _paths_outside(markdown: str, uri: str) -> Iterator[str]:
    """Yield the paths, from the root of the repository, of what a page links to outside of `docs/`."""
    for link in _LINK.finditer(markdown):
        path = _path_outside(link["path"], uri)
        if path:
            yield path


def _path_outside(link: str, uri: str) -> str:
    """Return the path, from the root of the repository, that a link leads to; empty for one that stays in `docs/`."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(uri), link))
    return "" if path.startswith(("docs/", "../")) else path
