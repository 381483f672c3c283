"""How the demo looks: steps, GraphQL documents, bars and tables; without colours and movement where nobody watches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import indent
from typing import Any

from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from headbox.cli.printable import printable
from headbox.cli.watch import BAR_WIDTH

#: Columns that everything below a step's title is moved to the right.
INDENT = 3


class Screen:
    """Prints to a terminal or a pipe."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._steps = 0
        self._documents: set[str] = set()

    def title(self, name: str, text: str) -> None:
        """Print the first line."""
        self.console.print(Text.assemble((name, "bold cyan"), f"  {text}"))

    def step(self, text: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.console.print()
        self.console.print(Text.assemble((f"{self._steps}  ", "bold cyan"), (text, "bold")))

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line; it is not broken, so that an address in it can be copied."""
        self.console.print(Text(" " * INDENT + printable(text), style=style), soft_wrap=True)

    def done(self, text: str) -> None:
        """Print what was found right."""
        self.console.print(Text.assemble(" " * INDENT, ("✓ ", "green"), text), soft_wrap=True)

    def document(self, url: str, document: str, variables: Mapping[str, Any], method: str = "POST") -> None:
        """Print a GraphQL document as it is sent; only its name when it was printed before."""
        is_known = document in self._documents
        self._documents.add(document)
        self.say(f"{method} {url}", style="dim")
        if is_known:
            kind, name = document.partition("(")[0].split()
            self.say(f"{kind} {name}, as above")
        else:
            code = Syntax("", "graphql", theme="ansi_dark", background_color="default")
            self.console.print(code.highlight(indent(document.rstrip(), " " * INDENT)), soft_wrap=True)
        self.say(f"variables {json.dumps(variables, ensure_ascii=False)}", style="dim")
        self.console.print()

    def show(self, renderable: RenderableType) -> None:
        """Print something else."""
        self.console.print(Padding(renderable, (0, 0, 0, INDENT), expand=False))

    def rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Print rows of a name, a figure and a remark."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True, style="bold")
        table.add_column(style="dim")
        for row in rows:
            table.add_row(*row)
        self.show(table)

    def links(self, links: Mapping[str, str]) -> None:
        """Print addresses to look at."""
        width = max(map(len, links))
        for name, url in links.items():
            self.console.print(
                Text.assemble(f"{' ' * INDENT}{name:{width}}  ", (url, "cyan underline")), soft_wrap=True
            )

    @contextmanager
    def bar(self, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar of files, and give the function that says how large one more of them was."""
        columns = (
            TextColumn(" " * (INDENT - 1)),
            BarColumn(BAR_WIDTH, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:,.0f} / {task.total:,.0f} files"),
            TextColumn("{task.fields[size]}", style="dim"),
        )
        size = 0
        with Progress(*columns, console=self.console) as progress:
            bar = progress.add_task("", total=total, size="")

            def advance(file_size: int) -> None:
                nonlocal size
                size += file_size
                progress.update(bar, advance=1, size=decimal(size))

            yield advance
