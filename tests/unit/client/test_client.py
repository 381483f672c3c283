from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headbox import __version__
from headbox.client import (
    Client,
    ClientError,
    MutationRefused,
    NotAuthorized,
    NotHeadbox,
    OperationRefused,
    ServerUnreachable,
    SyncClient,
    TaskCanceled,
    TaskFailed,
    VersionMismatch,
    subscriptions,
)
from tests.support.scripted import Scripted, Stream, data, events

ERROR = {"code": "NAME_TAKEN", "message": "Taken.", "path": ["input", "name"], "hint": "Choose.", "retryable": False}


def task(state: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"task": {"id": "T", "kind": "file.sync", "state": state, "actions": [], "error": error}}


def version(text: str) -> web.Response:
    return data({"status": {"version": text}})


async def test_execute_returns_the_data() -> None:
    async with Scripted().running() as server, Client(server.url + "/") as client:
        server.answers.append(data({"status": {"version": "1"}}))

        assert await client.execute("query { status }", {"a": "ü"}) == {"status": {"version": "1"}}
        [request] = server.requests
        assert (request["query"], request["variables"]) == ("query { status }", {"a": "ü"})
        assert request["headers"]["Accept"] == "application/graphql-response+json, application/json"
        assert "Authorization" not in request["headers"]


async def test_errors_of_an_answer_are_raised_with_their_code() -> None:
    errors = [{"message": "There is no task.", "extensions": {"code": "NOT_FOUND"}}, {"message": "Nor that."}]
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(web.json_response({"data": None, "errors": errors}, status=400))

        with pytest.raises(OperationRefused, match=r"There is no task\.; Nor that\.") as refused:
            await client.execute("query { x }")
        assert refused.value.code == "NOT_FOUND"


async def test_expected_failures_are_raised_with_code_field_and_message() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(data({"create": {"repository": None, "errors": [ERROR]}}))
        server.answers.append(data({"create": {"repository": {"id": "R"}, "errors": []}}))

        with pytest.raises(MutationRefused, match=r"^Taken\.$") as refused:
            await client.mutate("mutation { create }")
        assert (refused.value.code, refused.value.field) == ("NAME_TAKEN", "name")
        assert refused.value.errors[0].hint == "Choose."
        assert await client.mutate("mutation { create }") == {"repository": {"id": "R"}}


@pytest.mark.parametrize("answer", [{"a": {"errors": []}, "b": {"errors": []}}, {"a": None}, {"a": 1}])
async def test_documents_that_are_no_single_mutation_are_told(answer: dict[str, Any]) -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(data(answer))

        with pytest.raises(ValueError, match="selects something else than one payload or plan"):
            await client.mutate("mutation { a b }")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("<html>", 200, NotHeadbox),
        ("3", 404, NotHeadbox),
        ("[]", 200, NotHeadbox),
        ("{}", 500, NotHeadbox),
        ("<html>", 502, ServerUnreachable),
        ("", 503, ServerUnreachable),
        ("no", 401, NotAuthorized),
        ('{"data": {}}', 403, NotAuthorized),
        ("", 302, NotHeadbox),
    ],
)
async def test_what_is_no_answer_of_the_api_says_what_it_is(body: str, status: int, error: type[ClientError]) -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(web.Response(text=body, status=status, headers={"Location": "/login"}))

        with pytest.raises(error, match=f"answered {status}"):
            await client.execute("query { x }")


@pytest.mark.parametrize("value", ["\udcff", 2**80, object()])
async def test_what_cannot_be_sent_is_refused_before_anyone_is_asked(value: object) -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        with pytest.raises(OperationRefused, match="the variables cannot be sent"):
            await client.execute("{ n }", {"a": value})
        with pytest.raises(OperationRefused, match="the variables cannot be sent"):
            await anext(client.subscribe("subscription { n }", {"a": value}))
    assert server.requests == []


async def test_a_server_of_another_version_is_named_where_it_does_not_understand() -> None:
    misunderstood = {"errors": [{"message": "Cannot query field 'new'."}]}
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers += [web.json_response(misunderstood, status=400), version("9.9")]
        with pytest.raises(VersionMismatch, match=rf"is headbox 9\.9, this is the client of {__version__}: Cannot"):
            await client.execute("{ new }")

        server.answers += [web.json_response(misunderstood, status=400), version(__version__)]
        with pytest.raises(OperationRefused, match=r"^Cannot query field 'new'\.$"):
            await client.execute("{ new }")

        server.answers += [web.json_response(misunderstood, status=400) for _ in range(2)]
        with pytest.raises(NotHeadbox, match="is no headbox"):
            await client.execute("{ new }")


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with Client(url) as client:
            with pytest.raises(ServerUnreachable, match=f"{url} cannot be reached: Connection refused"):
                await client.execute("query { x }")
            with pytest.raises(ServerUnreachable, match=f"{url} cannot be reached: Connection refused"):
                await anext(client.subscribe("subscription { x }"))


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://", "ftp://127.0.0.1", "http://127.0.0.1:99999", "http://127.0.0.1/?a=b"]
)
async def test_an_address_that_is_none_cannot_be_reached(url: str) -> None:
    with pytest.raises(ServerUnreachable, match="is not the address of a server"):
        Client(url)


