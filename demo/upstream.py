"""Serve the files of a folder, as an ordinary web server does: `python -m demo.upstream FOLDER`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web


async def serve(folder: Path) -> None:
    """Serve until the process is told to end; say where on stdout, as headbox does in its log."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        print(json.dumps({"event": "listening", "url": f"http://{host}:{port}/"}), flush=True)
        await ending.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
