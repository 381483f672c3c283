"""Clients that do not keep to the protocol."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.uploads.bodies import BODY, pieces
from tests.integration.uploads.site import TYPE, UploadSite, checksum, encoded, metadata


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0.1"])
async def test_client_of_another_version_is_told_which_one_there_is(site: UploadSite, version: str) -> None:
    answer = await site.ask("POST", site.url, {"Upload-Length": "5", "Tus-Resumable": version})

    assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert await site.engine.rows_of("upload") == 0


@pytest.mark.parametrize(("method", "where"), [("GET", ""), ("PUT", ""), ("PATCH", ""), ("GET", "x"), ("POST", "x")])
async def test_other_methods_are_refused(site: UploadSite, method: str, where: str) -> None:
    answer = await site.ask(method, site.url + where)

    assert answer.status == 405
    assert "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Length": "٣"}, 400),
        ({"Upload-Length": "9" * 400}, 400),
        ({"Upload-Length": str(2**50)}, 413),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Length": "5", "Upload-Concat": "partial"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": ""}, 201),
        ({"Upload-Length": "5", "Upload-Metadata": "key"}, 201),
        ({"Upload-Length": "5", "Upload-Metadata": "key %%%"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": "key YQ==,key YQ=="}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": ", ,"}, 400),
        ({"Upload-Length": "5", **metadata(filename=b"\xff")}, 400),
        ({"Upload-Length": "5", **metadata(filename="../../etc/passwd")}, 400),
        ({"Upload-Length": "5", **metadata(filename="/etc/passwd")}, 400),
        ({"Upload-Length": "5", **metadata(filename="..")}, 400),
        ({"Upload-Length": "5", **metadata(filename="a\r\nSet-Cookie: b")}, 400),
        ({"Upload-Length": "5", **metadata(filename="x" * 300)}, 400),
        ({"Upload-Length": "5", **metadata(sha256="abc")}, 400),
        ({"Upload-Length": "5", **metadata(key="x" * 4000)}, 400),
        ({"Upload-Length": "5", "Upload-Checksum": "crc32 abcd"}, 400),
        ({"Upload-Length": "5", "Upload-Checksum": "sha1"}, 400),
        ({"Upload-Length": "5", "Upload-Checksum": "sha1 YQ=="}, 400),
    ],
)
async def test_creation_that_makes_no_sense_is_refused(site: UploadSite, headers: dict[str, str], status: int) -> None:
    answer = await site.ask("POST", site.url, headers)

    assert answer.status == status, answer
    assert await site.engine.rows_of("upload") == (1 if status == 201 else 0)


async def test_enormous_headers_are_refused(site: UploadSite) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = b"POST /uploads/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 5\r\n"
    writer.write(head + b"Upload-Metadata: " + b"a" * 5_000_000 + b"\r\n\r\n")

    status = await reader.readline()

    assert b" 400 " in status
    writer.close()
    assert await site.engine.rows_of("upload") == 0


@pytest.mark.parametrize(
    "name", ["x", "..", "%2e%2e%2fheadbox.db", "..%2f..%2fetc%2fpasswd", "%00", "0" * 32, "A" * 100_00, "{0}", "a%2Fb"]
)
async def test_address_of_no_upload_leads_nowhere(site: UploadSite, name: str) -> None:
    before = site.files()

    answers = [await site.ask(method, f"{site.url}{name}") for method in ("HEAD", "DELETE")]
    answers.append(await site.send(f"{site.url}{name}", 0, b"x"))

    assert {answer.status for answer in answers} <= {404, 405, 412}
    assert site.files() == before


async def test_bytes_for_an_upload_that_never_was_leave_no_file(site: UploadSite) -> None:
    answer = await site.send(f"{site.url}01890000-0000-7000-8000-000000000000", 0, BODY)

    assert answer.status == 404
    assert site.files() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Offset": "5"}, 409),
        ({"Upload-Offset": "0"}, 409),
        ({"Upload-Offset": "-3"}, 400),
        ({"Upload-Offset": ""}, 400),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Upload-Checksum": "md5 abc"}, 400),
        (checksum(b"other"), 460),
        ({"Upload-Checksum": f"sha1 {encoded(b'x' * 19)}"}, 400),
    ],
)
async def test_bytes_that_do_not_fit_change_nothing(site: UploadSite, headers: dict[str, str], status: int) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:3])

    answer = await site.send(url, 3, BODY[3:], headers)

    assert answer.status == status
    assert await site.offset(url) == 3
    assert (await site.send(url, 3, BODY[3:])).status == 204
    assert await site.stored(BODY)


async def test_chunk_that_is_sent_twice_counts_once(site: UploadSite) -> None:
    url = await site.create(len(BODY))

    first = await site.send(url, 0, BODY[:1000])
    again = await site.send(url, 0, BODY[:1000])

    assert (first.status, again.status) == (204, 409)
    assert (await site.send(url, 1000, BODY[1000:])).status == 204
    assert (await site.send(url, 1000, BODY[1000:])).status == 409
    assert await site.stored(BODY)


async def test_last_bytes_that_are_sent_twice_harm_nobody(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY)

    assert (await site.send(url, len(BODY), b"")).status == 204
    assert (await site.send(url, len(BODY), b"x")).status == 413
    assert await site.offset(url) == len(BODY)
    assert site.files() == []


@pytest.mark.parametrize("is_told", [True, False])
async def test_bytes_behind_the_end_are_refused(site: UploadSite, is_told: bool) -> None:
    url = await site.create(1000)
    await site.send(url, 0, BODY[:10])

    answer = await site.send(url, 10, BODY if is_told else pieces(BODY[10:500], BODY[500:2000]))

    assert answer.status == 413
    assert await site.offset(url) == 10
    assert (await site.send(url, 10, BODY[10:1000])).status == 204
    assert await site.stored(BODY[:1000])


async def test_creation_with_bytes_behind_the_end_leaves_nothing(site: UploadSite) -> None:
    told = await site.ask("POST", site.url, {**TYPE, "Upload-Length": "10"}, BODY)
    untold = await site.ask("POST", site.url, {**TYPE, "Upload-Length": "10"}, pieces(BODY[:5], BODY[5:50]))

    assert (told.status, untold.status) == (413, 413)
    assert await site.engine.rows_of("upload") == 0
    assert site.files() == []


async def test_creation_with_a_wrong_checksum_leaves_nothing(site: UploadSite) -> None:
    answer = await site.ask("POST", site.url, {**TYPE, "Upload-Length": "10", **checksum(b"x")}, BODY[:10])

    assert answer.status == 460
    assert await site.engine.rows_of("upload") == 0
    assert site.files() == []
