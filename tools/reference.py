"""Write the tables and sections of the reference pages from the code that they describe.

`python -m tools.reference` brings the pages up to date; a test fails when they are not. What stands around a table is
written by hand: only what lies between `<!-- table -->` and `<!-- /table -->` is replaced.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from pydantic.fields import FieldInfo

from headbox.errors import ErrorCode, HeadboxError, RemoteResponse, RequestError
from headbox.settings import Section, Settings
from tools import cli_reference
from tools.plugin_reference import plugin_sections

PAGES = Path(__file__).resolve().parent.parent / "docs" / "reference"
START, END = "<!-- table -->\n", "<!-- /table -->\n"

#: Names of groups that are no plain words.
TITLES = {"graphql": "GraphQL"}
#: The one default that depends on who runs headbox: the data folder.
DATA_DIR = "`$XDG_DATA_HOME/headbox`, else `~/.local/share/headbox`"
#: Said of a code that nothing raises yet.
RESERVED = "Reserved: nothing answers with it yet."


def settings_sections() -> str:
    """Return each group of settings, those of no group first: variables with their defaults and meanings."""
    lines: list[str] = []
    for title, about, settings in _groups():
        lines += [f"## {title}\n", f"{about}\n"]
        lines += [f"- `{name}` ({_default(field)}): {field.description}" for name, field in settings]
        lines.append("")
    return "\n".join(lines)


def variables() -> frozenset[str]:
    """Return the names of all variables."""
    return frozenset(name for _, _, settings in _groups() for name, _ in settings)


def error_table() -> str:
    """Return a row for each error code: what ends with it, whether it may succeed later as it is, its messages."""
    return _table(("Code", "Comes with", "Retryable", "Messages"), (_error_row(code) for code in ErrorCode))


TABLES: dict[str, Callable[[], str]] = {
    "settings.md": settings_sections,
    "errors.md": error_table,
    "plugin-api.md": plugin_sections,
    "cli.md": cli_reference.commands,
}


def with_table(page: str, table: str) -> str:
    """Return a page with its table replaced."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{table}{END}{after}"


def _groups() -> Iterator[tuple[str, str, list[tuple[str, FieldInfo]]]]:
    """Yield the title of each group, what it is about, and its settings by variable."""
    fields = Settings.model_fields
    sections = {name: type_ for name, field in fields.items() if _is_section(type_ := field.annotation)}
    general = [(f"HEADBOX_{name}".upper(), field) for name, field in fields.items() if name not in sections]
    yield "General", "What every process needs.", general
    for name, section in sections.items():
        inner = section.model_fields.items()
        yield (
            TITLES.get(name, name.title()),
            inspect.cleandoc(section.__doc__ or ""),
            [(f"HEADBOX_{name}_{each}".upper(), field) for each, field in inner],
        )


def _is_section(annotation: Any) -> TypeGuard[type[Section]]:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return DATA_DIR
    value: Any = field.default
    return "none" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _error_row(code: ErrorCode) -> tuple[str, ...]:
    classes = [error for error in _errors(HeadboxError) if error.code is code]
    if not classes:
        return f"`{code.value}`", "", "", RESERVED
    sources = sorted({"request" if issubclass(error, RequestError) else "task" for error in classes})
    if RemoteResponse in classes:
        retryable = "by status"
    elif len({error.retryable for error in classes}) > 1:
        retryable = "in some cases"
    else:
        retryable = "yes" if classes[0].retryable else "no"
    messages = (_words(error) for error in classes)
    return f"`{code.value}`", ", ".join(sources), retryable, "<br>".join(messages)


def _errors(base: type[HeadboxError]) -> Iterator[type[HeadboxError]]:
    """Yield the classes below a class that are raised, in the order of the module."""
    for error in base.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from _errors(error)


def _words(error: type[HeadboxError]) -> str:
    """Return the message with the names of its values in italics, and the hint."""
    # A value that follows a word at once brings its own space.
    template = re.sub(r"(?<=\w)\{", " {", error.template)
    message = re.sub(r"\{(\w+)(?:![rs])?\}", lambda match: f"*{match[1].replace('_', ' ')}*", template)
    return f"{message} {error.default_hint}" if error.default_hint else message


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def main() -> None:
    """Write the tables into their pages."""
    for name, table in TABLES.items():
        page = PAGES / name
        page.write_text(with_table(page.read_text(), table()))


if __name__ == "__main__":
    main()
