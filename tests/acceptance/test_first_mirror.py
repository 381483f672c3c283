"""The first tutorial, followed to the letter: its commands and its documents, in their order, with what they show."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.server import HeadboxServer
from tests.support.tutorial import TUTORIALS
from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = TUTORIALS / "your-first-mirror.md"
SERVER, UPSTREAM = "http://127.0.0.1:8640", "http://127.0.0.1:8000"
#: What the reader starts and leaves running; here, the test has done so, on free ports.
LASTING = ("make setup", "export PATH", "headbox serve", "cp -r docs", "python3 -m http.server")

_BLOCK = re.compile(r"^```(console|graphql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """Do what `python3 -m http.server --directory` does, on a free port."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, and what it is said to print."""
    for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        # A command goes on on the next line where it ends with a backslash.
        command, _, printed = entry.replace("\\\n", " ").partition("\n")
        yield command, printed


def run(command: str, folder: Path, server: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADBOX_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**environment, "PATH": path, "HEADBOX_URL": server, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_first_tutorial_does_what_it_says(tmp_path: Path) -> None:
    upstream = shutil.copytree(ROOT / "docs" / "examples" / "upstream", tmp_path / "upstream")
    task = ""
    final: dict[str, Any] = {}
    with serving_folder(upstream) as upstream_url, HeadboxServer(tmp_path / "data") as server:
        page = PAGE.read_text().replace(SERVER, server.url).replace(UPSTREAM, upstream_url)
        for language, block in _BLOCK.findall(page):
            if language == "console":
                for command, printed in commands(block):
                    if not command.startswith(LASTING):
                        assert run(command, tmp_path, server.url).strip() == printed.strip() or not printed
            elif block.startswith("mutation"):
                payload = server.query(block)["createFileRepository"]
                assert payload["errors"] == []
                task = payload["task"]["id"]
            else:
                *_, final = (data["task"] for data in server.subscribe(block, {"id": task}))
        assert (final["state"], final["repositoryVersion"]["number"]) == ("COMPLETED", 1)
        latest = server.query('{ repository(name: "first") { latestVersion { number summary { present removed } } } }')

    assert latest["repository"]["latestVersion"] == {"number": 3, "summary": {"present": 3, "removed": 1}}


def test_what_the_reader_starts_is_what_the_test_has_started() -> None:
    page = PAGE.read_text()

    assert [start for start in LASTING if f"$ {start}" not in page] == []
