"""Clients that come at once, fall silent or vanish."""

from __future__ import annotations

import asyncio

from tests.integration.uploads.bodies import BODY, limited, reached, until_free, until_locked
from tests.integration.uploads.site import UploadSite, checksum
from tests.support.engine import LocalEngine
from tests.support.waiting import PATIENCE_SECONDS


async def test_of_two_that_send_at_once_one_is_told_to_wait(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    reader, writer = await site.part_of_a_request(url, 0, BODY[:100_000], len(BODY))
    await until_locked(site, url)

    others = await asyncio.gather(*(site.send(url, 0, BODY) for _ in range(5)))
    gone = await site.ask("DELETE", url)

    assert {answer.status for answer in others} == {423}
    assert gone.status == 423
    writer.write(BODY[100_000:])
    assert b" 204 " in await reader.readline()
    writer.close()
    assert await site.stored(BODY)


async def test_of_many_that_send_the_same_at_once_one_wins(site: UploadSite) -> None:
    url = await site.create(len(BODY))

    answers = await asyncio.gather(*(site.send(url, 0, BODY) for _ in range(8)))

    statuses = sorted(answer.status for answer in answers)
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 409, 413, 423}
    assert await site.stored(BODY)
    assert site.files() == []


async def test_two_uploads_of_the_same_bytes_at_once_are_one_artifact(site: UploadSite) -> None:
    urls = [await site.create(len(BODY)) for _ in range(8)]

    answers = await asyncio.gather(*(site.send(url, 0, BODY) for url in urls))

    assert {answer.status for answer in answers} == {204}
    assert await site.engine.rows_of("artifact") == 1
    assert await site.stored(BODY)
    assert site.files() == []


async def test_client_that_falls_silent_is_let_go_and_goes_on_later(engine: LocalEngine) -> None:
    async with limited(engine, silence_seconds=0.2).running() as site:
        url = await site.create(len(BODY))
        reader, writer = await site.part_of_a_request(url, 0, BODY[:5000], len(BODY))

        assert b" 408 " in await reader.readline()
        writer.close()
        assert await site.offset(url) == 5000
        assert (await site.send(url, 5000, BODY[5000:])).status == 204
        assert await site.stored(BODY)


async def test_bytes_of_a_slow_client_count_before_its_request_ends(site: UploadSite) -> None:
    url = await site.create(100)
    _, writer = await site.part_of_a_request(url, 0, b"", 100)
    for place in range(5):
        writer.write(BODY[place * 10 : place * 10 + 10])
        await writer.drain()
        await asyncio.sleep(0.6)

    assert await site.offset(url) >= 10
    writer.close()
    await reached(site, url, 50)
    assert (await site.send(url, 50, BODY[50:100])).status == 204


async def test_bytes_with_a_checksum_that_break_off_do_not_count(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:10])
    _, writer = await site.part_of_a_request(url, 10, BODY[10:500_000], len(BODY) - 10, checksum(BODY[10:]))
    await asyncio.sleep(0.2)
    writer.close()
    await until_free(site, url)

    assert await site.offset(url) == 10
    assert (await site.send(url, 10, BODY[10:])).status == 204
    assert await site.stored(BODY)


async def test_creation_whose_client_vanishes_leaves_nothing(site: UploadSite) -> None:
    headers = {"Upload-Length": str(len(BODY)), "X-HTTP-Method-Override": "POST"}
    _, writer = await site.part_of_a_request(site.url, 0, BODY[:100_000], len(BODY), headers)
    await asyncio.sleep(0.2)
    writer.close()

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await site.engine.rows_of("upload"):  # noqa: ASYNC110 - nothing tells of a row
            await asyncio.sleep(0.01)
    assert site.files() == []
