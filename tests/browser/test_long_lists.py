"""A list is as long as it likes: what is far away is not kept."""

from __future__ import annotations

import hashlib
import re

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.client import completed, create_mirror, unrefused
from tests.support.mirror import serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]

UNITS = 1_500
#: Rows that the page has at a time, whatever the list.
MOST_ROWS = 80
#: One more than the page shows at first.
VERSIONS = 51
ROLL_BACK = """
    mutation RollBack($id: ID!) {
      rollbackRepository(input: { repositoryVersion: $id }) { task { id } errors { code message path hint } }
    }
"""


async def test_list_is_scrolled_to_its_end_and_back(visitor: Visitor, site: HeadboxServer, remote: Upstream) -> None:
    lines = (f"file-{i:05},{hashlib.sha256(b'%d' % i).hexdigest()},{i + 1}" for i in range(UNITS))
    remote.files["PULP_MANIFEST"] = "\n".join(lines).encode()
    source = {"create": {"name": "long", "url": remote.url_of("PULP_MANIFEST"), "policy": "ON_DEMAND"}}
    created = create_mirror(site, remote.url, "long", remote=source, sync=True)
    completed(site, created["task"]["id"])
    page = visitor.page
    await visitor.go(f"repositories/{created['repository']['id']}/content")
    box = page.get_by_role("rowgroup", name="Content units, rows")
    top = box.get_by_role("cell").first
    first = await top.inner_text()

    end = page.get_by_text(f"All {UNITS:,} are here")
    while not await end.is_visible():
        await box.evaluate("box => { box.scrollTop = box.scrollHeight }")
        await page.wait_for_timeout(20)
    # The last rows have come since.
    await box.evaluate("box => { box.scrollTop = box.scrollHeight }")

    await expect(box.locator(f"[aria-rowindex='{UNITS + 1}']")).to_contain_text("file-")
    assert await box.get_by_role("row").count() < MOST_ROWS
    await box.evaluate("box => { box.scrollTop = 0 }")
    # The first rows were forgotten by now, and are asked for again.
    await expect(top).to_have_text(first)

    await page.get_by_label("Path begins with").fill("file-0149")
    await expect(page.get_by_text("All 10 are here")).to_be_visible()
    await expect(page).to_have_url(
        f"{site.url}/console/repositories/{created['repository']['id']}/content?path=file-0149"
    )


async def test_versions_begin_with_the_latest_and_go_on_to_the_first(
    visitor: Visitor, site: HeadboxServer, remote: Upstream
) -> None:
    serve(remote, {"file": b"x"})
    created = create_mirror(site, remote.url_of("PULP_MANIFEST"), "versions", automation="NONE", sync=True)
    completed(site, created["task"]["id"])
    found = site.query(
        "query($id: ID!) { node(id: $id) { ... on Repository { versions { edges { node { id } } } } } }",
        {"id": created["repository"]["id"]},
    )
    one, zero = (edge["node"]["id"] for edge in found["node"]["versions"]["edges"])
    answers = [site.query(ROLL_BACK, {"id": one if index % 2 else zero}) for index in range(VERSIONS - 2)]
    completed(site, unrefused(answers[-1]["rollbackRepository"])["task"]["id"])

    await visitor.go(f"repositories/{created['repository']['id']}")
    names = visitor.page.get_by_role("heading", name=re.compile("^Version [0-9]+$"))
    await expect(names.first).to_have_text(f"Version {VERSIONS - 1}")
    await visitor.button("Show more").click()

    await expect(names).to_have_count(VERSIONS)
    await expect(names.last).to_have_text("Version 0")
