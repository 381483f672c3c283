"""How many small files a second are served, and how many that are not there are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

from benchmarks.figure import Figure, Reach
from benchmarks.load import requests_per_second
from benchmarks.site import Site

ROUNDS = 3
SECONDS = 1.5
FILE = bytes(1024)


async def run() -> AsyncIterator[Figure]:
    """Ask again and again for a file, for one that is not there, and for a constant."""
    async with Site.opened() as site:
        mirror = await site.mirror("served", await site.upstream("served", {"a.bin": FILE}))
        await site.completed(mirror.first_sync)
        wanted = {
            "a constant (/livez)": f"{site.server.url}livez",
            "a file of 1 KiB": f"{mirror.url}a.bin",
            "a path that is not there": f"{mirror.url}b.bin",
        }
        speeds: dict[str, list[float]] = {what: [] for what in wanted}
        for _ in range(ROUNDS):
            for what, url in wanted.items():
                async with site.session.get(url) as response:
                    status, body_size = response.status, len(await response.read())
                speed = await requests_per_second(url, status=status, body_size=body_size, seconds=SECONDS)
                speeds[what].append(speed)
    constant, *others = speeds
    peer = Figure(constant, "requests/s", speeds[constant])
    yield peer
    for what in others:
        yield Figure(what, "requests/s", speeds[what], peer=peer, ratio_reach=Reach(0.5, is_floor=True))
