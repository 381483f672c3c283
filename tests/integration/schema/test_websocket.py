"""Both WebSocket protocols, with a real server and a real client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from headbox.resolvers.ids import GlobalId
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api, websocket
from tests.support.waiting import PATIENCE_SECONDS

WATCH = "subscription ($id: ID!) { task(id: $id) { state } }"
LEGACY = "graphql-ws"


@pytest_asyncio.fixture
async def url(api: Api) -> AsyncIterator[str]:
    async with api.served() as url:
        yield url


async def messages_of(socket: aiohttp.ClientWebSocketResponse, id: str) -> list[dict[str, Any]]:
    """Return the messages of an operation, to its end."""
    found = []
    while True:
        frame = await socket.receive(timeout=PATIENCE_SECONDS)
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        message = json.loads(frame.data)
        if message.get("id") != id:
            continue
        found.append(message)
        if message["type"] in {"complete", "error"}:
            return found


async def finished_task(api: Api) -> str:
    """Return the id of a finished task."""
    name, gate = make_gate()
    gate.open()
    task = await api.engine.completed(await make_wait(api.engine, name))
    return str(GlobalId("WaitTask", task.id))


@pytest.mark.parametrize(
    ("protocol", "begin", "following"), [("graphql-transport-ws", "subscribe", "next"), (LEGACY, "start", "data")]
)
async def test_subscription(api: Api, url: str, protocol: str, begin: str, following: str) -> None:
    task = await finished_task(api)

    async with websocket(url, protocol) as socket:
        await socket.send_json({"id": "1", "type": begin, "payload": {"query": WATCH, "variables": {"id": task}}})
        messages = await messages_of(socket, "1")

    assert [message["type"] for message in messages] == [following, "complete"]
    assert messages[0]["payload"]["data"] == {"task": {"state": "COMPLETED"}}


@pytest.mark.parametrize(("protocol", "begin"), [("graphql-transport-ws", "subscribe"), (LEGACY, "start")])
@pytest.mark.parametrize("query", ["subscription {{", "subscription { nothing }", "", "query A { a } query B { b }"])
async def test_what_is_wrong_with_one_operation_spares_the_others(
    api: Api, url: str, protocol: str, begin: str, query: str
) -> None:
    task = await finished_task(api)

    async with websocket(url, protocol) as socket:
        await socket.send_json({"id": "bad", "type": begin, "payload": {"query": query}})
        [error] = await messages_of(socket, "bad")
        await socket.send_json({"id": "1", "type": begin, "payload": {"query": WATCH, "variables": {"id": task}}})
        messages = await messages_of(socket, "1")

    assert error["type"] == "error"
    assert messages[-1]["type"] == "complete"


async def test_queries_and_mutations_are_answered_too(api: Api, url: str) -> None:
    async with websocket(url) as socket:
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "{ status { version } }"}})
        messages = await messages_of(socket, "1")
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "{ tasks { totalCount } }"}})
        again = await messages_of(socket, "1")

    assert [message["type"] for message in (*messages, *again)] == ["next", "complete"] * 2


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "null",
        "[]",
        "{}",
        '{"type": 1}',
        '{"type": "unknown"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ a }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}',
        '{"type": "complete"}',
    ],
)
async def test_message_of_no_known_shape_ends_the_connection(url: str, message: str) -> None:
    async with websocket(url) as socket:
        await socket.send_str(message)
        frame = await socket.receive(timeout=PATIENCE_SECONDS)

    assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, 4400)


async def test_large_message_ends_the_connection(url: str) -> None:
    async with websocket(url) as socket:
        await socket.send_str(json.dumps({"id": "1", "type": "ping", "payload": "x" * 2**20}))
        frame = await socket.receive(timeout=PATIENCE_SECONDS)

    assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, 1009)


async def test_page_of_another_site_is_refused(url: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with websocket(url, origin="http://evil.test"):
            pass
    async with websocket(url, origin=url.removesuffix("/graphql")) as socket:
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json() == {"type": "pong"}

    assert refused.value.status == 403


async def test_subscription_that_is_ended_tells_no_more(api: Api, url: str) -> None:
    name, gate = make_gate()
    row = await make_wait(api.engine, name)
    task = str(GlobalId("WaitTask", row.id))
    await gate.holds(1)

    async with websocket(url) as socket:
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": WATCH, "variables": {"id": task}}})
        assert (await socket.receive_json())["type"] == "next"
        await socket.send_json({"id": "1", "type": "complete"})
        await socket.send_json({"type": "ping"})
        while (await socket.receive_json())["type"] != "pong":
            pass  # What was on its way already.
        gate.open()
        await api.engine.completed(row)
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json() == {"type": "pong"}
