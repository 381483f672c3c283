"""The questions that the page on troubleshooting has its readers ask, asked of a server whose tasks wait."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.deploy.checks import ROOT
from tests.support import client
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.tutorial import blocks_of
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import wait_until

PAGE = (ROOT / "docs" / "operate" / "troubleshooting.md").read_text()
#: The documents of the page, by the names of their operations.
QUERIES = {re.findall(r"query (\w+)", text)[0]: text for text in blocks_of(PAGE)["graphql"]}
#: How long the upstream takes for each chunk, in seconds: longer than the test.
SLOW_SECONDS = 60.0


@pytest.fixture
def queue(server: HeadboxServer, upstream: Upstream) -> dict[str, Any]:
    """A repository with a sync that runs and one that waits for it: their ids."""
    serve(upstream, {"a": b"a"})
    upstream.fault("a", Slow(SLOW_SECONDS))
    made = client.create_mirror(server, f"{upstream.url}/{MANIFEST}", "mirror", sync=True)
    repository, running = made["repository"]["id"], made["task"]["id"]
    wait_until(lambda: client.task(server, running)["state"] == "RUNNING")
    waiting = client.sync(server, repository)["id"]
    return {"repository": repository, "running": running, "waiting": waiting}


def test_task_says_what_it_waits_for(server: HeadboxServer, queue: dict[str, Any]) -> None:
    task = server.query(QUERIES["WhyDoesItWait"], {"id": queue["waiting"]})["task"]

    assert task["state"] == "WAITING"
    (before,) = task["blockedBy"]
    assert (before["id"], before["state"]) == (queue["running"], "RUNNING")
    assert before["worker"]["online"] is True
    assert {claim["resource"] for claim in task["claims"]} & {claim["resource"] for claim in before["claims"]}


def test_server_says_who_runs_what(server: HeadboxServer, queue: dict[str, Any]) -> None:
    answer = server.query(QUERIES["WhoRuns"])

    assert answer["status"]["workersOnline"] == 1
    stats = answer["queueStats"]
    assert (stats["runnable"], stats["blocked"], stats["running"]) == (0, 1, 1)
    (worker,) = answer["workers"]
    assert [task["id"] for task in worker["currentTasks"]] == [queue["running"]]


def test_repository_says_what_is_queued(server: HeadboxServer, queue: dict[str, Any]) -> None:
    tasks = server.query(QUERIES["WhatIsQueued"], {"repository": queue["repository"]})["tasks"]

    assert {edge["node"]["id"] for edge in tasks["edges"]} == {queue["running"], queue["waiting"]}


def test_every_question_of_the_page_is_asked_here() -> None:
    assert QUERIES.keys() == {"WhyDoesItWait", "WhoRuns", "WhatIsQueued"}
