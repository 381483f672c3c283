"""`headbox profile`, and which server the other commands talk to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from headbox.cli.main import main
from headbox.client import Client, Profile, ProfileInvalid, Profiles
from tests.support.scripted import Scripted, data


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the profiles, which does not exist yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("HEADBOX_URL", raising=False)
    monkeypatch.delenv("HEADBOX_TOKEN", raising=False)
    return tmp_path / "headbox" / "profiles.json"


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    async with Scripted().running() as scripted:
        yield scripted


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=given, prog_name="headbox")


async def authorization(scripted: Scripted, *arguments: str) -> str | None:
    """Return the credentials that a command sends to the server."""
    scripted.answers.append(data({"search": {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}))
    result = await asyncio.to_thread(run, "search", "x", *arguments)
    assert result.exit_code == 0, result.output
    sent: str | None = scripted.requests[-1]["headers"].get("Authorization")
    return sent


def test_profiles_are_kept_where_only_their_owner_reads_them_and_no_token_is_shown(path: Path) -> None:
    added = run("profile", "add", "prod", "--url", "https://me:pa55@h.example", "--with-token", given="s3cret\n")
    assert (added.exit_code, added.output) == (0, "")
    assert run("profile", "add", "local", "--url", "http://127.0.0.1:1").exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in path.parent.iterdir()} == {"profiles.json", "profiles.json.lock"}

    listed = json.loads(run("profile", "list", "-o", "json").stdout)
    assert listed == [
        {"name": "local", "url": "http://127.0.0.1:1", "hasToken": False, "caFile": None, "inUse": False},
        {"name": "prod", "url": "https://h.example", "hasToken": True, "caFile": None, "inUse": True},
    ]
    assert yaml.safe_load(run("profile", "list", "-o", "yaml").stdout) == listed
    table = run("profile", "list").output
    assert "prod" in table
    assert "s3cret" not in table + repr(Profiles.of_user())
    assert "pa55" not in table

    assert run("profile", "use", "local").exit_code == 0
    assert Profiles.of_user().current == "local"
    assert run("profile", "remove", "local").exit_code == 0
    assert (Profiles.of_user().current, [*Profiles.of_user().by_name]) == (None, ["prod"])


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (("add", "x", "--url", ""), None, "'' is not the address of a server"),
        (("add", "x", "--url", "h.example:8640"), None, "is not the address of a server"),
        (("add", "x", "--url", "ftp://h.example"), None, "is not the address of a server"),
        (("add", "a b", "--url", "http://h"), None, "'a b' is no name for a profile"),
        (("add", "../x", "--url", "http://h"), None, "is no name"),
        (("add", "x", "--url", "http://h:99999"), None, "is not the address of a server"),
        (("add", "x", "--url", "http://h", "--with-token"), "\n", "that is no token"),
        (("add", "x", "--url", "http://h", "--with-token"), "two words\n", "that is no token"),
        (("use", "x"), None, "there is no profile 'x'; there are: none"),
        (("remove", "x"), None, "there is no profile 'x'"),
    ],
)
def test_what_cannot_be_changes_nothing(
    arguments: tuple[str, ...], given: str | None, message: str, path: Path
) -> None:
    result = run("profile", *arguments, given=given)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not path.exists()


def test_those_who_change_them_at_once_lose_nothing_of_one_another() -> None:
    def add(number: int) -> None:
        with Profiles.changing() as profiles:
            profiles.add(f"p{number}", Profile("http://h.example"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(24)))

    assert len(Profiles.of_user().by_name) == 24


def test_no_token_stays_where_the_file_cannot_be_written(tmp_path: Path) -> None:
    taken = tmp_path / "profiles"
    (taken / "in the way").mkdir(parents=True)
    profiles = Profiles(taken)
    profiles.add("x", Profile("http://h.example", "s3cret"))

    with pytest.raises(ProfileInvalid, match="cannot be written"):
        profiles.save()

    assert list(tmp_path.iterdir()) == [taken]


def test_a_file_that_others_read_or_that_is_damaged_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    readable = run("profile", "list")
    assert (readable.exit_code, "run `chmod 600` on it" in readable.stderr) == (2, True)

    path.chmod(0o600)
    for body in (
        "",
        "{}",
        "[]",
        '{"profiles": [], "current": null}',
        '{"profiles": {}, "current": []}',
        '{"profiles": {"a": 1}, "current": "a"}',
        '{"profiles": {"a": {"url": 1}}, "current": "a"}',
        '{"profiles": {"a": {"url": "http://h", "token": 1}}, "current": "a"}',
    ):
        path.write_text(body)
        with pytest.raises(ProfileInvalid, match="damaged"):
            Profiles.of_user()
        assert run("search", "x").exit_code == 2

    path.write_text('{"profiles": {"a": {"url": "http://[::1"}}, "current": "a"}')
    listed = run("profile", "list")
    assert (listed.exit_code, "is not the address of a server" in listed.stderr) == (2, True)


async def test_commands_take_the_profile_in_use_or_the_one_that_is_named(scripted: Scripted) -> None:
    run("profile", "add", "first", "--url", scripted.url, "--with-token", given="one\n")
    run("profile", "add", "second", "--url", scripted.url, "--with-token", given="two\n")

    assert await authorization(scripted) == "Bearer one"
    assert await authorization(scripted, "--profile", "second") == "Bearer two"
    assert run("search", "x", "--profile", "third").exit_code == 2


async def test_the_environment_wins_and_a_token_goes_to_its_own_server_only(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("profile", "add", "other", "--url", "http://127.0.0.1:1", "--with-token", given="one\n")

    assert await authorization(scripted, "--server", scripted.url) is None
    monkeypatch.setenv("HEADBOX_URL", scripted.url)
    assert await authorization(scripted) is None
    monkeypatch.setenv("HEADBOX_TOKEN", "two")
    assert await authorization(scripted) == "Bearer two"


async def test_a_profile_that_is_named_wins_over_the_environment(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADBOX_URL", "http://127.0.0.1:1")
    run("profile", "add", "own", "--url", scripted.url, "--with-token", given="one\n")
    run("profile", "add", "none", "--url", scripted.url)

    assert await authorization(scripted, "--profile", "own") == "Bearer one"
    assert await authorization(scripted, "--profile", "none") is None
    monkeypatch.setenv("HEADBOX_TOKEN", "two")
    assert await authorization(scripted, "--profile", "own") == "Bearer one"
    assert await authorization(scripted, "--profile", "none") == "Bearer two"


async def test_programs_take_profiles_too(scripted: Scripted) -> None:
    profiles = Profiles.of_user()
    profiles.add("p", Profile(scripted.url, "one"))
    profiles.save()
    scripted.answers.append(data({"n": 1}))

    async with Client.of_profile("p") as client:
        await client.execute("{ n }")
    assert scripted.requests[0]["headers"]["Authorization"] == "Bearer one"
    with pytest.raises(ProfileInvalid):
        Client.of_profile("q")
