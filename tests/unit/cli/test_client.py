from __future__ import annotations

import socket

import pytest
from aiohttp import web

from headbox.cli.client import Client, OperationRefused, ServerUnreachable
from tests.unit.cli.scripted import Scripted, data, events


async def test_execute_returns_the_data() -> None:
    async with Scripted().running() as server, Client.connected(server.url + "/") as client:
        server.answers.append(data({"status": {"version": "1"}}))

        assert await client.execute("query { status }", {"a": "ü"}) == {"status": {"version": "1"}}
        assert server.requests == [
            {
                "query": "query { status }",
                "variables": {"a": "ü"},
                "accept": "application/graphql-response+json, application/json",
            }
        ]


async def test_errors_of_an_answer_are_raised_with_their_code() -> None:
    errors = [{"message": "There is no task.", "extensions": {"code": "NOT_FOUND"}}, {"message": "Nor that."}]
    async with Scripted().running() as server, Client.connected(server.url) as client:
        server.answers.append(web.json_response({"data": None, "errors": errors}, status=400))

        with pytest.raises(OperationRefused, match=r"There is no task\.; Nor that\.") as refused:
            await client.execute("query { x }")
        assert refused.value.code == "NOT_FOUND"


@pytest.mark.parametrize("body", ["<html>", "3", "[]", "{}"])
async def test_an_answer_that_is_no_graphql_is_refused(body: str) -> None:
    async with Scripted().running() as server, Client.connected(server.url) as client:
        server.answers.append(web.Response(text=body, status=502))

        with pytest.raises(OperationRefused, match="answered 502"):
            await client.execute("query { x }")


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with Client.connected(url) as client:
            with pytest.raises(ServerUnreachable, match=f"{url} cannot be reached"):
                await client.execute("query { x }")


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "ftp://127.0.0.1"])
async def test_an_address_that_is_none_cannot_be_reached(url: str) -> None:
    async with Client.connected(url) as client:
        with pytest.raises(ServerUnreachable):
            await client.execute("query { x }")


async def test_subscribe_yields_each_message_until_it_is_complete() -> None:
    async with Scripted().running() as server, Client.connected(server.url) as client:
        server.answers.append(events({"n": 1}, {"n": 2}, is_complete=True) + events({"n": 3}, is_complete=True))

        assert [message async for message in client.subscribe("subscription { n }")] == [{"n": 1}, {"n": 2}]
        assert server.requests[0]["accept"] == "text/event-stream"


async def test_a_message_may_be_long() -> None:
    async with Scripted().running() as server, Client.connected(server.url) as client:
        server.answers.append(events({"n": "x" * 1_000_000}, is_complete=True))

        [message] = [message async for message in client.subscribe("subscription { n }")]
        assert len(message["n"]) == 1_000_000


async def test_a_stream_that_breaks_off_is_a_lost_server() -> None:
    async with Scripted().running() as server, Client.connected(server.url) as client:
        server.answers.append(events({"n": 1}, is_complete=False))

        with pytest.raises(ServerUnreachable, match="ended the stream"):
            _ = [message async for message in client.subscribe("subscription { n }")]


async def test_errors_in_a_stream_or_in_place_of_it_are_raised() -> None:
    async with Scripted().running() as server, Client.connected(server.url) as client:
        server.answers.append(b'event: next\ndata: {"data": null, "errors": [{"message": "no"}]}\n\n')
        server.answers.append(web.json_response({"errors": [{"message": "syntax"}]}, status=400))

        for message in ("no", "syntax"):
            with pytest.raises(OperationRefused, match=message):
                _ = [message async for message in client.subscribe("subscription { n }")]
