"""The plugin that the tutorial builds, taken from its page and made into a distribution like any other."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.distribution import install_distribution

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
PAGE = TUTORIALS / "write-a-plugin.md"
#: The page that goes on with the plugin of the first one.
SECOND_PAGE = TUTORIALS / "relate-units.md"
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


def read_second_tutorial() -> Tutorial:
    """Return what the reader has at the end of the second page, and its operations alone."""
    first, blocks = read_tutorial(), blocks_of(SECOND_PAGE.read_text())
    return Tutorial(
        module=changed(first.module, "\n\n".join(blocks["python"])),
        pyproject=first.pyproject,
        listing=blocks["json"][0],
        operations=tuple(blocks["graphql"]),
    )


def changed(module: str, changes: str) -> str:
    """Return a module in which definitions stand in the place of those of the same name.

    Those that are new stand right before the next one that takes a place.
    """
    definitions = _definitions(module)
    new: dict[str, str] = {}
    for name, text in _definitions(changes).items():
        new[name] = text
        if name in definitions:
            definitions = _replaced(definitions, name, new)
            new = {}
    return "\n\n\n".join([*definitions.values(), *new.values()]) + "\n"


def _replaced(definitions: dict[str, str], name: str, new: dict[str, str]) -> dict[str, str]:
    replaced: dict[str, str] = {}
    for known, text in definitions.items():
        replaced |= new if known == name else {known: text}
    return replaced


def _definitions(module: str) -> dict[str, str]:
    """Return the statements of a module, by the name that each defines, or where it imports from."""
    lines = module.splitlines()
    found = {}
    for node in ast.parse(module).body:
        text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        match node:
            case ast.ClassDef(name=name) | ast.ImportFrom(module=str(name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = text
            case _:
                found[text] = text
    return found


def blocks_of(page: str) -> dict[str, list[str]]:
    """Return the blocks of code of a Markdown page, by language and in order."""
    blocks: dict[str, list[str]] = {}
    for language, code in _BLOCK.findall(page):
        blocks.setdefault(language, []).append(code)
    return blocks


def install(tutorial: Tutorial, folder: Path) -> Path:
    """Install the tutorial's distribution, and return the folder to put on Python's path."""
    return install_distribution(MODULE, tutorial.module, tutorial.pyproject, folder)
