"""The demo as whoever tries headbox runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import ROOT
from tests.support.length import IS_LONG
from tests.support.program import Program
from tests.support.upstream import Upstream, pulp_manifest

pytestmark = pytest.mark.embedded

SECONDS = 180
#: Files of the library that the demo serves; all of them in the long form.
FILES = [] if IS_LONG else ["--files", "300"]


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The folder for temporary files, which the demo leaves as empty as it was."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def start(temporary: Path, *arguments: str) -> Program:
    return Program(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONWARNINGS": "default"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(temporary: Path, *arguments: str) -> tuple[int, str, str]:
    with start(temporary, *arguments) as demo:
        output, problems = demo.communicate(timeout=SECONDS)
    return demo.returncode, output, problems


@pytest.mark.slow
def test_demo_mirrors_watches_checks_and_compares_real_files(temporary: Path) -> None:
    code, output, problems = run(temporary, *FILES)

    assert (code, problems) == (0, "")
    upstream = re.search(r"✓ ([\d,]+) files, .* at http://127\.0\.0\.1:\d+/PULP_MANIFEST", output)
    assert upstream is not None
    files = int(upstream[1].replace(",", ""))
    assert files >= 2000 if IS_LONG else files == 300
    for document in ("mutation Mirror", "subscription WatchTask", "mutation SyncAgain", "query Difference"):
        assert document in output
    for action in ("sync", "publish", "distribute"):
        assert output.count(f"file.sync: {action} completed") == 2
    assert f"✓ Version 1: {files:,} files; {files:,} files added, 0 removed" in output
    assert output.count(f"✓ {files:,} files, ") == 3
    assert output.count("every one is what the upstream's manifest promises") == 2
    # Three files came, three went, and three are other files at the same paths.
    assert f"✓ Version 2: {files:,} files; 6 files added, 6 removed" in output
    assert [len(re.findall(rf"^ +\{mark}  ", output, re.MULTILINE)) for mark in "+~-"] == [3, 3, 3]
    assert "✓ The 3 removed files answer 404" in output
    for address in ("graphql", "content/demo/", "metrics"):
        assert re.search(rf"http://127\.0\.0\.1:\d+/{address}$", output, re.MULTILINE)
    assert output.endswith("✓ The server ended cleanly; its folder is removed.\n")
    assert "\x1b" not in output


def test_demo_mirrors_the_upstream_it_is_given(temporary: Path) -> None:
    files = {"a.txt": b"a", "sub/ü, b.txt": b"b" * 100_000}
    with Upstream({"PULP_MANIFEST": pulp_manifest(files), **files}) as upstream:
        code, output, problems = run(temporary, "--upstream", f"{upstream.url}/")

    assert (code, problems) == (0, "")
    assert "✓ 2 files, 100.0 kB: every one is what the upstream's manifest promises" in output
    assert "mutation SyncAgain" not in output


def test_demo_tells_why_an_upstream_cannot_be_mirrored(temporary: Path) -> None:
    with Upstream({}) as upstream:
        code, _, problems = run(temporary, "--upstream", f"{upstream.url}/PULP_MANIFEST")

    assert code == 1
    assert "The demo failed: the task has failed" in problems
    assert "404" in problems
    assert "Traceback" not in problems


def test_demo_ends_its_servers_when_it_is_told_to_end(temporary: Path) -> None:
    with start(temporary, "--keep", *FILES) as demo:
        wait_for_server(temporary, demo)
        demo.send_signal(signal.SIGTERM)
        output, problems = demo.communicate(timeout=SECONDS)

    assert (demo.returncode, problems) == (130, "")
    assert output.endswith("Interrupted: everything was ended and removed.\n")


def wait_for_server(temporary: Path, demo: Program) -> None:
    deadline = time.monotonic() + SECONDS
    while not any(b'"listening"' in log.read_bytes() for log in temporary.glob("headbox-demo-*/data.log")):
        assert demo.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
