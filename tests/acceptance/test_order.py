"""Order as clients see it: one sync of a repository at a time, and others beside it."""

from __future__ import annotations

import pytest

from tests.support import client
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Slow, Upstream, pulp_manifest
from tests.support.waiting import wait_until

UPDATE = """
    mutation Update($input: UpdateFileRemoteInput!) {
      updateFileRemote(input: $input) { remote { revision url } errors { code message path hint } }
    }
"""
CANCEL = """
    mutation Cancel($id: ID!) {
      cancelTask(id: $id) { task { id state } errors { code message path hint } }
    }
"""
REMOTE = "query Remote($id: ID!) { node(id: $id) { ... on FileRepository { remote { id } } } }"


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    serve(upstream, {"a.txt": b"a"})
    return upstream


def test_sync_update_sync_uses_the_old_revision_and_then_the_new_one(server: HeadboxServer, upstream: Upstream) -> None:
    upstream.files["new/PULP_MANIFEST"] = pulp_manifest({"b.txt": b"b"})
    upstream.files["new/b.txt"] = b"b"
    upstream.fault(MANIFEST, Slow(0.5), times=1)
    mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror")
    repository = mirror["repository"]["id"]
    remote = server.query(REMOTE, {"id": repository})["node"]["remote"]["id"]

    first = client.sync(server, repository)
    url = upstream.url_of("new/PULP_MANIFEST")
    updated = client.unrefused(server.query(UPDATE, {"input": {"id": remote, "url": url}})["updateFileRemote"])
    second = client.sync(server, repository)

    assert client.task(server, first["id"])["state"] in {"WAITING", "RUNNING"}, "the update waited for the sync"
    assert updated["remote"] == {"revision": 2, "url": url}
    assert client.task(server, second["id"])["blockedBy"] == [{"id": first["id"]}]
    assert client.completed(server, first["id"])["remoteRevision"] == 1
    assert client.completed(server, second["id"])["remoteRevision"] == 2
    assert [path for _, path in upstream.requests] == [MANIFEST, "a.txt", "new/PULP_MANIFEST", "new/b.txt"]


def test_blocked_by_names_the_tasks_before_until_they_end(server: HeadboxServer, upstream: Upstream) -> None:
    upstream.fault(MANIFEST, Slow(60), times=1)
    mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror", sync=True)
    first = mirror["task"]["id"]
    wait_until(lambda: upstream.hits(MANIFEST))
    repository = mirror["repository"]["id"]
    second, third = (client.sync(server, repository)["id"] for _ in range(2))

    assert client.task(server, first)["blockedBy"] == []
    assert client.task(server, third)["blockedBy"] == [{"id": first}, {"id": second}]
    client.unrefused(server.query(CANCEL, {"id": second})["cancelTask"])
    assert client.task(server, third)["blockedBy"] == [{"id": first}]
    client.unrefused(server.query(CANCEL, {"id": first})["cancelTask"])

    client.completed(server, third)
    assert client.finished(server, first)["state"] == "CANCELED"


def test_repositories_do_not_wait_for_each_other(server: HeadboxServer, upstream: Upstream) -> None:
    upstream.fault(MANIFEST, Slow(60), times=1)
    slow = client.create_mirror(server, upstream.url_of(MANIFEST), "slow", sync=True)
    wait_until(lambda: upstream.hits(MANIFEST))

    quick = client.create_mirror(server, upstream.url_of(MANIFEST), "quick", sync=True)

    client.completed(server, quick["task"]["id"])
    assert client.task(server, slow["task"]["id"])["state"] == "RUNNING"
