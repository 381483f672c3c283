"""A headbox with the plugin of a tutorial beside it: its commands, and its server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.tutorial import Tutorial, install

HEADBOX = Path(sys.executable).with_name("headbox")
#: The upstream that the tutorials have their reader start.
TUTORIAL_URL = "http://127.0.0.1:8000/things.json"
START_SECONDS = 120


@dataclass(frozen=True)
class Installed:
    """A headbox with a tutorial's plugin beside it."""

    tutorial: Tutorial
    environment: dict[str, str]

    @classmethod
    def of(cls, tutorial: Tutorial, folder: Path) -> Installed:
        """Install the plugin into a folder."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("HEADBOX_")}
        return cls(tutorial, {**own, "PYTHONPATH": str(install(tutorial, folder))})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            [HEADBOX, *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )


@contextmanager
def serving(installed: Installed, folder: Path) -> Iterator[str]:
    """Run `headbox serve` on a free port and a new data folder."""
    command: list[str | Path] = [HEADBOX, "serve", "--port", "0", "--data-dir", folder / "data"]
    log = folder / "log"
    with log.open("wb") as stream, subprocess.Popen(command, env=installed.environment, stderr=stream) as process:
        try:
            yield _wait_until_listening(process, log)
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_listening(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"event":"listening"' in line.replace(" ", ""):
                return str(json.loads(line)["url"]).rstrip("/")
        time.sleep(0.05)
    raise AssertionError(f"the server does not listen:\n{log.read_text()}")
