"""How long `headbox --help` takes, from starting the process to its end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.figure import Figure, Reach
from benchmarks.site import BenchmarkFailed

ROUNDS = 20
HEADBOX = Path(sys.executable).with_name("headbox")


async def run() -> AsyncIterator[Figure]:
    """Run the command and an interpreter that does nothing, in turns."""
    commands = {"python -c pass": (sys.executable, "-c", "pass"), "headbox --help": (str(HEADBOX), "--help")}
    took: dict[str, list[float]] = {what: [] for what in commands}
    for _ in range(ROUNDS):
        for what, command in commands.items():
            started = time.perf_counter()
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
            if await process.wait():
                raise BenchmarkFailed(f"{what} ended with {process.returncode}")
            took[what].append((time.perf_counter() - started) * 1000)
    peer = Figure("python -c pass", "ms", took["python -c pass"])
    yield peer
    yield Figure("headbox --help", "ms", took["headbox --help"], peer=peer, reach=Reach(300))
