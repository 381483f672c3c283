"""Every page: open to everybody (WCAG 2.2 AA, by axe), in light and dark, as wide as a phone, and linked deeply.

With HEADBOX_TEST_SCREENSHOTS set to a folder, pictures of them are put there: see `make screenshots`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.support.client import create_mirror, finished, sync
from tests.support.mirror import serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Held, Upstream
from tests.support.waiting import wait_until
from tools.node import ROOT

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: Where pictures go; none are taken when it is not set.
PICTURES = os.environ.get("HEADBOX_TEST_SCREENSHOTS")
#: Of which pages they are taken.
PICTURED = (
    *("now", "task-running", "new-mirror", "plan", "repositories", "versions", "content", "differences"),
    *("settings", "upload", "distributions", "system"),
)
#: A name that is long, turns around, and looks like markup.
AWKWARD = "שלום <b>bold</b> " + "long" * 50


@dataclass(frozen=True)
class Places:
    """Ids that addresses have in them."""

    repository: str
    done: str
    running: str
    failed: str
    distribution: str
    schedule: str
    webhook: str


#: Name of the picture, address, and what the page has once it is whole.
PAGES = {
    "now": ("", "packages-stable"),
    "tasks": ("tasks?state=FAILED", "gone/PULP_MANIFEST"),
    "task-running": ("tasks/{running}", "What it was given"),
    "task-failed": ("tasks/{failed}", "What it was given"),
    "task-done": ("tasks/{done}", "What it was given"),
    "new-mirror": ("new", "Create and sync now"),
    "repositories": ("repositories", "packages-stable"),
    "versions": ("repositories/{repository}", "Version 3"),
    "content": ("repositories/{repository}/content", "tool-"),
    "differences": ("repositories/{repository}/differences", "added"),
    "plan": ("repositories/{repository}/sync", "Would come in"),
    "publish": ("repositories/{repository}/publish", "Distributable"),
    "copy": ("repositories/{repository}/copy", "Source"),
    "settings": ("repositories/{repository}/settings", "Delete the repository"),
    "upload": ("upload?repository={repository}", "Drop files here"),
    "distributions": ("distributions", "packages-stable"),
    "distribution": ("distributions/{distribution}", "wget"),
    "new-distribution": ("distributions/new", "It follows"),
    "system": ("system", "Components"),
    "storage": ("system/storage", "Garbage collection"),
    "schedules": ("system/schedules", "Every night"),
    "schedule": ("system/schedules/{schedule}", "Run now"),
    "new-schedule": ("system/schedules/new", "How often"),
    "webhooks": ("system/webhooks", "chat"),
    "webhook": ("system/webhooks/{webhook}", "Deliveries"),
    "new-webhook": ("system/webhooks/new", "Repository version created"),
    "not-found": ("no/such/page", "No such page"),
    "gone-task": ("tasks/VGFzazox", "No such task"),
}


def packages(number: int) -> dict[str, bytes]:
    return {
        f"packages/{i % 26 + 97:c}/tool-{i:03}.tar.gz": f"tool {i}\n".encode() * (i % 70 + 1) for i in range(number)
    }


@pytest.fixture(scope="module")
def places(site: HeadboxServer, remote: Upstream) -> Iterator[Places]:
    """A server with something of everything: versions, a failure, a task that runs and one that waits for it."""
    serve(remote, packages(180))
    url = remote.url_of("PULP_MANIFEST")
    created = create_mirror(site, url, "packages-stable", sync=True)
    repository = created["repository"]["id"]
    done = created["task"]["id"]
    finished(site, done)
    for number in (160, 240):
        serve(remote, packages(number))
        done = sync(site, repository)["id"]
        finished(site, done)
    failed = create_mirror(site, remote.url_of("gone/PULP_MANIFEST"), "packages-testing", sync=True)["task"]["id"]
    finished(site, failed)
    if not PICTURES:
        create_mirror(site, url, "awkward", name=AWKWARD)
    busy = create_mirror(site, url, "packages-nightly")["repository"]["id"]
    serve(remote, {**packages(320), "packages/large.iso": b"x" * 300_000})
    held = Held()
    remote.fault("packages/large.iso", held)
    try:
        running = sync(site, busy)["id"]
        sync(site, busy)
        wait_until(lambda: remote.hits("packages/large.iso"))
        yield Places(repository, done, running, failed, **kept(site, repository))
    finally:
        held.release()
        finished(site, running)


def kept(site: HeadboxServer, repository: str) -> dict[str, str]:
    """Make what a server is kept with, one webhook under an awkward name, and return the ids of the others."""
    made = site.query(
        """
        mutation Make($schedule: CreateScheduleInput!, $webhook: CreateWebhookInput!, $other: CreateWebhookInput!) {
          createSchedule(input: $schedule) { schedule { id } }
          createWebhook(input: $webhook) { webhook { id } }
          other: createWebhook(input: $other) { webhook { id } }
        }
        """,
        {
            "schedule": {"name": "Every night", "cron": "30 3 * * *", "task": {"fileSync": {"repository": repository}}},
            "webhook": {"name": "chat", "url": "https://chat.example/hooks/headbox", "repository": repository},
            "other": {"name": AWKWARD, "url": f"https://chat.example/{'long' * 100}"},
        },
    )
    served = site.query('{ distribution(basePath: "packages-stable") { id } }')
    return {
        "distribution": served["distribution"]["id"],
        "schedule": made["createSchedule"]["schedule"]["id"],
        "webhook": made["createWebhook"]["webhook"]["id"],
    }


@pytest.fixture(scope="module")
def axe() -> str:
    return AXE.read_text(encoding="utf-8")


async def violations(visitor: Visitor, **options: Any) -> list[str]:
    found = await visitor.page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {node['html']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


async def picture(visitor: Visitor, name: str, scheme: str) -> None:
    if PICTURES and name in PICTURED:
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        await visitor.page.screenshot(path=folder / f"{name}-{scheme}.png")


async def faults(visitor: Visitor, name: str) -> list[str]:
    """Go through a page in light, in dark, and on a phone, and return what is wrong with it."""
    page = visitor.page
    await picture(visitor, name, "light")
    found = await violations(visitor, runOnly=TAGS)
    await page.emulate_media(color_scheme="dark")
    await picture(visitor, name, "dark")
    found += await violations(visitor, runOnly=["color-contrast"])
    await page.set_viewport_size(PHONE)
    width = await page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        found.append(f"it is {width} pixels wide on a phone")
    await page.set_viewport_size(DESKTOP)
    await page.emulate_media(color_scheme="light")
    return [f"{name}: {fault}" for fault in found]


# One test for all: what they show takes longer to make than to look at.
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_pages_are_open_to_everybody(visitor: Visitor, places: Places, axe: str) -> None:
    found: list[str] = []
    for name, (address, whole) in PAGES.items():
        await visitor.go(address.format(**vars(places)))
        await expect(visitor.page.locator("main")).to_contain_text(whole)
        await visitor.page.evaluate(axe)
        found += await faults(visitor, name)

    assert found == []


async def test_back_leads_back(visitor: Visitor, site: HeadboxServer, places: Places) -> None:
    await visitor.go()
    await visitor.link("Repositories").click()
    search = visitor.page.get_by_label("Name begins with")
    await search.fill("packages-s")
    await expect(visitor.page).to_have_url(f"{site.url}/console/repositories?name=packages-s")
    await visitor.link("packages-stable").first.click()
    await visitor.page.get_by_role("navigation", name="Parts").get_by_role("link", name="Content").click()
    await expect(visitor.heading("Content of version")).to_be_visible()

    for _ in range(2):
        await visitor.page.go_back()
    await expect(search).to_have_value("packages-s")
    await visitor.page.go_back()

    await expect(visitor.heading("Now")).to_be_visible()


async def test_keyboard_alone_reaches_the_content(visitor: Visitor) -> None:
    await visitor.go()

    await visitor.page.keyboard.press("Tab")
    await expect(visitor.link("Skip to the content")).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await visitor.page.keyboard.press("Tab")

    await expect(visitor.link("New mirror")).to_be_focused()


async def test_chosen_colours_are_kept(visitor: Visitor) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    await visitor.go()
    light = await visitor.page.evaluate(colour)

    switch = visitor.page.get_by_role("button", name="Colours")
    await switch.click()
    await switch.click()
    await visitor.page.reload()
    await visitor.heading("Now").wait_for()

    assert await visitor.page.evaluate(colour) != light
