"""A server, an upstream and a browser for all tests of a module, and a page for each that sees to its manners."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.visitor import Visitor, visiting
from tests.support.browser import launch_chromium
from tests.support.installation import Installations
from tests.support.mirror import serve
from tests.support.server import HeadboxServer
from tests.support.services.process import free_port
from tests.support.upstream import Upstream

#: What the upstream has.
FILES = {f"packages/tool-{number:03}.txt": f"tool {number}\n".encode() * 20 for number in range(60)}


@pytest.fixture(scope="module")
def remote() -> Iterator[Upstream]:
    with Upstream() as upstream:
        serve(upstream, FILES)
        yield upstream


@pytest.fixture(scope="module")
def site(installations: Installations, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadboxServer]:
    """A server that is at the same address again when it was away."""
    folder: Path = tmp_path_factory.mktemp("console")
    with (
        installations.new(folder / "data") as data_dir,
        HeadboxServer(data_dir, "serve", "--port", str(free_port()), HEADBOX_WORKER_THREADS="4") as server,
    ):
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launch_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, site: HeadboxServer) -> AsyncIterator[Visitor]:
    async with visiting(browser, site.url) as visitor:
        yield visitor


@pytest_asyncio.fixture(loop_scope="module")
async def other_visitor(browser: Browser, site: HeadboxServer) -> AsyncIterator[Visitor]:
    async with visiting(browser, site.url) as visitor:
        yield visitor
