"""Results on stdout: tables for people, JSON and YAML for programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
import orjson
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headbox.cli.options import OutputFormat
from headbox.cli.printable import printable

#: Width of a table that no terminal limits: whoever reads a pipe wants whole values.
PIPE_WIDTH = 10_000
#: Longest word that is not broken to make room for other columns: ids and digests are longer.
WHOLE_WORD = 32
#: Blanks between two columns.
_GAP = 2
#: The fields that tell most, and those that tell least.
_FIRST = ("name", "basePath", "relativePath", "number", "kind", "artifacts", "state", "url", "repository")
_LAST = ("correlationId", "id")
#: Values that are not worth a line.
_EMPTY: tuple[object, ...] = (None, "", [], {})
#: How the API writes times.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
#: What a nested object is shown by, the first that it has.
_NAMES = ("name", "basePath", "relativePath", "number", "message", "kind", "id")


def print_table(table: Table) -> None:
    """Print a table: as wide as the terminal, or as wide as it needs to be."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    with console.capture() as captured:
        console.print(table)
    # Cells are padded to the width of their column, the last one too.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_data(value: Any, output_format: OutputFormat) -> None:
    """Print a value for programs, as JSON or YAML."""
    if output_format == "yaml":
        # Names of strangers are escaped where they hold what a terminal would obey.
        click.echo(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), nl=False)
    else:
        click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_record(value: Any, output_format: OutputFormat) -> None:
    """Print one of many values for programs that read them as they come: a line of JSON, or a document of YAML."""
    if output_format == "yaml":
        click.echo(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, explicit_start=True), nl=False)
    else:
        click.echo(orjson.dumps(value).decode())


def line_of(value: Mapping[str, Any]) -> str:
    """Return an object in one line for people: what it is, how it is and its id."""
    told = [_said(name, value[name]) for name in (*_FIRST, "id") if _is_telling(value.get(name))]
    return printable("  ".join(told))


def print_rows(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str] | None = None) -> None:
    """Print objects as a table, a row each; the titles of columns are made of the names of fields.

    Columns that are empty are left out, and so are ids, which are long, where a name does as well.
    """
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = [name for name in _in_order(rows[0]) if any(_is_telling(row[name]) for row in rows)]
    columns = {
        name: _Column((titles or {}).get(name, title(name)), [_cell(name, row[name]) for row in rows])
        for name in names
        if name != "id" or "name" not in names
    }
    widths = _widths(columns)
    for name, width in widths.items():
        table.add_column(columns[name].title, overflow="fold", width=width)
    for row in zip(*(columns[name].cells for name in widths), strict=True):
        table.add_row(*row)
    print_table(table)
    if left_out := [column.title for name, column in columns.items() if name not in widths]:
        click.echo(f"Too wide for this terminal: {', '.join(left_out)}. --output json has all.", err=True)


def print_page(rows: Sequence[Mapping[str, Any]], page_info: Mapping[str, Any]) -> None:
    """Print a page of a list as a table; on stderr, that it is empty or how to go on."""
    print_rows(rows)
    if not rows:
        click.echo("There are none.", err=True)
    if page_info["hasNextPage"]:
        click.echo(f"There are more: --after {page_info['endCursor']}", err=True)


@dataclass(frozen=True, slots=True)
class _Column:
    """What a column of a table shows.

    Attributes:
        title: Its title.
        cells: Its cells, downwards.
    """

    title: str
    cells: Sequence[Text]

    def widest(self) -> int:
        """Return how wide it is without a line break."""
        return max(map(cell_len, [self.title, *(line for cell in self.cells for line in cell.plain.splitlines())]))

    def narrowest(self) -> int:
        """Return how wide it must be, so that no word is broken that need not be."""
        every = [*self.title.split(), *(word for cell in self.cells for word in cell.plain.split())]
        return min(WHOLE_WORD, max(map(cell_len, every)))


def _widths(columns: Mapping[str, _Column]) -> dict[str, int]:
    """Return how wide each column is to be; those are missing that the terminal has no room for.

    The id, which commands take, goes before the others; they go in their order.
    """
    console = Console()
    if not console.is_terminal:
        return {name: column.widest() for name, column in columns.items()}
    room = console.width + _GAP
    widths: dict[str, int] = {}
    for name in sorted(columns, key="id".__ne__):
        needed = columns[name].narrowest()
        if needed + _GAP <= room or not widths:
            widths[name] = min(needed, console.width)
            room -= needed + _GAP
    # What is left over goes to those first that need the least of it.
    for name in sorted(widths, key=lambda name: columns[name].widest() - widths[name]):
        more = max(0, min(room, columns[name].widest() - widths[name]))
        widths[name] += more
        room -= more
    return {name: widths[name] for name in columns if name in widths}


def print_heading(text: str) -> None:
    """Print the name of what follows."""
    click.echo(click.style(text, bold=True, underline=True))


def print_object(value: Mapping[str, Any]) -> None:
    """Print one object, a line for each field; those that are empty are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name in _in_order(value):
        if value[name] not in _EMPTY:
            table.add_row(title(name), _cell(name, value[name]))
    print_table(table)


def _is_telling(value: Any) -> bool:
    """Tell whether a value says something to people in a table. What is known by nothing but its id does not."""
    return value not in _EMPTY and not (isinstance(value, dict) and "id" in value and label(value) == value["id"])


def label(value: Mapping[str, Any]) -> Any:
    """Return what an object is known by, or None."""
    return next((value[name] for name in _NAMES if value.get(name) is not None), None)


def _in_order(names: Iterable[str]) -> list[str]:
    """Return the names of fields as people look for them: what it is first, its id, which is long, last."""
    ranks = {name: rank for rank, name in enumerate((*_FIRST, None, *_LAST))}
    return sorted(names, key=lambda name: ranks.get(name, len(_FIRST)))


def title(name: str) -> str:
    """Return a field's name as words: "base path" of "basePath"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name.removeprefix("__"))


def _cell(name: str, value: Any) -> Text:
    # Text, not str: a name may hold what rich would take for markup.
    return Text(printable(_said(name, value)))


def _said(name: str, value: Any) -> str:
    """Return the value of a field as people read it; names as they are, also those that are times."""
    return value if name in _NAMES and isinstance(value, str) else words(value)


def words(value: Any) -> str:
    """Return a value as people read it: times in their own time zone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(words(item) for item in value)
    if isinstance(value, dict):
        if (name := label(value)) is not None:
            return str(name)
        return ", ".join(_pair(key, item) for key, item in value.items() if key != "__typename")
    text = str(value)
    return _local(text) if _TIME.fullmatch(text) else text


def _local(time: str) -> str:
    """Return a time in the time zone of the terminal; what only looks like one, or is of no year there, as it is."""
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return time


def _pair(key: str, value: Any) -> str:
    """Return a field and its value; an object without a name in brackets, and one of nothing as the field alone."""
    if not isinstance(value, dict) or label(value) is not None:
        return f"{key}={words(value)}"
    inner = words(value)
    return f"{key} ({inner})" if inner else key
