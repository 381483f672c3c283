"""How the server gives the console out."""

from __future__ import annotations

import re

import httpx2
import pytest

from headbox.app import console
from tests.support.server import HeadboxServer

pytestmark = pytest.mark.embedded


@pytest.mark.parametrize("address", ["", "tasks/any", "repositories/x/content?version=3", "no/such/page"])
def test_every_address_has_the_page(site: HeadboxServer, address: str) -> None:
    answer = site.get(f"/console/{address}")

    assert answer.status_code == 200
    assert answer.text == (console.FOLDER / "index.html").read_text(encoding="utf-8")
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_assets_are_kept_for_ever_and_compressed(site: HeadboxServer) -> None:
    paths = re.findall(r'(?:src|href)="(/console/assets/[^"]+\.(?:js|css))"', site.get("/console/").text)

    assert paths
    for path in paths:
        answer = site.get(path)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers.get("Content-Encoding") == "gzip" or int(answer.headers["Content-Length"]) < 1024


@pytest.mark.parametrize("path", ["gone-0a1b2c3d.js", "..%2F..%2F..%2Fapp%2Fconsole.py", ""])
def test_assets_that_are_not_there_are_not_the_page(site: HeadboxServer, path: str) -> None:
    assert site.get(f"/console/assets/{path}").status_code == 404


def test_top_leads_to_the_console(site: HeadboxServer) -> None:
    for path in ("/", "/console"):
        answer = httpx2.get(f"{site.url}{path}", follow_redirects=False)

        assert (answer.status_code, answer.headers["Location"].removeprefix(site.url)) == (307, "/console/")
