"""`headbox search`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from click.testing import CliRunner

from headbox.cli.search import command
from tests.support.scripted import Scripted, data

EDGES = [
    {"matchedBy": "NAME", "matched": "serde \x1b[31mstable", "node": {"__typename": "CrateRepository", "id": "R"}},
    {"matchedBy": "RELATIVE_PATH", "matched": "serde.txt", "node": {"__typename": "Crate", "id": "C"}},
]


def page(*edges: dict[str, Any], after: str | None = None) -> Any:
    return data({"search": {"edges": edges, "pageInfo": {"hasNextPage": after is not None, "endCursor": after}}})


async def run(answer: Any, *arguments: str) -> tuple[list[dict[str, Any]], str, str]:
    """Run the command and return the variables that it sent and what it printed."""
    async with Scripted().running() as scripted:
        scripted.answers.append(answer)
        result = await asyncio.to_thread(
            CliRunner().invoke, command, [*arguments, "--server", scripted.url], standalone_mode=False
        )
    assert result.exception is None, result.exception
    return [request["variables"] for request in scripted.requests], result.stdout, result.stderr


async def test_what_was_found_is_a_table() -> None:
    sent, out, err = await run(page(*EDGES, after="next"), "serde", "--first", "2", "--after", "x")

    assert sent == [{"text": "serde", "first": 2, "after": "x"}]
    assert [line.split() for line in out.splitlines()] == [
        ["type", "matched", "by", "matched", "id"],
        ["CrateRepository", "name", "serde", "\ufffd[31mstable", "R"],
        ["Crate", "relative", "path", "serde.txt", "C"],
    ]
    assert err == "There are more: --after next\n"


async def test_what_was_found_is_json_for_programs() -> None:
    sent, out, _ = await run(page(EDGES[1]), "serde", "--output", "json")

    assert sent == [{"text": "serde"}]
    assert json.loads(out) == {"edges": [EDGES[1]], "pageInfo": {"hasNextPage": False, "endCursor": None}}


async def test_nothing_found_is_no_failure() -> None:
    _, out, err = await run(page(), "nothing")

    assert (out, err) == ("", "There are none.\n")


async def test_nothing_found_is_an_empty_list_for_programs() -> None:
    _, out, err = await run(page(), "nothing", "--output", "json")

    assert (json.loads(out)["edges"], err) == ([], "")
