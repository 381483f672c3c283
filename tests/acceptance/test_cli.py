"""The command line as people and scripts use it: real commands, a real server, a real upstream."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from headbox import __version__
from tests.support.installation import WAY
from tests.support.launcher import launcher
from tests.support.program import Program
from tests.support.server import COMMAND, HeadboxServer
from tests.support.upstream import Slow, Status, Upstream, pulp_manifest
from tests.support.waiting import PATIENCE_SECONDS

FILES = {"a.txt": b"first", "b/c.txt": b"second"}


class Cli:
    """`headbox` against a server."""

    def __init__(self, url: str, cache: Path) -> None:
        self._environment = {**os.environ, "HEADBOX_URL": url, "COLUMNS": "120", "XDG_CACHE_HOME": str(cache)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return launcher().run(arguments, self._environment)

    def start(self, *arguments: str) -> Program:
        return Program(
            [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment
        )

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--output", "json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cli(server: HeadboxServer, cache: Path) -> Cli:
    return Cli(server.url, cache)


@pytest.fixture
def mirror(cli: Cli, upstream: Upstream) -> Any:
    """A synced and served repository "mirror" with the remote "up"."""
    upstream.files.update({"PULP_MANIFEST": pulp_manifest(FILES), **FILES})
    return cli.json(
        *("file", "repository", "create", "--name", "mirror"),
        *("--remote.create.name", "up", "--remote.create.url", f"{upstream.url}/PULP_MANIFEST"),
        *("--distribution", "mirrors/one", "--automation", "distribute", "--sync-mode", "mirror", "--sync", "--watch"),
    )


def test_one_command_makes_a_served_mirror_and_watches_it(mirror: Any, server: HeadboxServer) -> None:
    assert mirror["task"]["state"] == "COMPLETED"
    assert [action["name"] for action in mirror["task"]["actions"]] == ["sync", "publish", "distribute"]
    assert mirror["distributions"][0]["url"] == f"{server.url}/content/mirrors/one/"
    assert server.get("/content/mirrors/one/b/c.txt").content == b"second"


def test_names_stand_for_ids(mirror: Any, cli: Cli, upstream: Upstream, server: HeadboxServer) -> None:
    upstream.files.update({"PULP_MANIFEST": pulp_manifest({"a.txt": b"changed"}), "a.txt": b"changed"})

    synced = cli.run("file", "sync", "create", "--repository", "mirror", "--watch")
    assert synced.returncode == 0
    assert "file.sync: sync completed" in synced.stderr
    assert synced.stderr.endswith("file.sync: completed\n")
    assert server.get("/content/mirrors/one/a.txt").content == b"changed"

    assert cli.json("file", "repository", "update", "mirror", "--description", "Tools")["repository"]["revision"] == 2
    assert (
        cli.json("file", "repository", "update", "mirror", "--unset", "description")["repository"]["description"]
        is None
    )
    shown = cli.json("repository", "show", "mirror")
    assert shown == cli.json("repository", "show", shown["id"])
    assert cli.run("distribution", "delete", "mirrors/one").returncode == 0
    assert cli.run("repository", "delete", "mirror").returncode == 0
    assert cli.json("repository", "list")["nodes"] == []


def test_lists_are_tables_for_people_and_pages_for_programs(mirror: Any, cli: Cli) -> None:
    table = cli.run("file", "repository", "list")
    assert table.stderr == ""
    header, row = table.stdout.splitlines()
    assert header.startswith("name")
    assert row.startswith("mirror")
    assert mirror["repository"]["id"] not in row

    assert yaml.safe_load(cli.run("repository", "list", "-o", "yaml").stdout) == cli.json("repository", "list")
    page = cli.json("file", "content", "list", "--first", "1")
    assert [node["size"] for node in page["nodes"]] == [len(FILES[page["nodes"][0]["relativePath"]])]
    rest = cli.json("file", "content", "list", "--after", page["pageInfo"]["endCursor"])
    assert {node["relativePath"] for node in page["nodes"] + rest["nodes"]} == FILES.keys()
    assert "There are more: --after " in cli.run("file", "content", "list", "--first", "1").stderr
    assert len(cli.json("task", "list", "--state", "completed", "--kind", "file.sync")["nodes"]) == 1
    assert cli.json("task", "list", "--state", "failed")["nodes"] == []


def test_what_is_neither_a_list_nor_a_node_is_shown_too(mirror: Any, cli: Cli) -> None:
    digest = hashlib.sha256(FILES["a.txt"]).hexdigest()
    assert cli.run("artifact", "have", "--sha256", digest, "--sha256", "0" * 64).stdout == f"{digest}\n"
    shown = cli.run("artifact", "show", digest)
    assert "a.txt" in shown.stdout
    assert "mirrors/one" in shown.stdout
    missing = cli.run("artifact", "show", "0" * 64)
    assert (missing.returncode, missing.stderr) == (1, f"Error: There is no artifact '{'0' * 64}'.\n")

    assert [edge["node"]["name"] for edge in cli.json("remote", "impact", "up")["repositories"]["edges"]] == ["mirror"]
    before = cli.run("distribution", "as-of", "--base-path", "mirrors/one", "--at", "2020-01-01T00:00:00Z")
    assert (before.returncode, before.stderr.splitlines()[0]) == (1, "Error: There is none.")
    changes = cli.json("repository-version", "diff", "--from", "mirror@0", "--to", "mirror")["nodes"]
    assert [row["change"] for row in changes] == ["ADDED", "ADDED"]
    header, *rows = cli.run("repository-version", "diff", "--from", "mirror@0", "--to", "mirror").stdout.splitlines()
    assert header.split()[:2] == ["kind", "artifacts"]
    assert {row.split()[1] for row in rows} == FILES.keys()
    unknown = cli.run("repository-version", "diff", "--from", "mirror@7", "--to", "mirror")
    assert unknown.stderr.startswith("Error: There is no repository version 'mirror@7'.\n")
    assert cli.run("repository", "rollback", "--repository-version", "mirror@0", "--watch").returncode == 0
    assert cli.json("queue-stats", "show")["running"] == 0


def test_what_is_refused_says_why_where_and_what_to_do(mirror: Any, cli: Cli) -> None:
    taken = cli.run("file", "repository", "create", "--name", "mirror")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert taken.stderr == (
        "Error: A repository named 'mirror' exists already. (name)\n"
        "Hint: Choose another name, or update the one that exists.\n"
    )
    unknown = cli.run("file", "sync", "create", "--repository", "nothing")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("Error: There is no repository 'nothing'.\n")
    assert cli.run("file", "sync", "create").returncode == 2
    assert len(cli.json("task", "list")["nodes"]) == 1


def test_a_failed_task_ends_the_watch_with_one(mirror: Any, cli: Cli, upstream: Upstream) -> None:
    upstream.fault("PULP_MANIFEST", Status(404))

    failed = cli.run("file", "sync", "create", "--repository", "mirror", "--watch", "--output", "json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["task"]["error"]["code"] == "REMOTE_RESPONSE"
    assert "\nError: " in failed.stderr
    assert "404" in failed.stderr

    again = cli.run("task", "watch", json.loads(failed.stdout)["task"]["id"])
    assert (again.returncode, again.stdout) == (1, "")


def test_a_canceled_task_ends_the_watch_with_four(mirror: Any, cli: Cli, upstream: Upstream) -> None:
    upstream.fault("PULP_MANIFEST", Slow(20))
    task = cli.json("file", "sync", "create", "--repository", "mirror")["task"]
    with cli.start("task", "watch", task["id"]) as watching:
        assert watching.stderr is not None
        assert watching.stderr.readline().startswith("file.sync: ")

        assert cli.run("task", "cancel", task["id"]).returncode == 0
        _, rest = watching.communicate(timeout=PATIENCE_SECONDS)

    assert watching.returncode == 4
    assert rest.endswith("file.sync: canceled\n")
    repeated = cli.json("task", "repeat", task["id"])["task"]
    assert repeated["id"] != task["id"]


def test_ctrl_c_leaves_the_task_alone(mirror: Any, cli: Cli, upstream: Upstream) -> None:
    upstream.fault("PULP_MANIFEST", Slow(20))
    with cli.start("file", "sync", "create", "--repository", "mirror", "--watch") as watching:
        assert watching.stderr is not None
        assert watching.stderr.readline().startswith("file.sync: ")
        watching.send_signal(signal.SIGINT)
        _, rest = watching.communicate(timeout=PATIENCE_SECONDS)

    assert watching.returncode == 130
    assert "The task goes on. See it again: headbox task watch " in rest
    assert "Traceback" not in rest
    [unfinished] = cli.json("task", "list", "--state", "running", "--state", "waiting")["nodes"]
    assert cli.run("task", "cancel", unfinished["id"]).returncode == 0


def test_lists_go_on_with_what_changes(mirror: Any, cli: Cli, upstream: Upstream) -> None:
    process = cli.start("repository", "show", "mirror", "--watch", "--output", "json")
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout as states, process.stderr:
        before = json.loads(states.readline())["latestVersion"]["number"]
        upstream.files["PULP_MANIFEST"] = pulp_manifest({"a.txt": FILES["a.txt"]})
        assert cli.run("file", "sync", "create", "--repository", "mirror", "--watch").returncode == 0

        assert any(json.loads(line)["latestVersion"]["number"] == before + 1 for line in states)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_SECONDS) == 130

    assert cli.run("repository", "show", "nothing", "--watch").returncode == 1
    page = cli.run("task", "list", "--watch", "--first", "3")
    assert (page.returncode, "not with --first" in page.stderr) == (2, True)


def test_status(cli: Cli, server: HeadboxServer) -> None:
    table = cli.run("status")
    assert table.returncode == 0
    assert f"version   {__version__}\n" in table.stdout
    assert "workers   ✓ 1 online\n" in table.stdout
    status = cli.json("status")
    name = {"embedded": "sqlite", "distributed": "postgres"}[WAY]
    assert status["database"] == {"name": name, "ok": True, "detail": None}
    assert {"name": "file", "version": __version__} in status["plugins"]

    server.kill()
    gone = cli.run("status")
    assert (gone.returncode, gone.stdout) == (3, "")
    assert gone.stderr == (
        f"Error: {server.url} cannot be reached: Connection refused.\n"
        "Hint: Is `headbox serve` running? --server, --profile or HEADBOX_URL names another address.\n"
    )


# Servers that hear of each other through Redis share what they run on.
@pytest.mark.embedded
def test_a_second_server_on_the_same_folder_is_refused(server: HeadboxServer, cli: Cli) -> None:
    refused = cli.run("serve", "--port", "0", "--data-dir", str(server.data_dir))

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"Error: another headbox runs on the data folder {server.data_dir}\n"
        "Hint: Stop it, or name another folder with --data-dir.\n"
    )


def test_a_port_that_is_taken_is_refused(server: HeadboxServer, cli: Cli, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]

    refused = cli.run("serve", "--port", port, "--data-dir", str(tmp_path / "other"))

    assert refused.returncode != 0
    assert "address already in use" in refused.stderr.lower()
    assert "Traceback" not in refused.stderr


PLUGIN = '''
from pydantic import Field

from headbox.plugin_api import ContentUnit, Plugin


class {name}(ContentUnit, kind="{kind}", natural_key=("name",)):
    """One thing."""

    name: str = Field(description="Its name.")


plugin = Plugin(name="thing", version="1", description="Things.", documents=({name},), tasks=())
'''


def test_commands_of_a_plugin_come_and_change_with_it(tmp_path: Path) -> None:
    information = tmp_path / "headbox_thing-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: headbox-thing\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[headbox.plugins]\nthing = headbox_thing:plugin\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(name: str, kind: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "headbox_thing.py").write_text(PLUGIN.format(name=name, kind=kind))
        return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment)

    assert "What the plugin thing brings." in run("Widget", "thing.widget", "--help").stdout
    assert "--first INTEGER" in run("Widget", "thing.widget", "thing", "widget", "list", "--help").stdout
    assert "  gadget  One thing." in run("Gadget", "thing.gadget", "thing", "--help").stdout

    wrong = run("Gadget", "other.gadget", "thing", "--help")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("Error: headbox_thing.Gadget has the kind 'other.gadget'")
    assert wrong.stderr.endswith("Hint: Mend the plugin, or uninstall it.\n")


def test_repository_is_changed_by_hand(mirror: Any, cli: Cli) -> None:
    cli.json("file", "repository", "create", "--name", "own")
    units = [node["id"] for node in cli.json("file", "content", "list")["nodes"]]
    add = ("file", "add", "create", "--repository", "own")

    ended = [cli.json(*add, "--add", units[0], "--add", units[1], "--watch")]
    ended.append(cli.json(*add, "--remove", units[0], "--watch"))
    first = cli.json("file", "add", "list")["nodes"][-1]["repositoryVersion"]["id"]
    ended.append(cli.json("repository", "rollback", "--repository-version", first, "--watch"))
    source = mirror["repository"]["id"]
    ended.append(cli.json("file", "copy", "create", "--repository", "own", "--source", source, "--watch"))

    assert [answer["task"]["state"] for answer in ended] == ["COMPLETED"] * 4
    latest = cli.json("repository", "show", "own")["latestVersion"]
    assert latest["number"] == 3
    refused = cli.run(*add, "--add", units[0], "--remove", units[0])
    assert refused.returncode == 1
    assert "(remove)" in refused.stderr


def test_a_plan_is_shown_and_just_that_is_done(
    mirror: Any, cli: Cli, upstream: Upstream, server: HeadboxServer
) -> None:
    files = {"a.txt": b"changed", **{f"new/{number:02}.txt": b"new" for number in range(30)}}
    upstream.files.update({"PULP_MANIFEST": pulp_manifest(files), **files})
    plan = ("file", "sync", "plan", "--repository", "mirror")

    shown = cli.run(*plan)
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["adds", "31", "97", "bytes"] in lines
    assert ["removes", "2", "11", "bytes"] in lines
    assert ["downloads", "2", "10", "bytes"] in lines
    assert ["file.content", "31", "(97", "bytes)", "2", "(11", "bytes)"] in lines
    assert ["file.content", "new/00.txt", "(3", "bytes)"] in lines
    assert ["and", "11", "more"] in lines
    assert ["file.content", "b/c.txt", "(6", "bytes)"] in lines
    assert cli.json("repository", "show", "mirror")["latestVersion"]["number"] == 1

    # What it prints is a command that does it.
    told = shown.stderr.strip().removeprefix("To do just this: headbox ").split()
    assert told[:5] == ["file", "sync", "create", "--repository", "mirror"]
    assert cli.run(*told, "--watch").returncode == 0
    assert server.get("/content/mirrors/one/new/29.txt").content == b"new"

    upstream.files["PULP_MANIFEST"] = pulp_manifest(FILES)
    applied = cli.json(*plan, "--apply", "--watch")
    assert applied["task"]["state"] == "COMPLETED"
    assert applied["plan"]["adds"]["count"] == 2
    assert cli.json("repository", "show", "mirror")["latestVersion"]["number"] == 3


def test_a_plan_that_cannot_be_is_an_error(mirror: Any, cli: Cli, upstream: Upstream) -> None:
    plan = ("file", "sync", "plan", "--repository", "mirror")
    assert cli.run(*plan, "--watch").returncode == 2
    upstream.fault("PULP_MANIFEST", Status(404), times=1)

    failed = cli.run(*plan, "--apply")

    assert (failed.returncode, failed.stdout) == (1, "")
    assert "404" in failed.stderr
    assert len(cli.json("file", "sync", "list")["nodes"]) == 1


def test_deletions_are_planned(mirror: Any, cli: Cli) -> None:
    assert cli.json("garbage-collection", "plan")["units"] == 0
    plan = cli.json("version-deletion", "plan", "--repository", "mirror", "--retain-versions", "1")
    assert [version["number"] for version in plan["versions"]] == [0]
    table = cli.run("version-deletion", "plan", "--repository", "mirror", "--retain-versions", "1").stdout
    assert ["freed", "bytes", "0", "bytes"] in [line.split() for line in table.splitlines()]


def test_times_of_a_schedule_are_told_before_there_is_one(cli: Cli) -> None:
    table = cli.run("schedule", "plan", "--cron", "30 3 * * MON", "--runs", "2")
    refused = cli.run("schedule", "plan", "--cron", "nonsense")

    assert table.returncode == 0, table.stderr
    times = [datetime.fromisoformat(line) for line in table.stdout.splitlines() if line.startswith("20")]
    assert [f"{time.astimezone(UTC):%a %H:%M}" for time in times] == ["Mon 03:30"] * 2
    assert (refused.returncode, refused.stdout) == (1, "")


def test_webhook_is_shown_its_secret_once(cli: Cli) -> None:
    made = cli.run("webhook", "create", "--name", "ci", "--url", "http://127.0.0.1:9/", "--event", "task-finished")
    rotated = cli.json("webhook", "rotate-secret", "ci", "--keep-previous-seconds", "60")
    tested = cli.json("webhook", "test", "ci")
    redelivered = cli.json("webhook-delivery", "redeliver", tested["delivery"]["id"])
    listed = cli.json("webhook-delivery", "list", "--webhook", "ci")

    assert made.returncode == 0, made.stderr
    [secret] = [word for word in made.stdout.split() if word.startswith("whsec_")]
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != secret
    assert redelivered["delivery"]["id"] == tested["delivery"]["id"]
    assert [node["event"] for node in listed["nodes"]] == ["PING"]
    assert "whsec_" not in cli.run("webhook", "show", "ci").stdout
