from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from headbox import __version__
from headbox.cli.derived.groups import nouns
from headbox.cli.derived.installed import installed_api
from headbox.cli.derived.operations import NOT_DERIVED, operations
from headbox.cli.main import CORE_NOUNS, main

HEAVY = (
    "aiohttp",
    "asyncio",
    "graphql",
    "headbox.client",
    "orjson",
    "pydantic",
    "rich",
    "strawberry",
    "tortoise",
    "yaml",
)


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments, env=environment, prog_name="headbox")
    return result.exit_code, result.stdout, result.stderr


def test_help_lists_the_commands_by_section() -> None:
    code, out, _ = run("--help")

    assert code == 0
    titles = [line.rstrip(":") for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Options", "Run a server", "Talk to a server", "Plugins"]
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("  ") and len(line.split()) > 1]
    assert {"serve", "api", "content", "worker", "migrate", "schema", "status", "file", *CORE_NOUNS} <= set(listed)


def test_version_is_that_of_the_distribution() -> None:
    assert run("--version") == (0, f"headbox {__version__}\n", "")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    code = f"""
import sys
from headbox.cli.main import main
try:
    main(["{option}"])
except SystemExit:
    print("loaded:", *(name for name in {HEAVY!r} if name in sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_output_to_a_full_disk_ends_in_a_failure(arguments: list[str]) -> None:
    # As a process of its own: what is left in a buffer would fail at its end.
    code = "from headbox.cli.main import main; main()"
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", code, *arguments], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert result.returncode == 1
    assert result.stderr == "Error: The output cannot be written: No space left on device.\n"


def test_unknown_command_names_the_installed_plugins() -> None:
    code, out, err = run("rpm", "sync", "create")

    assert (code, out) == (2, "")
    assert err == (
        "Error: There is no command 'rpm'.\n"
        "Hint: See `headbox --help`. Plugins bring their own commands; installed: file.\n"
    )


def test_the_listed_nouns_are_those_of_the_schema() -> None:
    assert {*CORE_NOUNS, "content", "worker"} == nouns() - {"file"}


def test_every_query_and_mutation_has_a_command() -> None:
    schema, kinds = installed_api()
    assert schema.query_type
    assert schema.mutation_type
    derived = list(operations(schema, kinds))

    assert {operation.name for operation in derived} == (
        schema.query_type.fields.keys() | schema.mutation_type.fields.keys()
    ) - NOT_DERIVED.keys()
    assert len({operation.path for operation in derived}) == len(derived)
    assert {"search", "status"} <= set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("noun", [*CORE_NOUNS, "content", "worker", "file"])
def test_every_group_has_commands(noun: str) -> None:
    group = main.get_command(click.Context(main), noun)

    assert isinstance(group, click.Group)
    assert group.list_commands(click.Context(group))


def test_wrong_settings_are_one_line_that_names_the_variables() -> None:
    code, out, err = run("serve", HEADBOX_SERVER_PORT="http", HEADBOX_LOG_LEVEL="loud")

    assert (code, out) == (2, "")
    assert err.startswith("Error: HEADBOX_SERVER_PORT: Input should be a valid integer")
    assert "HEADBOX_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'" in err
    assert err.endswith("Hint: Correct or unset the variable.\n")


def test_list_that_is_no_json_is_told_with_an_example() -> None:
    code, out, err = run("worker", HEADBOX_WORKER_QUEUES="high")

    assert (code, out) == (2, "")
    assert err.startswith("Error: HEADBOX_WORKER*: ")
    assert """HEADBOX_WORKER_QUEUES='["high"]'""" in err


def test_an_address_that_others_reach_is_refused(tmp_path: Path) -> None:
    code, out, err = run("serve", "--host", "0.0.0.0", "--data-dir", str(tmp_path))

    assert (code, out) == (2, "")
    assert err == (
        "Error: headbox does not listen on 0.0.0.0 while there are no accounts\n"
        "Hint: Listen on 127.0.0.1, and put a proxy that asks for credentials in front.\n"
    )


def test_migrate_says_what_it_did_and_check_what_is_pending(tmp_path: Path) -> None:
    folder = tmp_path / "new"

    assert run("migrate", "--check", "--data-dir", str(folder)) == (
        1,
        "",
        f"Error: There is no database in {folder}.\nHint: Run `headbox migrate`.\n",
    )
    assert not folder.exists()
    code, out, _ = run("migrate", "--data-dir", str(folder))
    assert code == 0
    assert out.splitlines()[0] == "applied  0001_initial"
    up_to_date = (0, f"{folder / 'headbox.db'} is up to date.\n", "")
    assert run("migrate", "--check", "--data-dir", str(folder)) == up_to_date
    assert run("migrate", "--data-dir", str(folder)) == up_to_date


def test_migrate_refuses_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    code, _, err = run("migrate", "--data-dir", str(tmp_path / "file" / "below"))

    assert code == 2
    assert "cannot be used: Not a directory." in err


def test_schema_of_named_plugins(tmp_path: Path) -> None:
    target = tmp_path / "schema.graphql"

    code, out, _ = run("schema", "--plugin", "file")
    assert code == 0
    assert "type FileRepository implements" in out
    assert out.endswith("}\n")
    assert run("schema", "--plugin", "file", "-o", str(target)) == (0, "", "")
    assert target.read_text() == out
    assert run("schema", "--plugin", "rpm") == (2, "", "Error: There is no plugin rpm.\nHint: Installed: file.\n")
