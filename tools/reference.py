"""Write the tables of the reference pages from the code that they describe.

`python -m tools.reference` brings the pages up to date; a test fails when they are not. What stands around a table is
written by hand: only what lies between `<!-- table -->` and `<!-- /table -->` is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from headbox.errors import ErrorCode, HeadboxError, RemoteResponse, RequestError
from headbox.settings import Section, Settings
from tools import cli_reference

PAGES = Path(__file__).resolve().parent.parent / "docs" / "reference"
START, END = "<!-- table -->\n", "<!-- /table -->\n"

#: Ends of names that tell a unit.
UNITS = {"_seconds": "seconds", "_hours": "hours", "_bytes": "bytes"}
#: The one default that depends on who runs headbox: the data folder.
DATA_DIR = "`$XDG_DATA_HOME/headbox`, else `~/.local/share/headbox`"
#: Said of a code that nothing raises yet.
RESERVED = "Reserved: nothing answers with it yet."


def settings_table() -> str:
    """Return a row for each setting: its variable, default, unit and meaning."""
    rows = ((f"`{name}`", _default(field), _unit(name), field.description or "") for name, field in _settings())
    return _table(("Variable", "Default", "Unit", "Meaning"), rows)


def error_table() -> str:
    """Return a row for each error code: what ends with it, whether it may succeed later as it is, its messages."""
    return _table(("Code", "Comes with", "Retryable", "Messages"), (_error_row(code) for code in ErrorCode))


TABLES: dict[str, Callable[[], str]] = {
    "settings.md": settings_table,
    "errors.md": error_table,
    "cli.md": cli_reference.commands,
}


def with_table(page: str, table: str) -> str:
    """Return a page with its table replaced."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{table}{END}{after}"


def _settings() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            for inner, inner_field in field.annotation.model_fields.items():
                yield f"HEADBOX_{name}_{inner}".upper(), inner_field
        else:
            yield f"HEADBOX_{name}".upper(), field


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return DATA_DIR
    value: Any = field.default
    return "none" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _unit(name: str) -> str:
    return next((unit for end, unit in UNITS.items() if name.lower().endswith(end)), "")


def _error_row(code: ErrorCode) -> tuple[str, ...]:
    classes = [error for error in _errors(HeadboxError) if error.code is code]
    if not classes:
        return f"`{code.value}`", "", "", RESERVED
    sources = sorted({"request" if issubclass(error, RequestError) else "task" for error in classes})
    if RemoteResponse in classes:
        retryable = "by status"
    else:
        retryable = "yes" if any(error.retryable for error in classes) else "no"
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
