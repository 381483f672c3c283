"""`headbox apply` against a real server."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.launcher import launcher
from tests.support.server import HeadboxServer
from tests.support.waiting import PATIENCE_SECONDS

SITE = """\
kind: schedule
name: nightly
cron: "30 3 * * *"
task:
  fileSync: {repository: centos, mode: MIRROR}
---
kind: distribution
basePath: centos
source: {repository: centos}
---
kind: file.repository
name: centos
remote: up
automation: DISTRIBUTE
publishSettings: {}
labels: {team: tools}
---
kind: file.remote
name: up
url: http://127.0.0.1:9/PULP_MANIFEST
policy: on-demand
username: me
password: ${PASSWORD}
headers: {X-A: b}
---
kind: webhook
name: ci
url: http://127.0.0.1:9/hook
repository: centos
taskFilter: {repository: centos, state: [FAILED]}
"""


class Apply:
    """`headbox apply` of one file."""

    def __init__(self, server: HeadboxServer, folder: Path) -> None:
        self.file = folder / "site.yaml"
        self.environment = {
            **os.environ,
            "HEADBOX_URL": server.url,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PASSWORD": "geheim",
        }

    def __call__(self, *options: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        if text is not None:
            self.file.write_text(text)
        return launcher().run(["apply", str(self.file), *options], self.environment)

    def actions(self, *options: str, text: str | None = None, code: int = 0) -> dict[str, str]:
        """Return what was planned for each thing."""
        result = self(*options, "--output", "json", text=text)
        assert result.returncode == code, result.stderr
        assert "geheim" not in result.stdout + result.stderr
        return {f"{step['kind']} {step['key']}": step["action"] for step in json.loads(result.stdout)["plan"]}


@pytest.fixture
def apply(server: HeadboxServer, tmp_path: Path) -> Apply:
    return Apply(server, tmp_path)


def test_a_file_is_applied_changed_and_pruned_and_twice_is_once(apply: Apply, server: HeadboxServer) -> None:
    things = ["file.remote up", "file.repository centos", "distribution centos", "schedule nightly", "webhook ci"]
    assert apply.actions("--plan", text=SITE, code=5) == dict.fromkeys(things, "create")
    assert shown(server) == []
    nobody = apply()
    assert (nobody.returncode, "There is nobody to ask." in nobody.stderr) == (2, True)

    created = apply("--yes")
    assert created.returncode == 0, created.stderr
    assert "password: (secret)" in created.stdout
    assert "webhook ci: secret whsec_" in created.stdout
    assert created.stderr.splitlines() == [f"created {thing}" for thing in things]
    assert apply.actions("--yes") == dict.fromkeys(things, "unchanged")
    assert "shows no secrets: file.remote up: username, password." in apply("--plan").stderr
    assert apply.actions("--plan", "--renew-secrets", code=5)["file.remote up"] == "update"
    assert shown(server) == [("centos", "DISTRIBUTE", {"team": "tools", "headbox.apply": "site"})]

    changed = SITE.replace("DISTRIBUTE", "NONE").replace("{}", "{manifest: LIST}").partition("---\nkind: webhook")[0]
    pruned = apply("--yes", "--prune", text=changed.replace("source: {repository", "source: {repositoryVersion"))
    assert pruned.returncode == 0, pruned.stderr
    assert pruned.stdout.splitlines() == [
        "~ file.repository centos",
        "    automation: DISTRIBUTE -> NONE",
        "    publishSettings: manifest=PULP_MANIFEST -> manifest=LIST",
        "~ distribution centos",
        "    source: repository=centos -> repositoryVersion=centos",
        "- webhook ci",
        "0 to create, 2 to update, 1 to delete, 2 unchanged",
    ]
    assert set(apply.actions("--prune", "--plan").values()) == {"unchanged"}
    assert apply.actions("--prune", "--yes", text="") == {thing.removeprefix("file."): "delete" for thing in things[:4]}
    assert shown(server) == []


def test_it_stops_at_the_first_error_and_says_what_was_done(apply: Apply, server: HeadboxServer) -> None:
    taken = "kind: distribution\nbasePath: a/b\n---\nkind: distribution\nbasePath: a\n---\n"
    stopped = apply("--yes", text=taken + "kind: schedule\nname: s\ncron: '* * * * *'\ntask: {repair: {}}\n")

    assert stopped.returncode == 1
    assert "Done: distribution a/b.\nNot done: distribution a, schedule s.\n" in stopped.stderr
    webhooks = "kind: webhook\nname: told\nurl: http://127.0.0.1:9/\n---\nkind: webhook\nname: refused\nurl: nonsense\n"
    told = apply("--yes", text=webhooks)
    assert (told.returncode, "webhook told: secret whsec_" in told.stdout) == (1, True), told.stderr
    assert apply("--yes", "--name", "", text="").returncode == 2
    unknown = apply("--yes", text="kind: file.repository\nname: x\n---\nkind: file.repository\nname: y\nremote: z\n")
    assert (unknown.returncode, "site.yaml:4: there is no remote 'z'" in unknown.stderr) == (2, True)
    assert shown(server) == []


def test_whoever_is_asked_sees_the_plan_and_may_go_away(apply: Apply, server: HeadboxServer) -> None:
    apply.file.write_text("kind: file.repository\nname: asked\n")
    keyboard, terminal = pty.openpty()
    try:
        asking = subprocess.Popen(
            [Path(sys.executable).with_name("headbox"), "apply", str(apply.file), "--output", "json"],
            env=apply.environment,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Ctrl-D, which ends it as Ctrl-C does.
        os.write(keyboard, b"\x04")
        output, errors = asking.communicate(timeout=PATIENCE_SECONDS)
    finally:
        os.close(keyboard)
        os.close(terminal)

    assert (asking.returncode, output) == (130, ""), errors
    assert "+ file.repository asked" in errors
    assert shown(server) == []


def shown(server: HeadboxServer) -> list[tuple[Any, ...]]:
    """Return the repositories of the server."""
    found = server.query("{ repositories { edges { node { name automation labels } } } }")["repositories"]
    return [tuple(edge["node"].values()) for edge in found["edges"]]
