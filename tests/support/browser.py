"""A real Chromium for tests of the pages that headbox serves."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tools.node import get_node

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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


def find_chromium() -> Path:
    """Return the browser to test with: the one named by HEADBOX_TEST_CHROMIUM, one on PATH, or the one of `make test`.

    Raises:
        FileNotFoundError: There is none.
    """
    if named := os.environ.get("HEADBOX_TEST_CHROMIUM"):
        return Path(named)
    on_path = (found for name in NAMES if (found := shutil.which(name)))
    chromium = Path(next(on_path, Path(sys.prefix) / "chromium" / "chromium"))
    if not chromium.exists():
        raise FileNotFoundError("no Chromium: run `make browser`, or name one in HEADBOX_TEST_CHROMIUM")
    return chromium


@asynccontextmanager
async def launch_chromium() -> AsyncIterator[Browser]:
    """Run a headless Chromium for as long as the context lasts."""
    # Playwright's own Node.js needs libatomic, which a small system does not have.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(get_node().program))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
