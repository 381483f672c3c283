"""Somebody who uses the console, and sees to it that a page makes no errors and talks to its own server alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, Locator, Page, Response, ViewportSize, expect

from tests.support.waiting import PATIENCE_SECONDS

DESKTOP = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=390, height=844)
#: How long a page may take to show something, in milliseconds: the machine may be busy with other tests.
PATIENCE_MILLISECONDS = PATIENCE_SECONDS * 1000
expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Visitor:
    """One page of a browser that shares nothing with others.

    Attributes:
        page: The page.
        errors: What the page logged as an error, or failed with.
        hosts: Whom it talked to.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self._url = url
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).netloc))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    async def go(self, address: str = "") -> None:
        """Open a page of the console by its address below `/console/`, as a link from elsewhere does."""
        await self.page.goto(f"{self._url}/console/{address}")
        await self.page.locator("h1").wait_for()

    def heading(self, text: str) -> Locator:
        """Return the heading of a page or of a part of it."""
        return self.page.get_by_role("heading", name=text)

    def link(self, text: str, *, exact: bool = True) -> Locator:
        """Return a link."""
        return self.page.get_by_role("link", name=text, exact=exact)

    def button(self, text: str) -> Locator:
        """Return a button."""
        return self.page.get_by_role("button", name=text, exact=True)

    def field(self, label: str) -> Locator:
        """Return a text field of a form by its label."""
        return self.page.get_by_role("textbox", name=label, exact=True)

    async def choose(self, label: str, name: str) -> None:
        """Type the name of something that is there into a field, which then has its id."""

        def is_found(answer: Response) -> bool:
            sent = answer.request.post_data or ""
            return "query Find" in sent and json.dumps({"prefix": name}, separators=(",", ":")) in sent

        async with self.page.expect_response(is_found):
            await self.page.get_by_role("combobox", name=label).fill(name)

    async def give(self, *files: Path) -> None:
        """Choose files, once the page takes any."""
        await expect(self.button("Choose files")).to_be_enabled()
        await self.page.locator("input[type=file]").set_input_files(files)

    def forgive_absence(self) -> None:
        """Forget the errors that browsers log while no server is there."""
        signs = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "WebSocket connection to")
        self.errors = [error for error in self.errors if not any(sign in error for sign in signs)]

    def check(self) -> None:
        """Make sure that the page behaved."""
        assert self.errors == []
        # Images that the page makes itself have no host.
        assert self.hosts - {""} == {urlsplit(self._url).netloc}


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    viewport: ViewportSize = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    **options: Any,
) -> AsyncIterator[Visitor]:
    """Open a page in a browser as if it were installed anew, and check its manners in the end."""
    context = await browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce", **options)
    try:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        visitor = Visitor(await context.new_page(), url)
        yield visitor
        visitor.check()
    finally:
        await context.close()
