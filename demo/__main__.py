"""Show the main job on real files: `make demo`, or `python -m demo --help`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from demo.failure import DemoFailed
from demo.files import MANIFEST, Listed, copy_library
from demo.processes import headbox_server, upstream_server
from demo.screen import Screen
from demo.story import Story
from headbox import __version__
from headbox.client import Client, OperationRefused, ServerUnreachable

#: Wider lines are hard to read.
MAX_WIDTH = 110
#: What a shell says of a process that Ctrl-C ended.
INTERRUPTED = 130


def main() -> int:
    """Run the demo and return the exit code."""
    options = _parser().parse_args()
    console = Console(highlight=False)
    console.width = min(console.width, MAX_WIDTH)
    try:
        asyncio.run(_run(Screen(console), options.upstream, files=options.files, keep=options.keep))
    except (DemoFailed, ServerUnreachable, OperationRefused, aiohttp.ClientError, OSError) as error:
        problems = Console(stderr=True, highlight=False)
        problems.print(Text.assemble(("✗ ", "bold red"), (f"The demo failed: {error}", "red")), soft_wrap=True)
        if detail := getattr(error, "detail", ""):
            problems.print(Text(detail), soft_wrap=True)
        return 1
    except asyncio.CancelledError:
        console.print("Interrupted: everything was ended and removed.")
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description="Show headbox's main job on real files.")
    parser.add_argument("--upstream", type=_manifest_url, metavar="URL", help="mirror this PULP_MANIFEST instead")
    parser.add_argument("--files", type=int, metavar="COUNT", help="serve no more files of the library than this")
    parser.add_argument("--keep", action="store_true", help="leave the server running until Ctrl-C")
    return parser


def _manifest_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not the http(s) address of a {MANIFEST}")
    return text + MANIFEST if text.endswith("/") else text


async def _run(screen: Screen, upstream: str | None, *, files: int | None, keep: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    started = time.perf_counter()
    screen.title("headbox", f"{__version__}: a served mirror of an upstream, with one request")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headbox-demo-")))
        listed: dict[str, Listed] | None = None
        upstream_folder = folder / "upstream"
        if upstream is None:
            screen.step("An upstream: the standard library of this Python, listed in a PULP_MANIFEST")
            listed = await asyncio.to_thread(copy_library, upstream_folder, files)
            upstream = (await stack.enter_async_context(upstream_server(upstream_folder))).url + MANIFEST
            size = sum(file.size for file in listed.values())
            screen.done(f"{len(listed):,} files, {decimal(size)}, at {upstream}")
        screen.step("A server: API, content and worker in one process, on SQLite and a folder")
        beginning = time.perf_counter()
        server = await stack.enter_async_context(headbox_server(folder / "data"))
        seconds = time.perf_counter() - beginning
        screen.say(f"headbox serve --port 0 --data-dir {folder / 'data'}", style="dim")
        screen.done(f"Listening at {server.url} after {seconds:.1f} s")
        client = await stack.enter_async_context(Client(server.url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        story = Story(screen, server, session, client)

        async def tell() -> None:
            repository, version, folder_url = await story.mirror(upstream, listed)
            if listed is not None:
                await story.sync_again(upstream_folder, listed, repository, version, folder_url)
            screen.step("That was it" if not keep else "Look around")
            story.tell_figures(time.perf_counter() - started)
            screen.console.print()
            story.tell_addresses(folder_url)
            if keep:
                await story.keep()
            else:
                screen.say("They end with the demo. `make demo KEEP=1` leaves them running.", style="dim")

        await server.during(tell())
    screen.done("The server ended cleanly; its folder is removed.")


if __name__ == "__main__":
    sys.exit(main())
