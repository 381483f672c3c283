"""Redirects are followed where they may lead, and credentials stay at home."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headbox.download import RemoteAccess
from headbox.errors import NotPermitted, RemoteResponse, RemoteUnreachable
from headbox.settings import DownloadSettings
from tests.support.upstream import Redirect, Status, Upstream
from tests.unit.download.certificates import self_signed
from tests.unit.download.conftest import Client


@pytest.fixture
def elsewhere() -> Iterator[Upstream]:
    """Another origin: the same host, another port."""
    with Upstream({"paper": b"paper from elsewhere"}) as elsewhere:
        yield elsewhere


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(upstream: Upstream, client: Client, status: int) -> None:
    upstream.fault("moved", Redirect("/paper", status))

    await client.fetch("moved")

    assert client.destination.read_bytes() == b"paper"
    assert upstream.requests == [("GET", "moved"), ("GET", "paper")]


@pytest.mark.parametrize("target", ["paper", "./paper", "//{host}/paper", "{url}/paper", "{url}/paper#part"])
async def test_a_redirect_may_be_relative(upstream: Upstream, client: Client, target: str) -> None:
    host = upstream.url.removeprefix("http://")
    upstream.fault("moved", Redirect(target.format(url=upstream.url, host=host)))

    await client.fetch("moved")

    assert client.destination.read_bytes() == b"paper"


async def test_a_redirect_may_lead_to_another_origin(upstream: Upstream, elsewhere: Upstream, client: Client) -> None:
    upstream.fault("paper", Redirect(elsewhere.url_of("paper")))

    await client.fetch()

    assert client.destination.read_bytes() == b"paper from elsewhere"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("file:///etc/passwd", "a redirect to file:, which is not followed"),
        ("ftp://example.org/paper", "a redirect to ftp:, which is not followed"),
        ("javascript:alert(1)", "a redirect to javascript:, which is not followed"),
        ("http://[::1", "a redirect to no valid URL"),
        ("http://host:99999/", "a redirect to no valid URL"),
    ],
)
async def test_a_redirect_to_what_is_not_the_web_is_refused(
    upstream: Upstream, client: Client, target: str, reason: str
) -> None:
    upstream.fault("paper", Redirect(target))

    with pytest.raises(RemoteResponse, match=reason) as failure:
        await client.fetch()

    assert failure.value.status == 302
    assert upstream.hits("paper") == 1
    assert not client.destination.exists()


async def test_a_redirect_to_nowhere_is_refused(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Status(302))

    with pytest.raises(RemoteResponse, match="a redirect to no valid URL"):
        await client.fetch()


async def test_a_loop_is_refused_when_it_closes(upstream: Upstream, client: Client) -> None:
    upstream.fault("there", Redirect("/back"))
    upstream.fault("back", Redirect("/there"))

    with pytest.raises(RemoteResponse, match="with a redirect in a loop"):
        await client.fetch("there")

    assert upstream.requests == [("GET", "there"), ("GET", "back")]


async def test_redirects_are_followed_up_to_the_limit(upstream: Upstream, client: Client) -> None:
    client.settings = DownloadSettings(max_redirects=3)
    for number in range(3):
        upstream.fault(f"{number}", Redirect(f"/{number + 1}"))
    upstream.files["3"] = b"paper"

    await client.fetch("0")
    assert client.destination.read_bytes() == b"paper"
    client.destination.unlink()

    upstream.fault("3", Redirect("/4"))
    with pytest.raises(RemoteResponse, match="after 3 others, which is the limit"):
        await client.fetch("0")
    assert upstream.hits("4") == 0


async def test_no_redirect_leads_from_https_to_http(
    upstream: Upstream, tmp_path: Path, make_client: Callable[[Upstream], Client]
) -> None:
    with Upstream(tls=self_signed(tmp_path)) as secure:
        secure.fault("paper", Redirect(upstream.url_of("paper")))

        with pytest.raises(RemoteResponse, match="a redirect from https to http, which is not followed"):
            await make_client(secure).fetch_from(RemoteAccess(secure.url, tls_verify=False))

    assert upstream.requests == []


async def test_a_redirect_leads_from_http_to_https(upstream: Upstream, client: Client, tmp_path: Path) -> None:
    with Upstream({"paper": b"secure paper"}, tls=self_signed(tmp_path)) as secure:
        upstream.fault("paper", Redirect(secure.url_of("paper")))

        await client.fetch_from(RemoteAccess(upstream.url, tls_verify=False))

    assert client.destination.read_bytes() == b"secure paper"


async def test_messages_about_redirects_do_not_hold_where_they_lead(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Redirect("ftp://user:secret@example.org/?token=secret"))

    with pytest.raises(RemoteResponse) as failure:
        await client.fetch()

    assert "secret" not in str(failure.value.as_document())


CREDENTIALS = ("press", "sécret:word")
BASIC = f"Basic {b64encode('press:sécret:word'.encode()).decode()}"


@pytest.fixture
def locked() -> Iterator[Upstream]:
    with Upstream({"paper": b"paper"}, credentials=CREDENTIALS) as locked:
        yield locked


async def test_credentials_and_headers_are_sent_to_the_origin(
    locked: Upstream, make_client: Callable[[Upstream], Client]
) -> None:
    access = RemoteAccess(locked.url, *CREDENTIALS, headers={"X-Token": "token", "User-Agent": "press"})

    await make_client(locked).fetch_from(access)

    (headers,) = locked.headers_of("paper")
    assert headers["X-Token"] == "token"
    assert headers["User-Agent"] == "press"


async def test_credentials_may_stand_in_the_url_of_the_remote(
    locked: Upstream, make_client: Callable[[Upstream], Client]
) -> None:
    client = make_client(locked)
    url = locked.url.replace("//", "//press:s%C3%A9cret%3Aword@")

    await client.fetch_from(RemoteAccess(url), f"{url}/paper")

    assert client.destination.read_bytes() == b"paper"


async def test_a_header_of_ones_own_goes_before_the_credentials(upstream: Upstream, client: Client) -> None:
    await client.fetch_from(RemoteAccess(upstream.url, *CREDENTIALS, headers={"authorization": "Bearer token"}))

    (headers,) = upstream.headers_of("paper")
    assert headers.getall("Authorization") == ["Bearer token"]


@pytest.mark.parametrize("credentials", [(None, None), ("press", "wrong"), ("press", None)])
async def test_wrong_credentials_are_told_with_what_to_do(
    locked: Upstream, make_client: Callable[[Upstream], Client], credentials: tuple[str | None, str | None]
) -> None:
    with pytest.raises(RemoteResponse, match="401 Unauthorized: check the remote's username and password"):
        await make_client(locked).fetch_from(RemoteAccess(locked.url, *credentials))

    assert locked.hits("paper") == 1


async def test_another_origin_sees_neither_credentials_nor_headers(
    upstream: Upstream, elsewhere: Upstream, client: Client
) -> None:
    access = RemoteAccess(upstream.url, *CREDENTIALS, headers={"X-Token": "token"})
    upstream.fault("paper", Redirect(elsewhere.url_of("paper")))

    await client.fetch_from(access)
    client.destination.unlink()
    await client.fetch_from(access, elsewhere.url_of("paper"))

    assert upstream.headers_of("paper")[0]["Authorization"] == BASIC
    for headers in elsewhere.headers_of("paper"):
        assert "Authorization" not in headers
        assert "X-Token" not in headers


async def test_credentials_come_back_with_the_origin(upstream: Upstream, elsewhere: Upstream, client: Client) -> None:
    upstream.fault("moved", Redirect(elsewhere.url_of("moved")))
    elsewhere.fault("moved", Redirect(upstream.url_of("paper")))

    await client.fetch_from(RemoteAccess(upstream.url, *CREDENTIALS), "moved")

    assert upstream.headers_of("paper")[0]["Authorization"] == BASIC


async def test_credentials_in_a_redirect_are_not_used(upstream: Upstream, elsewhere: Upstream, client: Client) -> None:
    target = elsewhere.url_of("paper").replace("//", "//mallory:secret@")
    upstream.fault("paper", Redirect(target))

    await client.fetch()

    assert "Authorization" not in elsewhere.headers_of("paper")[0]


async def test_no_message_holds_credentials(locked: Upstream, make_client: Callable[[Upstream], Client]) -> None:
    client = make_client(locked)
    url = locked.url.replace("//", "//press:secret@")

    with pytest.raises(RemoteResponse) as failure:
        await client.fetch_from(RemoteAccess(url), f"{url}/paper")

    assert failure.value.values["url"] == locked.url_of("paper")
    assert "secret" not in str(failure.value.as_document())
    assert "secret" not in repr(RemoteAccess(locked.url, "press", "secret", {"X-Token": "secret"}))


async def test_a_proxy_is_asked_for_everything(upstream: Upstream, client: Client) -> None:
    access = RemoteAccess("http://headbox.invalid", proxy_url=upstream.url.replace("//", "//press:secret@"))

    await client.fetch_from(access, "http://headbox.invalid/paper")

    assert client.destination.read_bytes() == b"paper"
    (headers,) = upstream.headers_of("paper")
    assert headers["Host"] == "headbox.invalid"
    assert headers["Proxy-Authorization"] == f"Basic {b64encode(b'press:secret').decode()}"


async def test_a_proxy_that_refuses_is_told(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Status(407))
    access = RemoteAccess("http://headbox.invalid", proxy_url=upstream.url)

    with pytest.raises(RemoteResponse, match=r"407 .*: check the user name and password of the remote's proxy"):
        await client.fetch_from(access, "http://headbox.invalid/paper")


async def test_a_proxy_that_does_not_answer_is_told(client: Client) -> None:
    access = RemoteAccess("http://headbox.invalid", proxy_url="http://press:secret@127.0.0.1:1", max_retries=0)

    with pytest.raises(RemoteUnreachable, match="the proxy does not answer") as failure:
        await client.fetch_from(access, "http://headbox.invalid/paper")

    assert "secret" not in str(failure.value.as_document())


@pytest.fixture
def public_client(client: Client) -> Client:
    """A client that may not reach private addresses."""
    client.settings = DownloadSettings(private_addresses=False, backoff_seconds=0)
    return client


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "127.1"])
async def test_a_private_address_is_refused_in_each_notation(
    upstream: Upstream, public_client: Client, host: str
) -> None:
    url = upstream.url.replace("127.0.0.1", host)

    with pytest.raises(NotPermitted, match="its address is not public") as failure:
        await public_client.fetch_from(RemoteAccess(url), f"{url}/paper")

    assert failure.value.hint is not None
    assert "HEADBOX_DOWNLOAD_PRIVATE_ADDRESSES" in failure.value.hint
    assert upstream.requests == []


async def test_a_proxy_at_a_private_address_is_refused(upstream: Upstream, public_client: Client) -> None:
    access = RemoteAccess("http://headbox.invalid", proxy_url=upstream.url)

    with pytest.raises(NotPermitted, match="its address is not public"):
        await public_client.fetch_from(access, "http://headbox.invalid/paper")

    assert upstream.requests == []
