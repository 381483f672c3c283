"""What people do with the console, from beginning to end."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.conftest import FILES
from tests.browser.visitor import Visitor, visiting
from tests.support.client import create_mirror, finished, sync
from tests.support.mirror import serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Held, Upstream

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]

MANIFEST = "PULP_MANIFEST"
#: Which of an upload's requests finds no server.
CUT_AT = 2
#: The first load is to come quickly over slow lines: all that is fetched before *Now* stands, compressed.
MOST_BYTES_AT_FIRST = 200_000


async def fill_in(visitor: Visitor, remote: Upstream, name: str) -> None:
    await visitor.go()
    await visitor.link("New mirror").click()
    await visitor.field("URL").fill(remote.url_of(MANIFEST))
    await visitor.field("Name").fill(name)


async def test_new_mirror_to_served_file(visitor: Visitor, site: HeadboxServer, remote: Upstream) -> None:
    await fill_in(visitor, remote, "mirror")
    await visitor.button("Create and sync now").click()

    await expect(visitor.heading("File sync")).to_contain_text("Completed")
    path, body = next(iter(FILES.items()))
    assert site.get(f"/content/mirror/{path}").content == body
    await visitor.link("mirror", exact=True).first.click()
    await expect(visitor.heading("mirror")).to_be_visible()


async def test_plan_before_the_first_sync(visitor: Visitor, site: HeadboxServer, remote: Upstream) -> None:
    await fill_in(visitor, remote, "planned")
    await visitor.button("Create, and plan the first sync").click()

    plan = visitor.page.locator("section", has=visitor.heading("The plan"))
    await expect(plan).to_contain_text(f"{len(FILES)}")
    assert site.get("/content/planned/").status_code == 404
    await visitor.button("Sync just that").click()

    await expect(visitor.heading("File sync")).to_contain_text("Completed")
    assert site.get("/content/planned/").status_code == 200


async def test_form_is_checked_as_one_types(visitor: Visitor, site: HeadboxServer, remote: Upstream) -> None:
    create_mirror(site, remote.url_of(MANIFEST), "there")
    await visitor.go("new")

    await visitor.field("URL").fill("nonsense")
    await expect(visitor.page.get_by_text("It is an address that begins with")).to_be_visible()
    await visitor.field("URL").fill(remote.url_of(MANIFEST))
    await visitor.field("Name").fill("there")
    await expect(visitor.page.get_by_text("Another repository has this name.")).to_be_visible()
    await visitor.field("Served below /content/").fill("a b")
    await expect(visitor.page.get_by_text("It has letters, digits")).to_be_visible()
    await visitor.button("Create and sync now").click()
    await expect(visitor.field("Name")).to_be_focused()


async def test_task_of_another_client_is_watched_and_canceled(
    browser: Browser, visitor: Visitor, site: HeadboxServer, remote: Upstream
) -> None:
    async with visiting(browser, site.url) as other:
        await visitor.go()
        await other.go()
        created = create_mirror(site, remote.url_of(MANIFEST), "watched")["repository"]["id"]
        held = Held()
        files = {**FILES, "held.bin": b"x" * 10_000}
        serve(remote, files)
        remote.fault("held.bin", held)
        try:
            task = sync(site, created)["id"]
            for each in (visitor, other):
                row = each.page.locator(".row-running", has_text="watched")
                await expect(row.get_by_role("progressbar")).to_be_visible()
            second = sync(site, created)["id"]
            await expect(visitor.page.locator(".row", has_text="Waits for File sync")).to_be_visible()
            await other.go(f"tasks/{second}")
            await expect(other.page.locator("section", has=other.heading("Blocked by"))).to_contain_text("File sync")

            await visitor.page.locator(".row-running", has_text="watched").get_by_role("link").click()
            await expect(visitor.heading("File sync")).to_contain_text("Running")
            await visitor.button("Cancel").click()
            await expect(visitor.heading("File sync")).to_contain_text("Canceled")
            assert finished(site, task)["state"] == "CANCELED"
            # Nothing is before the second any more.
            await expect(other.heading("File sync")).to_contain_text("Running")
        finally:
            held.release()
        await expect(other.heading("File sync")).to_contain_text("Completed")
        serve(remote, FILES)


async def test_server_that_is_away_is_told_and_comes_back(
    visitor: Visitor, site: HeadboxServer, remote: Upstream
) -> None:
    await visitor.go()
    await expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()

    site.kill()
    await expect(visitor.page.get_by_text("The server does not answer.")).to_be_visible()
    site.start()
    await expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()

    # The page goes on where it was, with what others do since.
    task = create_mirror(site, remote.url_of(MANIFEST), "after", sync=True)["task"]["id"]
    finished(site, task)
    await expect(visitor.page.locator("section", has=visitor.heading("Ended last"))).to_contain_text("after")
    visitor.forgive_absence()


async def test_upload_that_is_cut_in_the_middle_goes_on(
    visitor: Visitor, site: HeadboxServer, remote: Upstream, tmp_path: Path
) -> None:
    create_mirror(site, remote.url_of(MANIFEST), "builds")
    file = tmp_path / "build.bin"
    file.write_bytes(random.Random(8).randbytes(20 * 1024 * 1024))
    offsets: list[int] = []

    async def cut(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) == CUT_AT:
                site.kill()
        await route.continue_()

    await visitor.page.route("**/uploads/*", cut)
    await visitor.go("upload")
    await visitor.choose("Repository", "builds")
    await visitor.give(file)
    await expect(visitor.page.get_by_text("Cut: goes on")).to_be_visible()
    site.start()

    await expect(visitor.page.get_by_text("Done")).to_be_visible()
    # It began once, and went on where it was cut.
    assert offsets.count(0) == 1
    # Whoever looks elsewhere meanwhile finds it again.
    await visitor.link("Now").click()
    await visitor.link("Upload").click()
    await visitor.link("The task that adds it").click()
    await expect(visitor.heading("File add")).to_contain_text("Completed")
    assert site.get("/content/builds/build.bin").content == file.read_bytes()
    visitor.forgive_absence()

    # Bytes that are there are not sent again.
    await visitor.go("upload")
    await expect(visitor.button("Choose files")).to_be_disabled()
    await visitor.choose("Repository", "builds")
    await visitor.page.get_by_label("Folder in it").fill("again")
    await visitor.give(file)
    await expect(visitor.page.get_by_text("Done: the bytes were there")).to_be_visible()


async def test_settings_are_changed_by_two_and_nothing_is_lost(
    visitor: Visitor, other_visitor: Visitor, site: HeadboxServer, remote: Upstream
) -> None:
    repository = create_mirror(site, remote.url_of(MANIFEST), "shared")["repository"]["id"]
    for each in (visitor, other_visitor):
        await each.go(f"repositories/{repository}/settings")
        await expect(each.field("Description")).to_be_visible()

    await visitor.field("Description").fill("Of one.")
    await visitor.page.get_by_role("button", name="Save").first.click()
    await expect(visitor.page.get_by_text("Saved.")).to_be_visible()
    await other_visitor.field("Description").fill("Of the other.")
    await other_visitor.page.get_by_role("button", name="Save").first.click()

    await expect(other_visitor.page.get_by_role("alert")).to_contain_text("REVISION_CONFLICT")
    await other_visitor.page.reload()
    await expect(other_visitor.field("Description")).to_have_value("Of one.")


async def test_roll_back_is_asked_once_more_and_done(visitor: Visitor, site: HeadboxServer, remote: Upstream) -> None:
    created = create_mirror(site, remote.url_of(MANIFEST), "rolled", sync=True)
    finished(site, created["task"]["id"])
    await visitor.go(f"repositories/{created['repository']['id']}")

    await visitor.button("Roll back").click()
    await visitor.page.get_by_role("dialog").get_by_role("button", name="Roll back").click()

    await expect(visitor.heading("File copy").or_(visitor.heading("File add"))).to_contain_text("Completed")
    await visitor.link("rolled", exact=True).first.click()
    await expect(visitor.heading("Version 2")).to_be_visible()


async def test_first_load_is_small(visitor: Visitor) -> None:
    await visitor.go()
    await visitor.page.wait_for_load_state("load")

    fetched: int = await visitor.page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .filter(({ name }) => new URL(name).pathname.startsWith("/console/"))
            .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
    )

    assert 10_000 < fetched < MOST_BYTES_AT_FIRST


async def test_document_behind_a_page_opens_in_graphiql(visitor: Visitor) -> None:
    await visitor.go()
    await visitor.page.get_by_text("GraphQL behind this page").click()
    async with visitor.page.expect_popup() as opened:
        await visitor.link("Open in GraphiQL").last.click()

    graphiql = await opened.value
    await expect(graphiql.locator(".graphiql-query-editor")).to_contain_text("query Now")
