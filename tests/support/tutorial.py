"""The plugin that the tutorial builds, taken from its page and made into a distribution like any other."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "write-a-plugin.md"
MODULE = "headbox_thing"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Tutorial:
    """What the tutorial has its reader write.

    Attributes:
        module: The plugin's one module.
        pyproject: The distribution's `pyproject.toml`.
        listing: The upstream's list of things, as JSON.
        operations: The GraphQL documents, in order.
    """

    module: str
    pyproject: str
    listing: str
    operations: tuple[str, ...]


def read_tutorial() -> Tutorial:
    """Return what stands in the page's blocks of code."""
    blocks = blocks_of(PAGE.read_text())
    return Tutorial(
        module="\n\n".join(blocks["python"]),
        pyproject=blocks["toml"][0],
        listing=blocks["json"][0],
        operations=tuple(blocks["graphql"]),
    )


def blocks_of(page: str) -> dict[str, list[str]]:
    """Return the blocks of code of a Markdown page, by language and in order."""
    blocks: dict[str, list[str]] = {}
    for language, code in _BLOCK.findall(page):
        blocks.setdefault(language, []).append(code)
    return blocks


def install(tutorial: Tutorial, folder: Path) -> Path:
    """Install the tutorial's distribution, and return the folder to put on Python's path.

    The wheel is what the build backend that `pyproject.toml` names makes of one module. Fetching that backend would
    take a network.
    """
    wheel = _build_wheel(tutorial, folder)
    target = folder / "site-packages"
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return target


def _build_wheel(tutorial: Tutorial, folder: Path) -> Path:
    """Make a wheel of the distribution.

    Source: the binary distribution format, https://packaging.python.org/specifications/binary-distribution-format/.
    """
    project = tomllib.loads(tutorial.pyproject)["project"]
    name, version = project["name"], project["version"]
    stem = f"{name.replace('-', '_')}-{version}"
    entry_points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    files = {
        f"{MODULE}.py": tutorial.module,
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
