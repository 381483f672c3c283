"""What those who keep a server do with the console: what is served where, and what the server does by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import FILES
from tests.browser.visitor import Visitor
from tests.support.client import create_mirror, finished
from tests.support.receiver import Receiver
from tests.support.server import HeadboxServer
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]

#: A name that turns text around, looks like markup, and is long.
AWKWARD = "שלום <b>bold</b> " + "long" * 50


@pytest.fixture(scope="module", autouse=True)
def mirror(site: HeadboxServer, remote: Upstream) -> None:
    """Serve a mirror."""
    created = create_mirror(site, remote.url_of("PULP_MANIFEST"), "tools/stable", sync=True)
    finished(site, created["task"]["id"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def section(visitor: Visitor, title: str) -> Locator:
    return visitor.page.locator("section", has=visitor.page.get_by_role("heading", name=title, exact=True))


async def test_distribution_tells_how_clients_are_pointed_at_it(visitor: Visitor, site: HeadboxServer) -> None:
    await visitor.go("distributions")
    await expect(visitor.link("Browse tools/stable")).to_have_attribute("href", f"{site.url}/content/tools/stable/")
    await visitor.link("tools/stable").first.click()

    clients = section(visitor, "Point clients at it")
    await expect(clients).to_contain_text(f"{site.url}/content/tools/stable/PULP_MANIFEST")
    await visitor.button("Show").click()
    await visitor.button("What was there before").click()
    await expect(section(visitor, "What was served")).to_contain_text("Nothing was served there at")


async def test_version_is_served_at_another_place(visitor: Visitor, site: HeadboxServer) -> None:
    await visitor.go("distributions/new")
    await visitor.field("Served below /content/").fill("tools/stable/below")
    await visitor.page.get_by_label("It follows").select_option("One version, whatever comes after it")
    await visitor.choose("Repository", "tools/stable")
    await visitor.button("Create").click()
    await expect(visitor.page.get_by_text("Choose one.")).to_be_visible()
    await visitor.page.get_by_label("Version").select_option(index=1)
    await visitor.button("Create").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("tools/stable")
    await visitor.field("Served below /content/").fill("tools/pinned")
    await visitor.button("Create").click()

    await expect(visitor.heading("tools/pinned")).to_be_visible()
    path, body = next(iter(FILES.items()))
    assert site.get(f"/content/tools/pinned/{path}").content == body
    await visitor.button("Delete").click()
    await visitor.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(visitor.heading("Distributions")).to_be_visible()
    assert site.get(f"/content/tools/pinned/{path}").status_code == 404


async def test_overview_tells_how_the_server_is_doing(visitor: Visitor) -> None:
    await visitor.go("system")

    await expect(section(visitor, "Components")).to_contain_text("All work.")
    await expect(section(visitor, "Storage")).to_contain_text("files")
    await expect(section(visitor, "Workers")).to_contain_text("Online")
    await expect(section(visitor, "Queues").get_by_role("img")).to_have_accessible_name(re.compile("[1-9] completed"))


async def test_upkeep_is_looked_at_before_it_starts(visitor: Visitor) -> None:
    await visitor.go("system/storage")
    garbage, repair = section(visitor, "Garbage collection"), section(visitor, "Repair")
    await garbage.get_by_role("button", name="Look first").click()
    await expect(garbage.get_by_role("group", name="What it would come to")).to_contain_text("Freed bytes")
    await repair.get_by_role("button", name="Look first").click()
    await expect(repair.get_by_role("group", name="What it would come to")).to_contain_text("Completed")

    await repair.get_by_role("button", name="Start repair").click()
    await visitor.page.get_by_role("dialog").get_by_role("button", name="Start it").click()

    await expect(visitor.heading("Core repair")).to_contain_text("Completed")


async def test_schedule_is_made_paused_and_run(visitor: Visitor) -> None:
    await visitor.go("system/schedules/new")
    await visitor.field("Name").fill(AWKWARD)
    await visitor.page.get_by_label("How often").select_option("Every hour")
    await expect(visitor.page.get_by_text("Due next").locator("~ ul").get_by_role("listitem")).to_have_count(5)
    await visitor.page.get_by_label("Task").select_option("File sync")
    await visitor.button("Create").click()
    await expect(visitor.page.get_by_text("It is needed.")).to_be_visible()
    await visitor.choose("Repository", "tools/stable")
    await visitor.button("Create").click()

    runs = section(visitor, "Runs")
    await expect(runs).to_contain_text("in ")
    await visitor.button("Pause").click()
    await expect(runs).to_contain_text("Paused")
    await visitor.field("Cron expression").fill("no cron")
    await expect(visitor.page.get_by_text("cron is not valid")).to_be_visible()
    await visitor.button("Save").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("cron")
    await visitor.button("Resume").click()
    await expect(visitor.page.get_by_text("It was changed since this form was begun")).to_be_visible()
    await visitor.button("Begin again with what is there now").click()
    await expect(visitor.field("Cron expression")).to_have_value("0 * * * *")
    await visitor.field("Time zone").fill("Europe/Berlin")
    await visitor.button("Save").click()
    await expect(visitor.button("Save")).to_be_disabled()
    await visitor.button("Run now").click()
    await expect(visitor.heading("File sync")).to_contain_text("Completed")


async def test_webhook_is_tested_and_what_it_was_told_is_sent_again(visitor: Visitor, receiver: Receiver) -> None:
    await visitor.go("system/webhooks/new")
    await visitor.field("Name").fill("chat")
    await visitor.field("URL").fill(receiver.hook)
    await visitor.page.get_by_text("Only some tasks").click()
    await visitor.page.get_by_label("Failed").check()
    await visitor.button("Create").click()
    secret = await visitor.page.get_by_label("Secret", exact=True).inner_text()
    await visitor.link("To the webhook").click()
    await visitor.button("Test").click()

    deliveries = section(visitor, "Deliveries")
    await expect(deliveries).to_contain_text("Delivered")
    await deliveries.get_by_role("button", name="Send again").click()
    await expect(deliveries).to_contain_text("2 tries, answered 200")
    assert [message.type for message in receiver.messages] == ["ping", "ping"]
    assert all(message.is_signed_with(secret) for message in receiver.messages)
    assert secret not in await visitor.page.content()
    await visitor.button("Pause").click()
    await expect(section(visitor, "State")).to_contain_text("Paused")
    await visitor.page.get_by_text("Only some tasks").click()
    await expect(visitor.page.get_by_label("Failed")).to_be_checked()
    await expect(visitor.button("Save")).to_be_disabled()
