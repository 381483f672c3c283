"""What a shell completes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from headbox.cli.completion import VARIABLE
from headbox.cli.main import main
from tests.support.scripted import Scripted, data


@pytest.fixture
async def scripted(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scripted]:
    async with Scripted().running() as scripted:
        monkeypatch.setenv("HEADBOX_URL", scripted.url)
        yield scripted


def completed(*words: str) -> list[str]:
    """Return what the last word may become."""
    return [
        item.value for item in ShellComplete(main, {}, "headbox", VARIABLE).get_completions([*words[:-1]], words[-1])
    ]


async def offered(scripted: Scripted, answer: web.Response, *words: str) -> list[str]:
    scripted.answers.append(answer)
    return await asyncio.to_thread(completed, *words)


def names(*found: str) -> web.Response:
    return data({"found": {"edges": [{"node": {"name": name}} for name in found]}})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in result.stdout
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


def test_commands_are_completed_without_loading_one() -> None:
    code = f"""
import sys
from click.shell_completion import ShellComplete
from headbox.cli.main import main
items = ShellComplete(main, {{}}, "headbox", "{VARIABLE}").get_completions([], "repo")
print(*(item.value for item in items))
print(*(name for name in ("aiohttp", "graphql", "rich") if name in sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout == "repository repository-version\n\n"
    assert completed("repository", "ro") == ["rollback"]
    assert completed("file", "sync", "create", "--au") == ["--automation"]
    assert completed("file", "sync", "create", "--mode", "m") == ["mirror"]


async def test_names_of_the_server_are_completed(scripted: Scripted) -> None:
    answer = names("mirror", "mi\x1b[31m")
    assert await offered(scripted, answer, "file", "sync", "create", "--repository", "mi") == ["mirror"]
    assert await offered(scripted, names("mirrors/one"), "distribution", "show", "mirr") == ["mirrors/one"]
    assert await offered(scripted, names("up"), "file", "remote", "update", "u") == ["up"]
    assert await offered(scripted, names("mirror"), "repository-version", "diff", "--from", "m") == ["mirror"]

    assert [request["variables"] for request in scripted.requests] == [
        {"prefix": "mi"},
        {"prefix": "mirr"},
        {"prefix": "u"},
        {"prefix": "m"},
    ]
    assert "distributions(first: 50, filter: { basePathPrefix: $prefix })" in scripted.requests[1]["query"]


async def test_nothing_is_offered_and_nothing_said_where_nobody_answers(
    scripted: Scripted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("repository", "show", "m")
    for answer in (
        web.Response(status=500, text="no"),
        web.Response(status=401),
        web.json_response({"errors": [{"message": "x", "extensions": {"code": "X"}}]}),
        web.Response(text=json.dumps({"data": {"found": None}}), content_type="application/json"),
    ):
        assert await offered(scripted, answer, *words) == []
    monkeypatch.setenv("HEADBOX_URL", "http://127.0.0.1:1")
    assert await asyncio.to_thread(completed, *words) == []
    assert completed("repository", "show", "--profile", "missing", "m") == []
    assert capsys.readouterr() == ("", "")
