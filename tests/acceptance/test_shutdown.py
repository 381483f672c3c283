"""SIGTERM ends the server cleanly, whatever is under way, and the next start goes on with it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import Any

import httpx2
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support import client
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxServer
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import PATIENCE_SECONDS, wait_until

WATCH = "subscription Watch($id: ID!) { task(id: $id) { state } }"
#: How long the server may take, in seconds.
LIMIT_SECONDS = 10


def test_server_ends_in_time_with_subscriptions_open_and_a_sync_running(
    server: HeadboxServer, upstream: Upstream
) -> None:
    serve(upstream, {"quick.txt": b"quick", "slow.txt": b"slow"})
    upstream.fault("slow.txt", Slow(60), times=1)
    mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror", sync=True)
    task = mirror["task"]["id"]
    wait_until(lambda: upstream.hits("slow.txt"))

    states: list[str] = []

    def watch() -> None:
        with suppress(httpx2.TransportError):
            states.extend(message["task"]["state"] for message in server.subscribe(WATCH, {"id": task}))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with connect(
        f"{server.url.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert received(socket) == {"type": "connection_ack"}
        socket.send(
            json.dumps({"type": "subscribe", "id": "1", "payload": {"query": WATCH, "variables": {"id": task}}})
        )
        assert received(socket)["payload"]["data"]["task"]["state"] == "RUNNING"
        wait_until(lambda: states)

        start = time.monotonic()
        exit_code = server.terminate()
        took = time.monotonic() - start
    watcher.join()

    assert exit_code == 0
    assert took < LIMIT_SECONDS
    assert states[0] == "RUNNING"
    assert list((server.data_dir / "work").iterdir()) == []
    server.start()
    client.completed(server, task)
    assert server.get("/content/mirror/slow.txt").content == b"slow"
    assert (upstream.hits("quick.txt"), upstream.hits("slow.txt")) == (1, 2)


def received(socket: Any) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
    return message


def test_waiting_tasks_wait_on_at_the_next_start(server: HeadboxServer, upstream: Upstream) -> None:
    serve(upstream, {"a.txt": b"a"})
    upstream.fault(MANIFEST, Slow(60), times=1)
    mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror", sync=True)
    behind = [client.sync(server, mirror["repository"]["id"])["id"] for _ in range(3)]
    wait_until(lambda: upstream.hits(MANIFEST))

    assert server.terminate() == 0
    server.start()

    for task in (mirror["task"]["id"], *behind):
        client.completed(server, task)


def test_idle_server_ends_at_once(server: HeadboxServer) -> None:
    start = time.monotonic()

    assert server.terminate() == 0
    assert time.monotonic() - start < LIMIT_SECONDS / 2
