"""Plans on stdout: what is to be known of one first, then its amounts side by side, then what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.filesize import decimal

from headbox.cli.output import label, print_heading, print_object, print_rows, title, words
from headbox.cli.printable import printable


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print a plan for people."""
    amounts = {name: value for name, value in plan.items() if _is_amount(value)}
    connections = {name: value for name, value in plan.items() if isinstance(value, dict) and "edges" in value}
    lists = {name: value for name, value in plan.items() if isinstance(value, list)}
    apart = amounts.keys() | connections.keys() | lists.keys()
    if plan.keys() - apart:
        print_object({name: _readable(name, value) for name, value in plan.items() if name not in apart})
    if amounts:
        click.echo()
        print_rows([{"kind": title(name)} | _amount(amount) for name, amount in amounts.items()], {"kind": ""})
    for name, rows in lists.items():
        _print_part(name, rows, more=0)
    for name, page in connections.items():
        rows = [edge["node"] for edge in page["edges"]]
        _print_part(name, rows, more=max(0, (page["totalCount"] or 0) - len(rows)))


def _print_part(name: str, rows: list[Any], *, more: int) -> None:
    if not rows:
        return
    click.echo()
    print_heading(title(name))
    if isinstance(rows[0], dict):
        print_rows([{key: _readable(key, value) for key, value in row.items()} for row in rows])
    else:
        for value in rows:
            click.echo(printable(words(value)))
    if more:
        click.echo(f"and {more:,} more")


def _is_amount(value: Any) -> bool:
    """Tell whether a value is how much there is of something."""
    return isinstance(value, dict) and {"count", "bytes"} <= value.keys()


def _amount(amount: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of an amount."""
    unknown = amount.get("unknownSizes")
    return {
        "count": f"{amount['count']:,}",
        "bytes": decimal(amount["bytes"]),
        "size not known": f"{unknown:,}" if unknown else None,
    }


def _readable(name: str, value: Any) -> Any:
    """Return what to show of a value: sizes in units, things by their names."""
    if _is_amount(value):
        return f"{value['count']:,} ({decimal(value['bytes'])})"
    if isinstance(value, int) and not isinstance(value, bool):
        return decimal(value) if name.endswith(("Bytes", "size")) else f"{value:,}"
    if isinstance(value, list):
        return [_readable(name, item) for item in value]
    if isinstance(value, dict) and "relativePath" in value:
        size = value.get("size")
        return value["relativePath"] if size is None else f"{value['relativePath']} ({decimal(size)})"
    return words(label(value)) if isinstance(value, dict) and label(value) is not None else value
