"""Results on stdout: tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headbox.cli.printable import printable

#: Width of a table that no terminal limits: whoever reads a pipe wants whole values.
PIPE_WIDTH = 10_000
#: What a nested object is shown by, the first that it has.
_NAMES = ("name", "basePath", "number", "message", "kind", "id")


def console() -> Console:
    """Return the console for tables."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print objects as a table, a row each; columns that are empty in all of them are left out."""
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, "", [], {}) for row in rows)]
    # Ids are the widest and the least telling, but what is copied: they come last and whole.
    columns.sort(key=lambda name: name == "id")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(_title(name), overflow="fold", no_wrap=name == "state")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    console().print(table)


def print_object(value: Mapping[str, Any]) -> None:
    """Print one object, a line for each field; those that are empty are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, item in value.items():
        if item not in (None, "", [], {}):
            table.add_row(_title(name), _cell(item))
    console().print(table)


def _title(name: str) -> str:
    """Return a field's name as words: "base path" of "basePath"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name.removeprefix("__"))


def _cell(value: Any) -> Text:
    # Text, not str: a name may hold what rich would take for markup.
    return Text(printable(_words(value)))


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, dict):
        label = next((value[name] for name in _NAMES if value.get(name) is not None), None)
        if label is not None:
            return _words(label)
        return ", ".join(f"{key}={_words(item)}" for key, item in value.items() if key != "__typename")
    return str(value)
