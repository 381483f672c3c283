"""What heals is tried again; what does not is not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from headbox.download import RemoteAccess, open_downloader
from headbox.download.chunks import CHUNK_BYTES
from headbox.download.retry import MAX_WAIT_SECONDS, RetryPolicy, parse_retry_after
from headbox.errors import RemoteResponse, RemoteUnreachable, TaskError, TimedOut
from headbox.settings import DownloadSettings
from tests.support.upstream import Fault, Reset, Slow, Status, Truncated, Upstream
from tests.unit.download.conftest import Client

BODY = bytes(range(256)) * 2_000


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_server_in_trouble_is_asked_again(upstream: Upstream, client: Client, status: int) -> None:
    upstream.fault("paper", Status(status), times=2)

    await client.fetch()

    assert client.destination.read_bytes() == b"paper"
    assert upstream.hits("paper") == 3


@pytest.mark.parametrize("fault", [Reset(), Reset(after=100_000), Truncated(after=100_000), Truncated(after=0)])
async def test_a_connection_that_breaks_off_is_made_again(upstream: Upstream, client: Client, fault: Fault) -> None:
    upstream.files["body"] = BODY
    upstream.fault("body", fault, times=2)
    counts: list[int] = []

    await client.fetch("body", on_bytes=counts.append)

    assert client.destination.read_bytes() == BODY
    assert sum(counts) == len(BODY)


async def test_what_arrived_in_vain_is_counted_back(upstream: Upstream, client: Client) -> None:
    # Long enough for some of it to be written before the connection breaks off, however much is still on its way then.
    body = bytes(8 * CHUNK_BYTES)
    upstream.files["body"] = body
    upstream.fault("body", Truncated(after=7 * CHUNK_BYTES), times=1)
    counts: list[int] = []

    await client.fetch("body", on_bytes=counts.append)

    (back,) = (count for count in counts if count < 0)
    assert back >= -7 * CHUNK_BYTES
    assert sum(counts) == len(body)


async def test_a_silent_server_is_asked_again(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Slow(30), times=1)

    await client.fetch_from(RemoteAccess(upstream.url, read_timeout=0.1))

    assert upstream.hits("paper") == 2


@pytest.mark.parametrize(
    ("fault", "message", "hits"),
    [
        (Status(503), "answered 503 Service Unavailable", 3),
        # Twice as many: the HTTP client itself repeats what may only have met a connection that was kept too long.
        (Reset(), "cannot be reached: Connection reset by peer", 6),
        (Truncated(after=2), "cannot be reached: the body ended before its end", 3),
        (Slow(30), "did not answer within", 3),
    ],
)
async def test_after_the_last_retry_the_error_is_told(
    upstream: Upstream, client: Client, fault: Fault, message: str, hits: int
) -> None:
    upstream.fault("paper", fault)

    with pytest.raises(TaskError, match=message) as failure:
        await client.fetch_from(RemoteAccess(upstream.url, read_timeout=0.2, max_retries=2))

    assert failure.value.retryable
    assert upstream.hits("paper") == hits
    assert not client.destination.exists()


async def test_no_retries_means_one_request(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Status(503))

    with pytest.raises(RemoteResponse):
        await client.fetch_from(RemoteAccess(upstream.url, max_retries=0))

    assert upstream.hits("paper") == 1


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else can take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_a_port_where_nobody_listens_is_told(client: Client, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"

    with pytest.raises(RemoteUnreachable, match=f"{url}/paper cannot be reached: Connection refused"):
        await client.fetch_from(RemoteAccess(url), f"{url}/paper")


async def test_a_name_that_is_not_known_is_told(client: Client) -> None:
    url = "http://headbox.invalid"

    with pytest.raises(
        RemoteUnreachable, match=r"http://headbox\.invalid/paper cannot be reached: its name is not known"
    ):
        await client.fetch_from(RemoteAccess(url, max_retries=0), f"{url}/paper")


async def test_the_wait_that_a_server_asks_for_is_kept(upstream: Upstream, client: Client) -> None:
    upstream.fault("paper", Status(429, {"Retry-After": "1"}), times=1)
    started = time.monotonic()

    await client.fetch()

    assert time.monotonic() - started >= 0.99


async def test_a_stream_is_opened_again_until_its_first_chunk(upstream: Upstream) -> None:
    upstream.fault("paper", Status(503), times=1)
    upstream.fault("paper", Reset(), times=1)
    upstream.fault("paper", Truncated(after=3), times=1)
    settings = DownloadSettings(backoff_seconds=0)

    async with (
        open_downloader(RemoteAccess(upstream.url), settings) as downloader,
        downloader.stream(upstream.url_of("paper"), max_bytes=100) as stream,
    ):
        assert [chunk async for chunk in stream] == [b"paper"]

    assert upstream.hits("paper") == 4


async def test_a_stream_that_has_begun_is_not_begun_again(upstream: Upstream) -> None:
    upstream.files["body"] = BODY
    upstream.fault("body", Slow(0.5, chunk_bytes=100_000), times=1)
    settings = DownloadSettings(backoff_seconds=0)
    access = RemoteAccess(upstream.url, total_timeout=2.0)
    received = b""

    async def pass_on() -> None:
        nonlocal received
        async with (
            open_downloader(access, settings) as downloader,
            downloader.stream(upstream.url_of("body"), max_bytes=1 << 30) as stream,
        ):
            async for chunk in stream:
                received += chunk

    with pytest.raises(TimedOut):
        await pass_on()

    assert upstream.hits("body") == 1
    assert 0 < len(received) < len(BODY)
    assert BODY.startswith(received)


async def test_a_wait_ends_when_the_task_is_canceled(
    upstream: Upstream, make_client: Callable[[Upstream], Client]
) -> None:
    upstream.fault("paper", Status(503, {"Retry-After": "30"}))
    task = asyncio.create_task(make_client(upstream).fetch())
    while not upstream.hits("paper"):  # noqa: ASYNC110 - the upstream lives on another event loop
        await asyncio.sleep(0.01)

    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])

    assert task.cancelled()


def test_waits_double_and_vary_and_end_at_the_longest() -> None:
    policy = RetryPolicy(max_retries=99, backoff_seconds=0.5)
    error = RemoteUnreachable(url="http://example.org", reason="no")

    for number, longest in [(0, 0.5), (1, 1.0), (3, 4.0), (20, MAX_WAIT_SECONDS)]:
        waits = {policy.wait_seconds(number, error) for _ in range(50)}
        assert longest / 2 <= min(waits) < max(waits) <= longest


@pytest.mark.parametrize(("asked", "kept"), [(0.0, 0.0), (7.0, 7.0), (86_400.0, MAX_WAIT_SECONDS)])
def test_what_a_server_asks_for_goes_before_the_backoff(asked: float, kept: float) -> None:
    policy = RetryPolicy(max_retries=1, backoff_seconds=0.5)
    error = RemoteResponse(url="http://example.org", reason="no", retry_after_seconds=asked)

    assert policy.wait_seconds(0, error) == kept


def test_retry_after_may_be_a_number_of_seconds() -> None:
    assert parse_retry_after("120") == 120.0


def test_retry_after_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    seconds = parse_retry_after(in_a_minute)

    assert seconds is not None
    assert 58 < seconds <= 60


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 -0000"])
def test_a_date_that_has_passed_means_now(date: str) -> None:
    assert parse_retry_after(date) == 0.0


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-1",
        "1.5",
        "²",
        "Wed, 99 Oct 2015 07:28:00 GMT",
        f"Wed, 21 Oct {10**20} 07:28:00 GMT",
        f"Wed, 21 Oct 2015 07:28:00 +{10**20}",
    ],
)
def test_a_retry_after_that_makes_no_sense_is_as_good_as_none(value: str | None) -> None:
    assert parse_retry_after(value) is None
