"""What those who keep a server do with the console: what is served where, and what the server does by itself."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import FILES
from tests.browser.visitor import Visitor
from tests.support.client import create_mirror, finished
from tests.support.server import HeadboxServer
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module", autouse=True)
def mirror(site: HeadboxServer, remote: Upstream) -> str:
    """Serve a mirror, and return the id of its repository."""
    created = create_mirror(site, remote.url_of("PULP_MANIFEST"), "tools/stable", sync=True)
    finished(site, created["task"]["id"])
    repository: str = created["repository"]["id"]
    return repository


async def test_distribution_tells_how_clients_are_pointed_at_it(visitor: Visitor, site: HeadboxServer) -> None:
    await visitor.go("distributions")
    await expect(visitor.link("Browse tools/stable")).to_have_attribute("href", f"{site.url}/content/tools/stable/")
    await visitor.link("tools/stable").first.click()

    clients = visitor.page.locator("section", has=visitor.heading("Point clients at it"))
    await expect(clients).to_contain_text(f"{site.url}/content/tools/stable/PULP_MANIFEST")


async def test_overview_tells_how_the_server_is_doing(visitor: Visitor) -> None:
    await visitor.go("system")

    await expect(visitor.page.locator("section", has=visitor.heading("Components"))).to_contain_text("All work.")
    await expect(visitor.page.locator("section", has=visitor.heading("Storage"))).to_contain_text(
        f"{len(FILES) + 1} files"
    )
    await expect(visitor.page.locator("section", has=visitor.heading("Workers"))).to_contain_text("Online")
