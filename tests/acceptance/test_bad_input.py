"""What operators and upstreams do wrong, as a whole server answers it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support import client
from tests.support.launcher import launcher
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Upstream

FILES = {"a.txt": b"a", "large.bin": os.urandom(3_000_000)}


@pytest.mark.embedded
def test_second_server_on_the_same_data_folder_is_refused(server: HeadboxServer) -> None:
    second = launcher().run(["serve", "--port", "0", "--data-dir", str(server.data_dir)], os.environ)

    assert second.returncode == 2
    assert f"another headbox runs on the data folder {server.data_dir}" in second.stderr
    assert "Stop it, or name another folder with --data-dir." in second.stderr
    assert server.get("/livez").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_address_that_others_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    arguments = ["serve", "--host", host, "--port", "0", "--data-dir", str(tmp_path / "data")]
    refused = launcher().run(arguments, os.environ)

    assert refused.returncode == 2
    assert f"headbox does not listen on {host} while there are no accounts" in refused.stderr


def test_proxy_that_does_not_replace_the_user_is_told(data_dir: Path) -> None:
    query = "mutation { createGarbageCollection(input: {}) { task { id user } errors { code } } }"
    with HeadboxServer(data_dir, HEADBOX_USER_HEADER="Remote-User") as server:
        claimed, named = ("Remote-User", "mallory"), ("Remote-User", "alice")
        both = httpx2.post(f"{server.url}/graphql", json={"query": query}, headers=[claimed, named])
        one = httpx2.post(f"{server.url}/graphql", json={"query": query}, headers=[named])
        task = one.json()["data"]["createGarbageCollection"]["task"]
        client.completed(server, task["id"])
        tasks = server.query("{ tasks { edges { node { id user } } } }")["tasks"]["edges"]

    assert both.status_code == 400
    assert "Remote-User is not valid: it is there more than once" in both.text
    assert task["user"] == "alice"
    assert [edge["node"] for edge in tasks] == [task]


class TestFullDisk:
    @pytest.fixture
    def server(self, data_dir: Path) -> Iterator[HeadboxServer]:
        """A server that may write no file larger than 2 MB: as good as a full disk, and needs no mount."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        with HeadboxServer(data_dir) as server:
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (2_000_000, hard))
            yield server
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def test_sync_that_cannot_be_stored_fails_and_the_server_goes_on(
        self, server: HeadboxServer, upstream: Upstream
    ) -> None:
        serve(upstream, FILES)
        mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror", sync=True)

        failed = client.finished(server, mirror["task"]["id"])

        assert failed["state"] == "FAILED"
        assert failed["error"]["code"] == "STORAGE_FULL"
        assert server.get("/content/mirror/PULP_MANIFEST").status_code == 404
        assert list((server.data_dir / "work").glob("*/*")) == []
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        client.completed(server, client.sync(server, mirror["repository"]["id"])["id"])
        assert server.get("/content/mirror/large.bin").content == FILES["large.bin"]


def test_mirror_that_is_to_be_distributed_nowhere_is_refused_whole(server: HeadboxServer, upstream: Upstream) -> None:
    values = {
        "name": "mirror",
        "remote": {"create": {"name": "remote", "url": upstream.url_of(MANIFEST)}},
        "automation": "DISTRIBUTE",
        "sync": True,
    }

    payload = server.query(client.CREATE, {"input": values})["createFileRepository"]

    assert (payload["repository"], payload["task"]) == (None, None)
    assert [error["code"] for error in payload["errors"]] == ["NO_DISTRIBUTION"]
    counts = server.query("{ tasks { totalCount } repositories { totalCount } remotes { totalCount } }")
    assert counts == {name: {"totalCount": 0} for name in ("tasks", "repositories", "remotes")}


def test_base_path_that_cannot_be_is_refused_whole(server: HeadboxServer) -> None:
    for path in ("", "/absolute", "../up", "a/../b", "a//b", "a/", "a b", "a?b", "ä", "."):
        values = {"name": "mirror", "distributions": [{"basePath": path, "name": "named"}]}

        payload = server.query(client.CREATE, {"input": values})["createFileRepository"]

        assert payload["repository"] is None, path
        [error] = payload["errors"]
        assert (error["code"], error["path"]) == ("INVALID", ["input", "distributions", "0", "basePath"]), path
    assert server.query("{ repositories { totalCount } }") == {"repositories": {"totalCount": 0}}
