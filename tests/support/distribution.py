"""Distributions of one module, made and installed like any other."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path


def install_distribution(module: str, source: str, pyproject: str, folder: Path) -> Path:
    """Install a distribution of one module, and return the folder to put on Python's path.

    The wheel is what the build backend that `pyproject.toml` names makes of one module. Fetching that backend would
    take a network.

    Args:
        module: Name of the module.
        source: What stands in it.
        pyproject: The distribution's `pyproject.toml`.
        folder: Where to build and install it; made if it is not there.
    """
    folder.mkdir(exist_ok=True)
    wheel = _build_wheel(module, source, pyproject, folder)
    target = folder / "site-packages"
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return target


def _build_wheel(module: str, source: str, pyproject: str, folder: Path) -> Path:
    """Make a wheel of the distribution.

    Source: the binary distribution format, https://packaging.python.org/specifications/binary-distribution-format/.
    """
    project = tomllib.loads(pyproject)["project"]
    name, version = project["name"], project["version"]
    stem = f"{name.replace('-', '_')}-{version}"
    entry_points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    files = {
        f"{module}.py": source,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": entry_points,
    }
    record = f"{stem}.dist-info/RECORD"
    files[record] = "".join(f"{path},,\n" for path in [*files, record])
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel
