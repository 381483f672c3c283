"""Webhooks of running processes, which are killed while they send: what is committed is told, by the same id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import client
from tests.support.cluster import Cluster
from tests.support.mirror import MANIFEST, serve
from tests.support.receiver import HOOK, Receiver
from tests.support.server import HeadboxProcess, HeadboxServer
from tests.support.upstream import Held, Upstream
from tests.support.waiting import wait_until

#: A try of a sender that was killed counts as lost after a second, and what the margin adds.
QUICK = {
    "HEADBOX_WEBHOOK_TIMEOUT_SECONDS": "1",
    "HEADBOX_WEBHOOK_BACKOFF_SECONDS": "0.2",
    "HEADBOX_WORKER_RECONCILE_SECONDS": "0.2",
    "HEADBOX_WORKER_HEARTBEAT_SECONDS": "0.2",
    "HEADBOX_WORKER_LOST_AFTER_SECONDS": "2",
}
CREATE = """
    mutation ($input: CreateWebhookInput!) {
      createWebhook(input: $input) { webhook { id } secret errors { message } }
    }
"""
PAUSE = "mutation ($id: ID!) { pauseWebhook(id: $id) { webhook { state } errors { message } } }"
RESUME = "mutation ($id: ID!) { resumeWebhook(id: $id) { webhook { state } errors { message } } }"
LOG = "{ webhookDeliveries { edges { node { id state attemptCount attempts { status } } } } }"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def create(server: HeadboxServer, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    """Create a webhook and return the payload."""
    given = {"name": "ci", "url": receiver.hook, "events": ["TASK_FINISHED"], **fields}
    return client.unrefused(server.query(CREATE, {"input": given})["createWebhook"])


def deliveries(server: HeadboxServer) -> list[dict[str, Any]]:
    """Return what webhooks were told, the newest first."""
    return [edge["node"] for edge in server.query(LOG)["webhookDeliveries"]["edges"]]


def are_delivered(server: HeadboxServer, number: int) -> bool:
    found = deliveries(server)
    return len(found) == number and all(delivery["state"] == "DELIVERED" for delivery in found)


def sender(cluster: Cluster, receiver: Receiver) -> HeadboxProcess | None:
    """Return the worker that has a connection on which the receiver was sent something."""
    ports = {port for _, port in receiver.peers}
    for node in cluster.workers:
        connections = psutil.Process(node.process.pid).net_connections("tcp4")
        if any(connection.laddr.port in ports for connection in connections):
            return node.process
    return None


@pytest.mark.embedded
def test_server_that_is_killed_tells_in_its_next_life(data_dir: Path, receiver: Receiver, upstream: Upstream) -> None:
    serve(upstream, {"a.txt": b"paper"})
    with HeadboxServer(data_dir, **QUICK) as server:
        made = create(server, receiver)
        client.unrefused(server.query(PAUSE, {"id": made["webhook"]["id"]})["pauseWebhook"])
        mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror", sync=True)
        client.completed(server, mirror["task"]["id"])

        # Committed, and nothing sent of it.
        server.restart()
        assert receiver.messages == []
        receiver.fault(HOOK, Held())
        client.unrefused(server.query(RESUME, {"id": made["webhook"]["id"]})["resumeWebhook"])
        wait_until(lambda: receiver.messages)

        # Sent, and no answer to it.
        server.kill()
        receiver.heal(HOOK)
        server.start()
        wait_until(lambda: are_delivered(server, 1))

    assert len({(message.id, message.body) for message in receiver.messages}) == 1
    last = receiver.messages[-1]
    assert last.is_signed_with(made["secret"])
    assert last.document["data"]["task"]["id"] == mirror["task"]["id"]
    assert last.document["data"]["task"]["state"] == "COMPLETED"


@pytest.mark.distributed
def test_another_worker_goes_on_telling(data_dir: Path, receiver: Receiver, upstream: Upstream) -> None:
    serve(upstream, {"a.txt": b"paper"})
    receiver.fault(HOOK, Held())
    with Cluster(data_dir, QUICK, contents=0) as cluster:
        api = cluster.apis[0].process
        create(api, receiver)
        mirror = client.create_mirror(api, upstream.url_of(MANIFEST), "mirror", sync=True)
        client.completed(api, mirror["task"]["id"])
        found: list[HeadboxProcess] = []

        def is_found() -> bool:
            found.extend(filter(None, [sender(cluster, receiver)]))
            return bool(found)

        wait_until(is_found)
        found[0].kill()
        receiver.heal(HOOK)
        wait_until(lambda: are_delivered(api, 1))

    assert len({(message.id, message.body) for message in receiver.messages}) == 1
