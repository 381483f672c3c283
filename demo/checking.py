"""Fetching what a distribution serves, and comparing it with what was promised."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from demo.failure import DemoFailed
from demo.files import MANIFEST, Listed, read_manifest, url_of

#: Files that are fetched side by side.
CONCURRENCY = 16


@dataclass(frozen=True)
class Fetched:
    """What was fetched and found right."""

    files: int
    bytes: int
    seconds: float


async def fetch_manifest(session: aiohttp.ClientSession, folder_url: str) -> dict[str, Listed]:
    """Return what a distribution's manifest lists, by path.

    Raises:
        DemoFailed: There is no such manifest.
    """
    url = folder_url + MANIFEST
    try:
        async with session.get(url) as response:
            response.raise_for_status()
            return read_manifest((await response.read()).decode())
    except (aiohttp.ClientError, ValueError) as error:
        raise DemoFailed(f"{url} is no manifest: {error}") from error


async def check_files(
    session: aiohttp.ClientSession, folder_url: str, promised: Mapping[str, Listed], on_file: Callable[[int], None]
) -> Fetched:
    """Fetch every promised file and compare its size and digest.

    Args:
        session: To fetch with.
        folder_url: Where the files lie.
        promised: What the manifest says, by path.
        on_file: Told the size of each file when it was found right.

    Raises:
        DemoFailed: A file is not what was promised.
    """
    waiting = iter(promised.items())
    total = 0

    async def fetch() -> None:
        nonlocal total
        for path, file in waiting:
            async with session.get(URL(url_of(folder_url, path), encoded=True)) as response:
                digest, size = hashlib.sha256(), 0
                async for chunk in response.content.iter_any():
                    digest.update(chunk)
                    size += len(chunk)
            if response.status != 200:
                raise DemoFailed(f"{response.url} answered {response.status}")
            if (digest.hexdigest(), size) != (file.sha256, file.size):
                raise DemoFailed(f"{response.url} is not what the manifest promises")
            total += size
            on_file(size)

    started = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(fetch())
    except* (DemoFailed, aiohttp.ClientError) as failures:
        first = failures.exceptions[0]
        raise DemoFailed(str(first)) from first
    return Fetched(len(promised), total, time.perf_counter() - started)


async def check_gone(session: aiohttp.ClientSession, folder_url: str, paths: Iterable[str]) -> None:
    """Make sure that files are no longer there.

    Raises:
        DemoFailed: One is.
    """
    for path in paths:
        async with session.get(URL(url_of(folder_url, path), encoded=True)) as response:
            if response.status != 404:
                raise DemoFailed(f"{response.url} should be gone, and answered {response.status}")
