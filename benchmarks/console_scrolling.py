"""How a browser gets on with the list of a version of a million units."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Locator, Page

from benchmarks.figure import Figure, Reach, percentile
from benchmarks.one_unit_added import LARGE, SMALL, repository_of
from benchmarks.site import BenchmarkFailed, Site
from tests.support.browser import launch_chromium

#: How often the list is scrolled to its end, which is the end of what has been read.
JUMPS = 200
#: How long the next rows may take, in seconds.
PATIENCE_SECONDS = 10.0
POLL_MILLISECONDS = 5


@dataclass(frozen=True)
class Scrolled:
    """A list that was scrolled.

    Attributes:
        times: How long it took each time until rows were there that were not before, in ms.
        rows: How many rows the page has in the end.
        memory: What the page's scripts have in memory in the end, in MB.
    """

    times: list[float]
    rows: int
    memory: float


async def run() -> AsyncIterator[Figure]:
    """Scroll down the console's list of each version, as far as it goes."""
    async with Site.opened() as site, launch_chromium() as browser:
        small, large = [
            await _list_of(await browser.new_page(), site, await repository_of(site, units), units)
            for units in (SMALL, LARGE)
        ]
    peer = Figure(f"the next rows of {SMALL:,}", "ms", small.times)
    yield peer
    yield Figure(f"the next rows of {LARGE:,}", "ms", large.times, peer=peer, ratio_reach=Reach(2))
    yield Figure("  the same, 95th percentile", "ms", [percentile(large.times, 95)])
    yield Figure(f"rows in the page after {len(large.times)} times", "rows", [large.rows], reach=Reach(100))
    yield Figure("memory of the page's scripts then", "MB", [large.memory])


async def _list_of(page: Page, site: Site, repository: str, units: int) -> Scrolled:
    await page.goto(f"{site.server.url}console/repositories/{repository}/content")
    rows = page.get_by_role("rowgroup", name="Content units, rows")
    await rows.get_by_role("cell").first.wait_for()
    times = await _scrolled(rows, units)
    devtools = await page.context.new_cdp_session(page)
    memory = (await devtools.send("Runtime.getHeapUsage"))["usedSize"] / 1e6
    return Scrolled(times, await rows.get_by_role("row").count(), memory)


async def _scrolled(rows: Locator, units: int) -> list[float]:
    samples: list[float] = []
    last = 0
    while len(samples) < JUMPS and last < units:
        began = time.perf_counter()
        while (shown := await _last_row(rows)) <= last:
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise BenchmarkFailed(f"no row comes after row {last:,}")
            await rows.page.wait_for_timeout(POLL_MILLISECONDS)
        samples.append((time.perf_counter() - began) * 1000)
        last = shown
    return samples


async def _last_row(rows: Locator) -> int:
    """Scroll to the end, and return the number of the last row in the page, the head being the first one."""
    await rows.evaluate("rows => { rows.scrollTop = rows.scrollHeight }")
    number = await rows.locator("[aria-rowindex]").last.get_attribute("aria-rowindex")
    return int(number or 0)
