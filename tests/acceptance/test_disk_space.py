"""What the page on disk space says is done, word by word, and there is more room."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tests.support import client
from tests.support.launcher import launcher
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.tutorial import blocks_of
from tests.support.upstream import Upstream

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "disk-space.md"
DELETE = "mutation ($id: ID!) { deleteRepository(id: $id) { errors { message } } }"


def stored(server: HeadboxServer) -> int:
    """Return how many artifacts there are."""
    return sum(path.is_file() for path in (server.data_dir / "artifacts").glob("??/*"))


def test_page_frees_space(server: HeadboxServer, upstream: Upstream, tmp_path: Path) -> None:
    blocks = blocks_of(PAGE.read_text())
    serve(upstream, {f"{number}.txt": b"file %d" % number for number in range(5)})
    made = {
        name: client.create_mirror(
            server, upstream.url_of(MANIFEST), name, sync=True, distributions=[], automation="NONE"
        )
        for name in ("kept", "gone")
    }
    for mirror in made.values():
        client.completed(server, mirror["task"]["id"])
    serve(upstream, {"0.txt": b"file 0"})
    client.completed(server, client.sync(server, made["kept"]["repository"]["id"])["id"])

    for document in blocks["graphql"]:
        answer = server.query(
            document, {"repository": made["kept"]["repository"]["id"]} if "$repository" in document else {}
        )
        assert all(payload.get("errors", []) == [] for payload in answer.values()), document
    client.unrefused(server.query(DELETE, {"id": made["gone"]["repository"]["id"]})["deleteRepository"])
    retain = (
        "mutation ($id: ID!) { updateFileRepository(input: { id: $id, retainVersions: 1 }) { errors { message } } }"
    )
    client.unrefused(server.query(retain, {"id": made["kept"]["repository"]["id"]})["updateFileRepository"])
    serve(upstream, {"0.txt": b"file 0", "new.txt": b"new"})
    client.completed(server, client.sync(server, made["kept"]["repository"]["id"])["id"])
    before = stored(server)
    environment = {**os.environ, "HEADBOX_URL": server.url, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for line in "".join(blocks["console"]).splitlines():
        prompt, command, *arguments = shlex.split(line)
        assert (prompt, command) == ("$", "headbox")
        done = launcher().run(arguments, environment)
        assert done.returncode == 0, f"{line}\n{done.stderr}"

    assert (before, stored(server)) == (6, 2)
    runs = server.query("{ schedules { edges { node { name lastOutcome } } } }")["schedules"]["edges"]
    assert [(edge["node"]["name"], edge["node"]["lastOutcome"]) for edge in runs] == [
        ("collect", None),
        ("purge", "CREATED"),
        ("repair", None),
    ]
