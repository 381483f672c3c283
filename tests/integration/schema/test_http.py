"""GraphQL over HTTP, as its specification says, with a real server and a real client."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from headbox.resolvers.ids import GlobalId
from headbox.schema import graphiql
from headbox.settings import GraphQLSettings
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine

LEGACY = "application/json"
MODERN = "application/graphql-response+json"
QUERY = '{"query": "{ __typename }"}'


class Client:
    """A client of one endpoint."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def post(
        self, body: str | bytes, *, accept: str | None = MODERN, content_type: str | None = LEGACY, **headers: str
    ) -> tuple[int, Any, CIMultiDictProxy[str]]:
        """Send a body and return status, JSON and headers of the answer."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if accept is not None:
            sent["Accept"] = accept
        if content_type is not None:
            sent["Content-Type"] = content_type
        async with self._session.post(
            self.url, data=body, headers=sent, skip_auto_headers=["Content-Type", "Accept"]
        ) as response:
            return response.status, json.loads(await response.read()), response.headers

    async def request(self, method: str, **options: Any) -> tuple[int, bytes, CIMultiDictProxy[str]]:
        """Send any request and return status, body and headers of the answer."""
        async with self._session.request(method, self.url, **options) as response:
            return response.status, await response.read(), response.headers


@pytest_asyncio.fixture
async def client(api: Api) -> AsyncIterator[Client]:
    async with api.served() as url, aiohttp.ClientSession() as session:
        yield Client(session, url)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, LEGACY),
        ("*/*", LEGACY),
        ("application/*", LEGACY),
        (LEGACY, LEGACY),
        (MODERN, MODERN),
        (f"{MODERN}, {LEGACY};q=0.9", MODERN),
        (f"{LEGACY};q=0.5, {MODERN};q=0.4", LEGACY),
        # What a client that takes anything sends for a query: a stream would be no answer.
        (f"{MODERN}, {LEGACY}, text/event-stream, multipart/mixed", LEGACY),
    ],
)
async def test_answer_has_the_media_type_that_the_client_wants(
    client: Client, accept: str | None, answered: str
) -> None:
    status, body, headers = await client.post(QUERY, accept=accept)

    assert (status, body["data"]) == (200, {"__typename": "Query"})
    assert headers["Content-Type"] == f"{answered}; charset=utf-8"


@pytest.mark.parametrize(
    ("operation", "legacy", "modern"),
    [
        ({"query": "{"}, 200, 400),
        ({"query": "{ nothing }"}, 200, 400),
        ({"query": "query ($id: ID!) { node(id: $id) { id } }"}, 200, 400),
        ({"query": "query ($n: Int) { tasks(first: $n) { totalCount } }", "variables": {"n": "x"}}, 200, 400),
        ({"query": "query A { __typename } query B { __typename }"}, 200, 400),
        ({"query": "query A { __typename }", "operationName": "B"}, 200, 400),
        ({"query": "{ a: status { version } tasks(first: 501) { totalCount } }"}, 200, 200),
    ],
)
async def test_status_says_whether_anything_was_executed(
    client: Client, operation: dict[str, Any], legacy: int, modern: int
) -> None:
    for accept, expected in ((LEGACY, legacy), (MODERN, modern)):
        status, body, _ = await client.post(json.dumps(operation), accept=accept)
        assert status == expected
        assert body["errors"]
        assert ("data" in body) is (modern == 200)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "1",
        "[]",
        '"{ __typename }"',
        "{}",
        '{"query": null}',
        '{"query": 1}',
        '{"query": " "}',
        '{"query": "{ __typename }", "variables": []}',
        '{"query": "{ __typename }", "variables": "{}"}',
        '{"query": "{ __typename }", "operationName": 1}',
        '{"query": "{ __typename }", "extensions": "x"}',
        f"[{QUERY}]",
        '{"a":' * 5000 + "1" + "}" * 5000,
        b'{"query": "{ \xff }"}',
        b'{"query": "{ \\ud800 }"}',
    ],
)
async def test_body_that_is_no_request(client: Client, body: str | bytes) -> None:
    status, answer, _ = await client.post(body)

    assert status == 400
    assert "data" not in answer
    assert answer["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
    ],
)
async def test_only_json_is_taken_so_that_other_sites_must_ask_first(client: Client, content_type: str | None) -> None:
    status, _, headers = await client.post(QUERY, content_type=content_type)

    assert status == 415
    assert "Access-Control-Allow-Origin" not in headers


async def test_compressed_body_is_refused(client: Client) -> None:
    status, _, _ = await client.post(QUERY, Content_Encoding="gzip")

    assert status == 415


async def test_nothing_that_the_client_takes(client: Client) -> None:
    for accept in ("text/plain", "application/json;q=0", "image/*"):
        status, _, _ = await client.post(QUERY, accept=accept)
        assert status == 406


async def test_large_body_is_refused(data_dir: Any) -> None:
    limits = GraphQLSettings(max_body_bytes=1000)
    async with LocalEngine(data_dir, graphql=limits).running() as engine:
        api = Api(engine)
        async with api.served() as url, aiohttp.ClientSession() as session:
            client = Client(session, url)
            small, _, _ = await client.post(QUERY)
            large, answer, _ = await client.post(json.dumps({"query": "{ __typename }" + " " * 1000}))

    assert (small, large) == (200, 413)
    assert "1000 bytes" in answer["errors"][0]["message"]


async def test_query_over_get(client: Client) -> None:
    params = {"query": "query A($n: Int) { tasks(first: $n) { totalCount } } query B { __typename }"}

    status, body, _ = await client.request("GET", params={**params, "operationName": "A", "variables": '{"n": 1}'})
    wrong, _, _ = await client.request("GET", params={**params, "operationName": "A", "variables": "{"})
    without, _, _ = await client.request("GET", headers={"Accept": "*/*"})
    listed, _, _ = await client.request("GET", params={**params, "operationName": "A", "variables": "[]"})

    assert (status, json.loads(body)["data"]) == (200, {"tasks": {"totalCount": 0}})
    assert (wrong, without, listed) == (400, 400, 400)


async def test_mutation_over_get_is_refused(client: Client) -> None:
    params = {"query": 'mutation { cancelTask(id: "x") { errors { code } } }'}

    status, _, headers = await client.request("GET", params=params)

    assert (status, headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(client: Client, method: str) -> None:
    status, _, headers = await client.request(method, headers={"Origin": "http://evil.test"})

    assert (status, headers["Allow"]) == (405, "GET, POST")
    assert "Access-Control-Allow-Origin" not in headers


async def test_subscription_without_a_stream_is_refused(client: Client) -> None:
    status, body, _ = await client.post('{"query": "subscription { tasks { id } }"}', accept=LEGACY)

    assert status == 400
    assert "text/event-stream" in body["errors"][0]["message"]


async def test_answers_about_the_schema_are_made_once(
    client: Client, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = """
        query Types { __schema { queryType { fields { name } } } }
        query One($name: String!) { __type(name: $name) { name } }
    """
    body = json.dumps({"query": query, "operationName": "Types"})
    first = await client.post(body)
    executed: list[str] = []
    execute = api.app.api.execute

    async def counting(query: str, **options: Any) -> Any:
        executed.append(options["operation_name"])
        return await execute(query, **options)

    monkeypatch.setattr(api.app.api, "execute", counting)

    again = await client.post(body)
    ones = [
        (await client.post(json.dumps({"query": query, "operationName": "One", "variables": {"name": name}})))[1][
            "data"
        ]
        for name in ("Task", "Nothing")
    ]

    assert (again[0], again[1]) == (200, first[1])
    assert again[2]["Content-Type"] == first[2]["Content-Type"]
    assert ones == [{"__type": {"name": "Task"}}, {"__type": None}]
    assert executed == ["One", "One"]


async def test_cost_is_told_and_limited(client: Client) -> None:
    cheap = "{ repositories(first: 10) { edges { node { id } } } }"
    dear = "{ repositories(first: 500) { edges { node { versions(first: 500) { edges { node { id } } } } } } }"

    _, body, _ = await client.post(json.dumps({"query": cheap}))
    status, refused, _ = await client.post(json.dumps({"query": dear}))

    assert body["extensions"] == {"cost": 11}
    assert status == 400
    assert refused["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert refused["extensions"]["cost"] == 1 + 500 * (1 + 1 + 500)


async def test_bug_is_masked_and_logged(
    client: Client, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api.engine.storage, "check", None)

    status, body, _ = await client.post('{"query": "{ status { storage { ok } } }"}')

    [error] = body["errors"]
    assert status == 200
    assert error["extensions"]["code"] == "INTERNAL"
    assert "correlationId" in error["extensions"]
    assert "NoneType" not in json.dumps(body)
    assert "NoneType" in caplog.text


async def test_browser_gets_graphiql(client: Client, api: Api) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

    status, body, headers = await client.request("GET", headers=browser)
    page = body.decode()

    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert graphiql.PLACEHOLDER not in page
    data = page.partition('id="headbox-examples">')[2].partition("</script>")[0]
    examples = json.loads(data)
    assert {"Mirror an upstream", "The server"} <= {example["name"] for example in examples}
    for example in examples:
        checked = api.app.api.documents.check(example["query"])
        assert checked.errors == [], example["name"]


async def test_assets_are_kept_for_good(client: Client) -> None:
    asset = next((graphiql.ASSETS / "assets").iterdir())

    async with aiohttp.ClientSession() as session:
        base = client.url.removesuffix("/graphql")
        async with session.get(f"{base}{graphiql.ASSETS_PATH}/assets/{asset.name}") as found:
            assert (found.status, found.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        async with session.get(f"{base}{graphiql.ASSETS_PATH}/../schema.graphql") as outside:
            assert outside.status == 404


async def test_page_without_its_assets_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(graphiql, "ASSETS", tmp_path)

    page = graphiql.page([])

    assert b"make setup" in page.body


async def events(response: aiohttp.ClientResponse) -> list[tuple[str, Any]]:
    """Return the events of a stream, to its end."""
    found = []
    for block in (await response.read()).decode().strip().split("\n\n"):
        fields = dict(line.partition(":")[::2] for line in block.split("\n"))
        if "event" in fields:
            data = fields["data"].strip()
            found.append((fields["event"].strip(), json.loads(data) if data else None))
    return found


async def test_subscription_over_server_sent_events(client: Client, api: Api) -> None:
    name, gate = make_gate()
    gate.open()
    await make_wait(api.engine, name)
    task = (await api.run("{ tasks { edges { node { id } } } }"))["tasks"]["edges"][0]["node"]["id"]
    operation = {"query": "subscription ($id: ID!) { task(id: $id) { state } }", "variables": {"id": task}}

    async with aiohttp.ClientSession() as session:
        async with session.post(client.url, json=operation, headers={"Accept": "text/event-stream"}) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            posted = await events(response)
        params = {"query": str(operation["query"]), "variables": json.dumps(operation["variables"])}
        async with session.get(client.url, params=params, headers={"Accept": "text/event-stream"}) as response:
            got = await events(response)

    for seen in (posted, got):
        assert seen[-1] == ("complete", None)
        assert seen[-2][1]["data"] == {"task": {"state": "COMPLETED"}}


@pytest.mark.parametrize("accept", ["text/event-stream, application/json", f"{MODERN}, {LEGACY}, text/event-stream"])
async def test_client_that_takes_both_gets_a_stream_for_a_subscription_alone(
    client: Client, api: Api, accept: str
) -> None:
    name, gate = make_gate()
    gate.open()
    task = GlobalId("WaitTask", (await make_wait(api.engine, name)).id)
    subscription = {"query": f'subscription {{ task(id: "{task}") {{ state }} }}'}

    _, body, headers = await client.post(QUERY, accept=accept)
    async with (
        aiohttp.ClientSession() as session,
        session.post(client.url, json=subscription, headers={"Accept": accept}) as response,
    ):
        assert response.headers["Content-Type"].startswith("text/event-stream")
        told = await events(response)

    assert "json" in headers["Content-Type"]
    assert body["data"] == {"__typename": "Query"}
    assert told[-1] == ("complete", None)


async def test_client_that_goes_away_amid_its_request_is_no_failure(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    async with api.served() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        head = "Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue"
        writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n\r\n".encode())
        # Told when the server waits for the body.
        assert b"100 Continue" in await reader.readline()
        writer.close()
        await writer.wait_closed()

    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_stream_ends_when_the_server_closes(client: Client, api: Api) -> None:
    operation = {"query": "subscription { tasks { id } }"}
    name, _ = make_gate()
    await make_wait(api.engine, name)

    async with (
        aiohttp.ClientSession() as session,
        session.post(client.url, json=operation, headers={"Accept": "text/event-stream"}) as response,
    ):
        first = await response.content.readline()
        api.app.close()
        rest = await response.read()

    assert first == b"event: next\n"
    assert b"complete" not in rest
