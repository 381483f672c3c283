"""Make `.venv` and install headbox into it, with the pinned dependencies and the tools for tests and documentation.

Runs on a bare Python 3.11 or newer: standard library only, and no assumption that pip or the venv module is whole.
Debian and Ubuntu ship Python without `ensurepip`, hence more than one way to make the environment.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"


def main() -> int:
    """Make the environment if there is no working one, then bring what it holds up to date."""
    if not is_working() and not make_venv():
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        print(
            f"Could not make a virtual environment with {sys.executable}.\n"
            f"Install the package python{minor}-venv (as root: apt-get install python{minor}-venv), "
            "or virtualenv, and run `make setup` again.",
            file=sys.stderr,
        )
        return 1
    print("Installing headbox and its pinned dependencies into .venv", flush=True)
    install = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt"]
    return subprocess.run([*install, "--editable", ".[test,docs]"], cwd=ROOT, env=quiet_pip(), check=False).returncode


def make_venv() -> bool:
    """Try each way to make `.venv`, the least intrusive first, and tell whether one worked."""
    ways: list[tuple[str, Callable[[], bool]]] = [
        ("the venv module", with_venv),
        ("virtualenv in a temporary folder", with_virtualenv),
        ("the distribution's venv package", with_distribution_package),
    ]
    for name, way in ways:
        print(f"Making .venv with {name} ({sys.executable})", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        if way() and is_working():
            return True
    return False


def is_working() -> bool:
    """Tell whether `.venv` has a Python that is new enough, and pip; one that was moved or copied has neither."""
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return VENV_PYTHON.exists() and succeeds(VENV_PYTHON, "-c", probe)


def with_venv() -> bool:
    """Make `.venv` with the standard library."""
    return succeeds(sys.executable, "-m", "venv", VENV)


def with_virtualenv() -> bool:
    """Make `.venv` with virtualenv, which brings its own pip; needs pip once, and leaves nothing outside `.venv`."""
    with tempfile.TemporaryDirectory(prefix="headbox-setup-") as folder:
        if not succeeds(sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "virtualenv"):
            return False
        return succeeds(sys.executable, "-m", "virtualenv", "--quiet", VENV, env={**os.environ, "PYTHONPATH": folder})


def with_distribution_package() -> bool:
    """Install Debian's or Ubuntu's venv package, where that takes no password, and use it."""
    if not shutil.which("apt-get"):
        return False
    root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if root and not succeeds(*root, "true"):
        return False
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    return (
        succeeds(*root, "apt-get", "update", "-qq")
        and succeeds(*root, "apt-get", "install", "-qq", "--yes", package)
        and with_venv()
    )


def succeeds(*command: str | Path, env: dict[str, str] | None = None) -> bool:
    """Run a command without showing what it prints; one that is not there has failed."""
    try:
        return subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def quiet_pip() -> dict[str, str]:
    """Return the environment for pip: it need not tell of its newer version, nor that root runs it."""
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


if __name__ == "__main__":
    sys.exit(main())
