"""GraphiQL as a browser shows it, with nothing from anywhere but the server under test."""

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import launch_chromium
from tests.support.installation import Installations
from tests.support.server import HeadboxServer

pytestmark = pytest.mark.embedded

EXECUTE = ".graphiql-execute-button"
RESPONSE = ".graphiql-response"
TAB = ".graphiql-tab-button"
#: GraphiQL reads what was typed a tenth of a second later; until then it would run the operation of before.
READ_MILLISECONDS = 500


@pytest.fixture(scope="module")
def server(installations: Installations, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadboxServer]:
    """One server for all: they leave nothing in it, and the browser, where they do, is new for each."""
    folder = tmp_path_factory.mktemp("graphiql")
    with installations.new(folder / "data") as data_dir, HeadboxServer(data_dir) as server:
        yield server


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with launch_chromium() as browser:
        yield await browser.new_page()


async def open_graphiql(page: Page, server: HeadboxServer) -> None:
    await page.goto(f"{server.url}/graphql")
    await expect(page.locator(EXECUTE)).to_be_visible()
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_be_visible()


async def run_operation(page: Page, operation: str) -> None:
    await page.get_by_label("New tab").click()
    await page.locator(".graphiql-query-editor .view-lines").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.insert_text(operation)
    await page.wait_for_timeout(READ_MILLISECONDS)
    await page.keyboard.press("Control+Enter")


async def test_page_loads_without_errors_and_from_the_server_alone(page: Page, server: HeadboxServer) -> None:
    requested: set[str] = set()
    errors: list[str] = []
    page.on("request", lambda request: requested.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    await open_graphiql(page, server)
    await page.wait_for_load_state("networkidle")

    # Workers and images that the page makes itself have no host.
    assert requested - {""} == {urlsplit(server.url).netloc}
    assert errors == []


async def test_each_example_is_a_tab_named_for_its_operation(page: Page, server: HeadboxServer) -> None:
    await open_graphiql(page, server)

    examples = json.loads(await page.locator("#headbox-examples").inner_text())
    tabs = await page.locator(TAB).all_inner_texts()

    assert len(tabs) == len(examples) > 0
    assert all(f" {tab}" in example["query"] for tab, example in zip(tabs, examples, strict=True))
    await expect(page.locator(".graphiql-query-editor")).to_contain_text(f"# {examples[0]['name']}")


async def test_variables_of_the_first_example_are_in_their_editor(page: Page, server: HeadboxServer) -> None:
    await open_graphiql(page, server)

    examples = json.loads(await page.locator("#headbox-examples").inner_text())
    names = json.loads(examples[0].get("variables") or "{}").keys()

    for name in names:
        await expect(page.get_by_label("Variables").first).to_contain_text(name)


async def test_query_runs_over_http(page: Page, server: HeadboxServer) -> None:
    await open_graphiql(page, server)

    await run_operation(page, "{ __typename }")

    await expect(page.locator(RESPONSE)).to_contain_text('"__typename": "Query"')


async def test_subscription_runs_over_a_socket_at_the_same_address(page: Page, server: HeadboxServer) -> None:
    await open_graphiql(page, server)

    async with page.expect_websocket() as opened:
        await run_operation(page, 'subscription Unknown { task(id: "unknown") { id } }')

    socket = await opened.value
    assert socket.url == f"{server.url}/graphql".replace("http:", "ws:")
    await expect(page.locator(RESPONSE)).to_contain_text('"message"')


async def test_own_tabs_are_kept_on_the_next_visit(page: Page, server: HeadboxServer) -> None:
    await open_graphiql(page, server)
    before = await page.locator(TAB).count()
    await run_operation(page, "query Mine { __typename }")
    await expect(page.locator(RESPONSE)).to_contain_text('"__typename": "Query"')
    await expect(page.locator(TAB).last).to_have_text("Mine")
    # GraphiQL writes its tabs to the browser's storage half a second after the last change.
    await page.wait_for_function("localStorage.getItem('graphiql:tabState')?.includes('Mine')")

    await open_graphiql(page, server)

    await expect(page.locator(TAB)).to_have_count(before + 1)
    await expect(page.locator(TAB).last).to_have_text("Mine")
