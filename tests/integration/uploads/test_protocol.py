"""What the protocol promises to clients that keep to it."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.integration.uploads.site import TYPE, UploadSite, checksum, id_of, metadata, sha256
from tests.support.waiting import PATIENCE_SECONDS

BODY = bytes(range(256)) * 5000


async def test_options_tell_what_the_server_has(site: UploadSite) -> None:
    answer = await site.ask("OPTIONS", site.url, {"Tus-Resumable": ""})

    assert answer.status == 204
    assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination"
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert answer.headers["Tus-Max-Size"] == str(site.engine.settings.upload.max_bytes)


async def test_upload_in_one_request_becomes_an_artifact(site: UploadSite) -> None:
    url = await site.create(len(BODY))

    answer = await site.send(url, 0, BODY)

    assert (answer.status, answer.offset) == (204, len(BODY))
    assert await site.stored(BODY)
    assert (await site.row(url)).sha256 == sha256(BODY)
    assert site.files() == []


async def test_upload_in_many_requests_becomes_an_artifact(site: UploadSite) -> None:
    url = await site.create(len(BODY))

    for offset in range(0, len(BODY), 300_000):
        part = BODY[offset : offset + 300_000]
        answer = await site.send(url, offset, part)
        assert (answer.status, answer.offset) == (204, offset + len(part))

    assert await site.stored(BODY)


async def test_upload_that_goes_on_in_another_process_becomes_an_artifact(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:1000])

    async with UploadSite(site.engine).running() as other:
        answer = await other.send(url.replace(str(site.port), str(other.port)), 1000, BODY[1000:])

    assert answer.status == 204
    assert await site.stored(BODY)


async def test_bytes_that_another_process_replaced_do_not_count_in_a_digest(site: UploadSite) -> None:
    url = await site.create(4)
    await site.send(url, 0, b"ab")
    async with UploadSite(site.engine).running() as other:
        there = url.replace(str(site.port), str(other.port))
        # As after a crash of the machine, which lost what was sent.
        site.folder.path_of(id_of(url)).write_bytes(b"")
        assert await other.offset(there) == 0
        await other.send(there, 0, b"xy")

    answer = await site.send(url, 2, b"cd")

    assert answer.status == 204
    assert await site.stored(b"xycd")


async def test_head_tells_where_to_go_on_and_what_the_client_said(site: UploadSite) -> None:
    said = metadata(filename="päckchen.bin", sha256=sha256(BODY))
    url = await site.create(len(BODY), said)
    await site.send(url, 0, BODY[:10])

    answer = await site.ask("HEAD", url)

    assert (answer.status, answer.offset, answer.headers["Upload-Length"]) == (200, 10, str(len(BODY)))
    assert answer.headers["Upload-Metadata"] == said["Upload-Metadata"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await site.row(url)).filename == "päckchen.bin"


async def test_creation_may_bring_the_first_bytes(site: UploadSite) -> None:
    answer = await site.ask("POST", site.url, {**TYPE, "Upload-Length": str(len(BODY))}, BODY[:5000])

    assert (answer.status, answer.offset) == (201, 5000)
    assert (await site.send(site.address_of(answer), 5000, BODY[5000:])).status == 204
    assert await site.stored(BODY)


async def test_creation_may_bring_all_bytes(site: UploadSite) -> None:
    answer = await site.ask("POST", site.url, {**TYPE, "Upload-Length": str(len(BODY)), **checksum(BODY)}, BODY)

    assert (answer.status, answer.offset) == (201, len(BODY))
    assert "Upload-Expires" not in answer.headers
    assert await site.stored(BODY)


async def test_empty_upload_is_complete_at_once(site: UploadSite) -> None:
    url = await site.create(0)

    assert await site.offset(url) == 0
    assert await site.stored(b"")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_bytes_with_their_checksum_are_taken(site: UploadSite, algorithm: str) -> None:
    url = await site.create(len(BODY))

    first = await site.send(url, 0, BODY[:700_000], checksum(BODY[:700_000], algorithm))
    last = await site.send(url, 700_000, BODY[700_000:], checksum(BODY[700_000:], algorithm))

    assert (first.status, last.status) == (204, 204)
    assert await site.stored(BODY)


async def test_bytes_with_another_checksum_do_not_count(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:1000])

    answer = await site.send(url, 1000, BODY[1000:], checksum(BODY))

    assert answer.status == 460
    assert await site.offset(url) == 1000
    assert (await site.send(url, 1000, BODY[1000:])).status == 204
    assert await site.stored(BODY)


async def test_upload_of_other_bytes_than_declared_is_discarded(site: UploadSite) -> None:
    url = await site.create(len(BODY), metadata(sha256=sha256(b"other")))

    answer = await site.send(url, 0, BODY)

    assert answer.status == 460
    assert sha256(BODY) in answer.text
    assert (await site.ask("HEAD", url)).status == 404
    assert not await site.stored(BODY)
    assert site.files() == []


async def test_terminated_upload_is_gone(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:1000])

    answer = await site.ask("DELETE", url)

    assert answer.status == 204
    assert {(await site.ask(method, url)).status for method in ("HEAD", "DELETE")} == {404}
    assert (await site.send(url, 1000, BODY[1000:])).status == 404
    assert site.files() == []


async def test_complete_upload_can_be_terminated_and_its_artifact_stays(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY)

    assert (await site.ask("DELETE", url)).status == 204
    assert await site.stored(BODY)


async def test_bytes_move_the_time_at_which_an_upload_expires(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    row = await site.row(url)
    row.expires_at = datetime.now(UTC) + timedelta(seconds=60)
    await row.save()

    answer = await site.send(url, 0, BODY[:10])

    left = parsedate_to_datetime(answer.headers["Upload-Expires"]) - datetime.now(UTC)
    assert left > timedelta(hours=23)


async def test_expired_upload_is_gone(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    row = await site.row(url)
    row.expires_at = datetime.now(UTC)
    await row.save()

    assert (await site.ask("HEAD", url)).status == 404
    assert (await site.send(url, 0, BODY)).status == 404


async def test_method_may_stand_in_a_header(site: UploadSite) -> None:
    url = await site.create(3)

    answer = await site.ask("POST", url, {**TYPE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}, b"abc")

    assert (answer.status, answer.offset) == (204, 3)
    assert (await site.ask("POST", url, {"X-HTTP-Method-Override": "DELETE"})).status == 204


async def test_uploads_can_be_created_without_the_slash(site: UploadSite) -> None:
    answer = await site.ask("POST", site.url.removesuffix("/"), {"Upload-Length": "3"})

    assert answer.status == 201


async def test_client_that_vanishes_has_not_sent_in_vain(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    _, writer = await site.part_of_a_request(url, 0, BODY[:600_000], len(BODY))
    writer.close()

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (offset := await site.offset(url)) < 600_000:  # noqa: ASYNC110 - nothing tells of what has come
            await asyncio.sleep(0.01)

    assert offset == 600_000
    assert (await site.send(url, offset, BODY[offset:])).status == 204
    assert await site.stored(BODY)


async def test_parallel_uploads_do_not_meet(site: UploadSite) -> None:
    bodies = [hashlib.sha512(str(number).encode()).digest() * 20_000 for number in range(10)]

    async def upload(body: bytes) -> None:
        url = await site.create(len(body))
        assert (await site.send(url, 0, body[:500_000])).status == 204
        assert (await site.send(url, 500_000, body[500_000:])).status == 204

    await asyncio.gather(*map(upload, bodies))

    assert [await site.stored(body) for body in bodies] == [True] * 10
    assert site.files() == []
