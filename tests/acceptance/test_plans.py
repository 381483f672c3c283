"""A server that ends in the middle of a plan leaves nothing of it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from tests.support import client
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import wait_until

PLAN = """
query ($repository: ID!) {
  planFileSync(input: { repository: $repository }) { id adds { count } errors { code } }
}
"""
APPLY = """
mutation ($repository: ID!, $plan: ID!) {
  createFileSync(input: { repository: $repository, plan: $plan }) { task { id } errors { code message path hint } }
}
"""
FILES = {"a.txt": b"a", "b.txt": b"b"}
#: How long a server may take to end, in seconds: less than it would wait for requests.
LIMIT_SECONDS = 6


def plan(server: HeadboxServer, repository: str) -> dict[str, Any]:
    """Return a plan."""
    made: dict[str, Any] = server.query(PLAN, {"repository": repository})["planFileSync"]
    return made


@pytest.mark.parametrize("is_killed", [True, False])
def test_server_that_ends_amid_a_plan_leaves_nothing_of_it(
    server: HeadboxServer, upstream: Upstream, *, is_killed: bool
) -> None:
    serve(upstream, FILES)
    repository = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror")["repository"]["id"]
    upstream.fault(MANIFEST, Slow(60), times=1)

    def ask() -> None:
        with suppress(httpx2.TransportError):
            plan(server, repository)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: upstream.hits(MANIFEST))
    work = server.data_dir / "work"
    assert any(work.glob("*/plan.*"))

    start = time.monotonic()
    if is_killed:
        server.kill()
    else:
        assert server.terminate() == 0
        assert list(work.iterdir()) == []
    took = time.monotonic() - start
    asking.join()

    assert took < LIMIT_SECONDS
    server.start()
    assert list(work.glob("*/*")) == []
    made = plan(server, repository)
    assert made["adds"]["count"] == len(FILES)
    applied = server.query(APPLY, {"repository": repository, "plan": made["id"]})["createFileSync"]
    client.completed(server, client.unrefused(applied)["task"]["id"])
    assert server.get("/content/mirror/a.txt").content == b"a"
