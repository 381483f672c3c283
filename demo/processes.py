"""Servers as processes of their own, which end when their block does."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

from demo.failure import DemoFailed

ROOT = Path(__file__).resolve().parent.parent
#: How long a server may take until it listens, in seconds: the machine may be busy.
START_SECONDS = 120.0
#: How long a server may take to end, in seconds.
STOP_SECONDS = 12.0
POLL_SECONDS = 0.02
#: Lines of its log that are shown of a server that failed.
LOG_LINES = 15

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Server:
    """A server that listens.

    Attributes:
        name: What it is called in messages.
        url: Where it listens, with a slash at its end.
        log: File of all that it has written.
    """

    name: str
    url: str
    log: Path
    process: Process

    async def during(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Do something that needs the server.

        Raises:
            DemoFailed: The server ended meanwhile.
        """
        doing = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self.process.wait())
        try:
            await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise _ended(self.name, self.process, self.log)
            return doing.result()
        finally:
            for task in (doing, ending):
                task.cancel()
            await asyncio.gather(doing, ending, return_exceptions=True)


@asynccontextmanager
async def headbox_server(
    data_dir: Path,
    settings: Mapping[str, str] | None = None,
    *,
    command: Sequence[str] = ("serve", "--port", "0"),
    name: str = "headbox",
) -> AsyncIterator[Server]:
    """Run headbox on a free port.

    Args:
        data_dir: Its data folder; the log is written beside it.
        settings: More environment variables.
        command: Which of its commands, with the option for a free port.
        name: What it is called in messages.

    Raises:
        DemoFailed: It did not start, or did not end as it should.
    """
    program = str(Path(sys.executable).with_name("headbox"))
    log = data_dir.with_name(f"{data_dir.name}.log" if name == "headbox" else f"{name}.log")
    async with _started(name, (program, *command, "--data-dir", str(data_dir)), log, settings or {}) as server:
        yield server


@asynccontextmanager
async def upstream_server(folder: Path) -> AsyncIterator[Server]:
    """Serve the files of a folder on a free port.

    Raises:
        DemoFailed: It did not start, or did not end as it should.
    """
    command = (sys.executable, "-m", "demo.upstream", str(folder))
    async with _started("the upstream", command, folder.with_name(f"{folder.name}.log"), {}) as server:
        yield server


@asynccontextmanager
async def _started(name: str, command: Sequence[str], log: Path, settings: Mapping[str, str]) -> AsyncIterator[Server]:
    # What whoever runs this has set for a headbox of their own is not meant for this one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADBOX_")}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**environment, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A Ctrl-C is for this process, which then ends its children in order.
            process_group=0,
        )
    try:
        yield Server(name, await _listening(name, process, log), log, process)
    except BaseException:
        await _end(process)
        raise
    if not await _end(process):
        raise _ended(name, process, log)


async def _listening(name: str, process: Process, log: Path) -> str:
    """Wait until the log tells where the server listens."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None:
                if url := _url_in(log):
                    return url
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise DemoFailed(f"{name} did not listen within {START_SECONDS:.0f} seconds", _tail(log)) from None
    raise _ended(name, process, log)


def _url_in(log: Path) -> str | None:
    for line in log.read_bytes().splitlines():
        if line.startswith(b"{") and line.endswith(b"}"):
            entry = orjson.loads(line)
            if entry["event"] == "listening":
                return str(entry["url"])
    return None


async def _end(process: Process) -> bool:
    """End a process, and tell whether it ended by itself and well."""
    if process.returncode is not None:
        return False
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            return await process.wait() == 0
    except BaseException as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            return False
        raise


def _ended(name: str, process: Process, log: Path) -> DemoFailed:
    return DemoFailed(f"{name} ended with exit code {process.returncode}", _tail(log))


def _tail(log: Path) -> str:
    with log.open(errors="replace") as lines:
        # Which requests it answered tells nothing of why it ended.
        return "".join(deque((line for line in lines if '"uvicorn.access"' not in line), LOG_LINES))
