"""Kinds of a plugin that the console has never heard of: that of the tutorial."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.visitor import visiting
from tests.support.tutorial import read_tutorial
from tests.support.tutorial_server import Installed, serving
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]


async def test_plugin_has_its_own_forms_and_columns(browser: Browser, tmp_path: Path) -> None:
    installed = Installed.of(read_tutorial(), tmp_path)
    things = json.loads(installed.tutorial.listing)["things"]
    files = {artifact["path"]: artifact["path"].encode() for thing in things for artifact in thing["artifacts"]}
    with (
        Upstream({"things.json": installed.tutorial.listing.encode(), **files}) as upstream,
        serving(installed, tmp_path) as url,
    ):
        async with visiting(browser, url) as visitor:
            page = visitor.page
            await visitor.go("new")
            await page.get_by_label("Format").select_option("Thing")
            await visitor.field("URL").fill(upstream.url_of("things.json"))
            await visitor.field("Name").fill("things")
            await page.get_by_text("More options").last.click()
            await visitor.field("Index").fill("index.json")
            await visitor.button("Create and sync now").click()

            await expect(visitor.heading("Thing sync")).to_contain_text("Completed")
            await expect(page.get_by_text("Index: index.json")).to_be_visible()
            await visitor.link("things").first.click()
            await visitor.page.get_by_role("navigation", name="Parts").get_by_role("link", name="Content").click()
            for column in ("Name", "Version"):
                await expect(page.get_by_role("columnheader", name=column)).to_be_visible()
            await expect(page.get_by_role("cell", name=things[0]["name"], exact=True).first).to_be_visible()
