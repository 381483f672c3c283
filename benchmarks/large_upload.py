"""How fast a large upload comes in, and in how much memory, beside writing the same bytes with their digest."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.figure import Figure, Reach
from benchmarks.site import BenchmarkFailed, Site

#: Size of the upload, in bytes: HEADBOX_BENCH_UPLOAD_BYTES=10737418240 for ten GiB, which takes minutes.
SIZE_BYTES = int(os.environ.get("HEADBOX_BENCH_UPLOAD_BYTES", str(2 * 1024**3)))
ROUNDS = 3
CHUNK_BYTES = 1024 * 1024
#: A smaller one before, so that what is left of memory is what the large one takes.
WARM_UP_BYTES = 64 * 1024**2
HEADERS = {"Tus-Resumable": "1.0.0"}


async def run() -> AsyncIterator[Figure]:
    """Upload a sparse body in one request, and write it to a file."""
    uploads, writes, memory, growth = [], [], [], []
    for _ in range(ROUNDS):
        async with Site.opened() as site:
            await _upload(site, WARM_UP_BYTES)
            before = site.peak_memory()
            uploads.append(SIZE_BYTES / await _upload(site, SIZE_BYTES) / 1e6)
            memory.append(site.peak_memory())
            growth.append(site.peak_memory() - before)
            writes.append(SIZE_BYTES / await asyncio.to_thread(_write, site.folder / "peer") / 1e6)
    bare = Figure("bare write of the same bytes with SHA-256 and one fsync", "MB/s", writes)
    yield bare
    yield Figure(
        f"upload of {SIZE_BYTES / 1e9:.1f} GB in one request, to the answer",
        "MB/s",
        uploads,
        peer=bare,
        ratio_reach=Reach(1 / 3, is_floor=True),
    )
    yield Figure("  peak memory of the server", "MB", memory, reach=Reach(300))
    yield Figure("  what it grew by beyond an upload of 64 MiB", "MB", growth, reach=Reach(16))


async def _upload(site: Site, size: int) -> float:
    """Upload so many zeros, and return how long it took, in seconds."""
    created = await site.session.post(f"{site.server.url}uploads/", headers={**HEADERS, "Upload-Length": str(size)})
    headers = {
        **HEADERS,
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(size),
    }
    url = f"{site.server.url.rstrip('/')}{created.headers['Location']}"
    started = time.perf_counter()
    answer = await site.session.patch(url, headers=headers, data=_zeros(size), timeout=None)
    if answer.status != 204:
        raise BenchmarkFailed(f"the upload was answered with {answer.status}: {await answer.text()}")
    return time.perf_counter() - started


async def _zeros(size: int) -> AsyncIterator[bytes]:
    chunk = bytes(CHUNK_BYTES)
    for start in range(0, size, CHUNK_BYTES):
        yield chunk[: size - start]


def _write(path: Path) -> float:
    """Write the same bytes without a server, and return how long it took, in seconds."""
    chunk, digest = bytes(CHUNK_BYTES), hashlib.sha256()
    started = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for start in range(0, SIZE_BYTES, CHUNK_BYTES):
            part = chunk[: SIZE_BYTES - start]
            digest.update(part)
            file.write(part)
        os.fsync(file.fileno())
    return time.perf_counter() - started
