"""A real Chromium for tests of the pages that headbox serves."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tools.get_chromium import find_chromium
from tools.node import get_node

#: Without the first, Chromium refuses to run as root; the others keep it from talking to anyone but the test's server.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def launch_chromium() -> AsyncIterator[Browser]:
    """Run a headless Chromium for as long as the context lasts.

    Raises:
        FileNotFoundError: There is none on this machine.
    """
    chromium = find_chromium()
    if chromium is None:
        raise FileNotFoundError("no Chromium: run `make browser`, or name one in HEADBOX_TEST_CHROMIUM")
    # Playwright's own Node.js needs libatomic, which a small system does not have.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(get_node().program))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