@pytest.mark.parametrize("token", ["", "two words", "a\nb", "é"])
async def test_what_cannot_be_sent_as_a_token_is_refused(token: str) -> None:
    with pytest.raises(NotAuthorized, match="that is no token"):
        Client("http://127.0.0.1:1", token=token)


async def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("empty.pem", "missing.pem"):
        async with Client("https://127.0.0.1:1", ca_file=tmp_path / name) as client:
            with pytest.raises(ServerUnreachable, match=f"{name} cannot be used"):
                await client.execute("query { x }")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "headbox")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert.pem", folder / "key.pem"


async def test_certificates_are_checked_against_the_ca_file(certificate: tuple[Path, Path]) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    async with Scripted().running(tls=tls) as server:
        server.answers += [data({"n": 1}), events({"n": 2}, is_complete=True)]
        async with Client(server.url) as client:
            with pytest.raises(ServerUnreachable, match="certificate verify failed"):
                await client.execute("{ n }")
        async with Client(server.url, ca_file=certificate[0]) as client:
            assert await client.execute("{ n }") == {"n": 1}
            assert [message async for message in client.subscribe("subscription { n }")] == [{"n": 2}]
    async with Scripted().running() as plain, Client(plain.url.replace("http:", "https:")) as client:
        with pytest.raises(ServerUnreachable, match="SSL"):
            await client.execute("{ n }")


async def test_the_token_goes_with_everything_and_is_in_no_message() -> None:
    async with Scripted().running() as server, Client(server.url, token="s3cret") as client:
        server.answers += [data({"n": 1}), events({"n": 1}, is_complete=True), web.Response(status=401)]

        await client.execute("{ n }")
        _ = [message async for message in client.subscribe("subscription { n }")]
        with pytest.raises(NotAuthorized) as refused:
            await client.execute("{ n }")

    assert [request["headers"]["Authorization"] for request in server.requests] == ["Bearer s3cret"] * 3
    assert "s3cret" not in str(refused.value)


async def test_a_password_in_the_address_is_sent_and_not_shown() -> None:
    async with Scripted().running() as server:
        address = server.url.replace("//", "//me:pa55@")
        async with Client(address) as client:
            server.answers.append(data({"n": 1}))
            await client.execute("{ n }")

            assert client.server == server.url
    assert server.requests[0]["headers"]["Authorization"] == "Basic bWU6cGE1NQ=="


async def test_subscribe_yields_each_message_until_it_is_complete() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events({"n": 1}, {"n": 2}, is_complete=True))

        assert [message async for message in client.subscribe("subscription { n }", {"a": 1})] == [{"n": 1}, {"n": 2}]
        assert (server.requests[0]["query"], server.requests[0]["variables"]) == ("subscription { n }", {"a": 1})


async def test_a_message_may_be_long() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events({"n": "x" * 5_000_000}, is_complete=True))

        [message] = [message async for message in client.subscribe("subscription { n }")]
        assert len(message["n"]) == 5_000_000


async def test_a_stream_that_breaks_off_is_a_lost_server() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events({"n": 1}, is_complete=False))

        with pytest.raises(ServerUnreachable, match="ended the stream"):
            _ = [message async for message in client.subscribe("subscription { n }")]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Stream([{"type": "error", "payload": [{"message": "no"}]}]), OperationRefused, "^no$"),
        (Stream([{"type": "next", "payload": {"errors": [{"message": "bad"}]}}]), OperationRefused, "^bad$"),
        (Stream([{"type": "next", "payload": {}}]), OperationRefused, "neither data nor a reason"),
        (Stream([], 4401), NotAuthorized, "expired"),
        (Stream([], 4400), OperationRefused, "4400"),
        (web.Response(status=401), NotAuthorized, "answered 401"),
        (web.Response(status=503), ServerUnreachable, "answered 503"),
        (web.Response(text="<html>"), NotHeadbox, "answered 200"),
    ],
)
async def test_what_ends_a_subscription_is_told_apart(
    answer: web.Response | Stream, error: type[ClientError], message: str
) -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(answer)

        with pytest.raises(error, match=message):
            _ = [message async for message in client.subscribe("subscription { n }")]


async def test_watching_goes_on_through_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "RECONNECT_PAUSE_SECONDS", 0.01)
    lost: list[str] = []
    async with Scripted().running() as server, Client(server.url) as client:
        # It breaks off; then the server stops, which completes its streams; then it is back.
        server.answers.append(events(task("RUNNING"), is_complete=False))
        server.answers.append(events(task("WAITING"), is_complete=True))
        server.answers.append(events(task("COMPLETED"), is_complete=True))

        states = [state["state"] async for state in client.watch("T", on_lost=lost.append)]

    assert states == ["RUNNING", "WAITING", "COMPLETED"]
    assert lost == [f"{server.url} ended the stream", f"{server.url} has stopped"]


