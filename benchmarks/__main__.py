"""Run the benchmarks: `python -m benchmarks [NAME…] [--json]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import (
    console_scrolling,
    console_watching,
    content_hits,
    first_state,
    first_sync_on_demand,
    help_start,
    large_upload,
    many_subscribers,
    many_tasks,
    many_waiting,
    mutation_to_running,
    one_unit_added,
    thousand_adds,
)
from benchmarks.figure import Figure, Reach
from benchmarks.site import BenchmarkFailed
from demo.failure import DemoFailed

BENCHMARKS: dict[str, Callable[[], AsyncIterator[Figure]]] = {
    "help_start": help_start.run,
    "mutation_to_running": mutation_to_running.run,
    "first_state": first_state.run,
    "first_sync_on_demand": first_sync_on_demand.run,
    "content_hits": content_hits.run,
    "large_upload": large_upload.run,
    "one_unit_added": one_unit_added.run,
    "thousand_adds": thousand_adds.run,
    "console_scrolling": console_scrolling.run,
    "many_subscribers": many_subscribers.run,
    "console_watching": console_watching.run,
    "mutation_to_running_distributed": mutation_to_running.run_distributed,
    "many_tasks": many_tasks.run,
    "many_waiting": many_waiting.run,
}


def main() -> int:
    """Run what is asked for and print what was measured; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to run: {', '.join(BENCHMARKS)}; all by default"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    try:
        results = asyncio.run(_run(options.names or list(BENCHMARKS)))
    except BenchmarkFailed as error:
        print(error, file=sys.stderr)
        return 1
    except DemoFailed as error:
        print(f"{error}\n{error.detail}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(results_document(results), indent=2))
    else:
        _print_table(results)
    return 0


async def _run(names: list[str]) -> dict[str, list[Figure]]:
    results = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        results[name] = [figure async for figure in BENCHMARKS[name]()]
    return results


def results_document(results: dict[str, list[Figure]]) -> dict[str, Any]:
    """Return all figures for programs, by benchmark."""
    return {name: [figure.as_document() for figure in figures] for name, figures in results.items()}


def _print_table(results: dict[str, list[Figure]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "median", "min", "max", "n", "ratio", "reach"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=bool(column))
    for name, figures in results.items():
        table.add_row(Text(name, style="bold cyan"))
        for figure in figures:
            values = (figure.median, min(figure.samples), max(figure.samples))
            ratio = f"{figure.ratio:.2f}x" if figure.ratio is not None else ""
            table.add_row(
                f"  {figure.what}, {figure.unit}",
                *map(_number, values),
                str(len(figure.samples)),
                ratio,
                _verdict(figure),
            )
        table.add_row()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def _verdict(figure: Figure) -> Text:
    """Return what should be reached, and whether it was."""
    if figure.is_reached is None:
        return Text()
    wanted = [_limit(figure.reach, ""), _limit(figure.ratio_reach, "x")]
    mark, style = ("✓", "green") if figure.is_reached else ("✗", "bold red")
    return Text(f"{' and '.join(filter(None, wanted))} {mark}", style=style)


def _limit(reach: Reach | None, unit: str) -> str:
    return f"{'≥' if reach.is_floor else '≤'} {_number(reach.limit)}{unit}" if reach else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
