"""What the console costs a browser: a page that shows many tasks, each of which tells how far it is all the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from playwright.async_api import Page

from benchmarks.bench_tasks import BenchTasks
from benchmarks.figure import Figure, Reach
from benchmarks.site import Site
from tests.support.browser import launch_chromium

TASKS = 50
#: Longer than it takes to measure, in milliseconds.
HELD_MILLISECONDS = 120_000
#: Until all tasks run and all bars are there, in seconds.
SETTLE_SECONDS = 5.0
WINDOW_SECONDS = 5.0
ROUNDS = 3


async def run() -> AsyncIterator[Figure]:
    """Watch them on the console's first page, and nothing on the same page before."""
    async with Site.distributed(workers=1, HEADBOX_WORKER_THREADS=str(TASKS)) as site, launch_chromium() as browser:
        page = await browser.new_page()
        states = [0]
        page.on("websocket", lambda socket: socket.on("framereceived", lambda _: _count(states)))
        await page.goto(f"{site.server.url}console/")
        await page.get_by_role("heading", name="Now", exact=True).wait_for()
        await asyncio.sleep(SETTLE_SECONDS)
        idle = Figure("the page while nothing runs, of a core", "%", await _processor(page))
        yield idle
        tasks = BenchTasks(site)
        await tasks.create(await tasks.repositories(TASKS), milliseconds=HELD_MILLISECONDS, reports=True)
        await page.get_by_role("progressbar").nth(TASKS - 1).wait_for()
        await asyncio.sleep(SETTLE_SECONDS)
        began, states[0] = time.perf_counter(), 0
        busy = await _processor(page)
        yield Figure("messages that it gets, a second", "1/s", [states[0] / (time.perf_counter() - began)])
        yield Figure(f"the page while {TASKS} tasks run, of a core", "%", busy, reach=Reach(30))


def _count(states: list[int]) -> None:
    states[0] += 1


async def _processor(page: Page) -> list[float]:
    """Return how much of the time the main thread of a page has work, in percent.

    Source: the metric TaskDuration of the Chrome DevTools Protocol.
    """
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable")

    async def seconds() -> float:
        metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

    samples = []
    for _ in range(ROUNDS):
        before, began = await seconds(), time.perf_counter()
        await asyncio.sleep(WINDOW_SECONDS)
        samples.append((await seconds() - before) / (time.perf_counter() - began) * 100)
    return samples
