"""The plugin that the tutorial builds, taken from its page and made into a distribution like any other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.distribution import install_distribution

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
    """Install the tutorial's distribution, and return the folder to put on Python's path."""
    return install_distribution(MODULE, tutorial.module, tutorial.pyproject, folder)