async def test_what_begins_with_its_state_is_followed_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "RECONNECT_PAUSE_SECONDS", 0.01)
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events({"n": 1}, is_complete=False))
        server.answers.append(events({"n": 2}, is_complete=True))
        server.answers.append(Stream([{"type": "error", "payload": [{"message": "no such thing"}]}]))
        states = client.follow("subscription { n }")

        assert [await anext(states), await anext(states)] == [{"n": 1}, {"n": 2}]
        with pytest.raises(OperationRefused, match="no such thing"):
            await anext(states)


async def test_a_server_may_stay_away_from_when_it_was_lost_and_not_from_its_last_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of no time at all: every message is longer ago than that.
    monkeypatch.setattr(subscriptions, "RECONNECT_SECONDS", 0.0)
    monkeypatch.setattr(subscriptions, "RECONNECT_PAUSE_SECONDS", 0.01)
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events(task("RUNNING"), is_complete=False))
        server.answers.append(events(task("COMPLETED"), is_complete=True))

        assert [state["state"] async for state in client.watch("T")] == ["RUNNING", "COMPLETED"]


async def test_a_server_is_followed_though_it_had_nothing_to_tell_and_its_loss_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriptions, "RECONNECT_PAUSE_SECONDS", 0.01)
    lost: list[str] = []
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events(is_complete=False))
        server.answers.extend(web.Response(status=503) for _ in range(3))
        server.answers.append(events({"n": 1}, is_complete=True))
        states = client.follow("subscription { n }", on_lost=lost.append)

        assert await anext(states) == {"n": 1}
        await states.aclose()

    assert lost == [f"{server.url} ended the stream"]


async def test_watching_gives_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "RECONNECT_SECONDS", 0.05)
    monkeypatch.setattr(subscriptions, "RECONNECT_PAUSE_SECONDS", 0.02)
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events(task("RUNNING"), is_complete=False))
        server.answers.extend(web.Response(status=503) for _ in range(100))
        states = client.watch("T")

        assert (await anext(states))["state"] == "RUNNING"
        with pytest.raises(ServerUnreachable):
            await anext(states)
        assert server.answers


async def test_a_token_that_expires_while_watching_ends_it() -> None:
    async with Scripted().running() as server, Client(server.url, token="t") as client:
        server.answers.append(Stream([{"type": "next", "payload": {"data": task("RUNNING")}}], 4401))
        states = client.watch("T")

        assert (await anext(states))["state"] == "RUNNING"
        with pytest.raises(NotAuthorized, match="has expired"):
            await anext(states)


async def test_waiting_returns_a_completed_task_and_raises_how_another_ended() -> None:
    async with Scripted().running() as server, Client(server.url) as client:
        server.answers.append(events(task("RUNNING"), task("COMPLETED"), is_complete=True))
        server.answers.append(events(task("FAILED", ERROR), is_complete=True))
        server.answers.append(events(task("CANCELED"), is_complete=True))

        assert (await client.wait("T"))["state"] == "COMPLETED"
        with pytest.raises(TaskFailed, match=r"Taken\.") as failed:
            await client.wait("T")
        assert failed.value.error.code == "NAME_TAKEN"
        with pytest.raises(TaskCanceled, match="T was canceled"):
            await client.wait("T")


async def test_the_blocking_client_does_the_same() -> None:
    async with Scripted().running() as server:
        server.answers += [data({"n": 1}), events(task("RUNNING"), task("COMPLETED"), is_complete=True)]
        server.answers += [events({"n": 1}, {"n": 2}, is_complete=False), data({"create": {"errors": [ERROR]}})]
        code = f"""
from headbox.client import MutationRefused, SyncClient
with SyncClient({server.url!r}) as client:
    print(client.execute("{{ n }}"))
    print([state["state"] for state in client.watch("T")])
    left = client.subscribe("subscription {{ n }}")
    print(next(left))
    try:
        client.mutate("mutation {{ create }}")
    except MutationRefused as refused:
        print(refused.code)
client.close()
"""
        output = await _run(code)

    assert output.splitlines() == ["{'n': 1}", "['RUNNING', 'COMPLETED']", "{'n': 1}", "NAME_TAKEN"]


async def _run(code: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", code),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    return output.decode()


def test_the_client_imports_nothing_of_the_server() -> None:
    code = "import sys, headbox.client; print(*(name for name in sys.modules if name.partition('.')[0] in %r))"
    others = ("headbox", "strawberry", "tortoise", "starlette", "graphql", "pydantic", "dramatiq", "click", "rich")
    result = subprocess.run([sys.executable, "-c", code % (others,)], capture_output=True, text=True, check=True)

    imported = set(result.stdout.split())
    assert {name for name in imported if not name.startswith("headbox.client")} == {"headbox"}


def test_a_blocking_client_that_was_closed_twice_is_closed() -> None:
    client = SyncClient("http://127.0.0.1:1")
    client.close()
    client.close()
