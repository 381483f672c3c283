"""Clients that do not keep to the protocol, and servers in trouble."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from headbox.errors import StorageUnavailable
from headbox.models import Upload
from headbox.services import upload as uploads
from headbox.services.upkeep import Upkeep
from headbox.settings import UploadSettings
from headbox.storage.uploads import UploadFolder
from tests.integration.uploads.site import TYPE, UploadSite, checksum, encoded, id_of, metadata, sha256
from tests.support.engine import LocalEngine
from tests.support.waiting import PATIENCE_SECONDS, until

BODY = bytes(range(256)) * 5000
DIGEST = sha256(BODY)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Yield parts of a body whose length nobody is told."""
    for part in parts:
        yield part


async def reached(site: UploadSite, url: str, offset: int) -> None:
    """Wait until so many bytes of an upload are here for good."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await site.offset(url) < offset:  # noqa: ASYNC110 - nothing tells of what has come
            await asyncio.sleep(0.01)


def limited(engine: LocalEngine, **limits: float) -> UploadSite:
    """Return the uploads of an engine with other settings."""
    engine.settings = engine.settings.model_copy(update={"upload": UploadSettings.model_validate(limits)})
    return UploadSite(engine)


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


async def until_locked(site: UploadSite, url: str) -> None:
    """Wait until a request writes to an upload."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not site.folder.path_of(id_of(url)).exists():  # noqa: ASYNC110 - nothing tells of a file
            await asyncio.sleep(0.01)


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


async def until_free(site: UploadSite, url: str) -> None:
    """Wait until no request writes to an upload any more."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await site.send(url, 0, b"")).status == 423:  # noqa: ASYNC110 - nothing tells of a lock
            await asyncio.sleep(0.01)


async def test_creation_whose_client_vanishes_leaves_nothing(site: UploadSite) -> None:
    headers = {"Upload-Length": str(len(BODY)), "X-HTTP-Method-Override": "POST"}
    _, writer = await site.part_of_a_request(site.url, 0, BODY[:100_000], len(BODY), headers)
    await asyncio.sleep(0.2)
    writer.close()

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await site.engine.rows_of("upload"):  # noqa: ASYNC110 - nothing tells of a row
            await asyncio.sleep(0.01)
    assert site.files() == []


async def test_server_that_ends_lets_clients_go_on_with_the_next_one(engine: LocalEngine) -> None:
    async with UploadSite(engine).running() as site:
        url = await site.create(len(BODY))
        reader, writer = await site.part_of_a_request(url, 0, BODY[:5000], len(BODY))
        await until_locked(site, url)
        await asyncio.sleep(0.2)

        site.app.close()

        assert b" 503 " in await reader.readline()
        writer.close()
    async with UploadSite(engine).running() as site:
        url = f"{site.url}{id_of(url)}"
        assert await site.offset(url) == 5000
        assert (await site.send(url, 5000, BODY[5000:])).status == 204
        assert await site.stored(BODY)


async def test_open_uploads_of_a_client_are_bounded(engine: LocalEngine) -> None:
    async with limited(engine, max_open=5, max_open_of_client=3).running() as site:
        created = await asyncio.gather(*(site.ask("POST", site.url, {"Upload-Length": "5"}) for _ in range(10)))
        assert sorted(answer.status for answer in created) == [201] * 3 + [429] * 7

        done = next(answer for answer in created if answer.status == 201)
        await site.send(site.address_of(done), 0, b"12345")

        assert (await site.ask("POST", site.url, {"Upload-Length": "5"})).status == 201


async def test_upload_that_leaves_too_little_space_is_refused(engine: LocalEngine) -> None:
    async with limited(engine, min_free_bytes=2**53).running() as site:
        answer = await site.ask("POST", site.url, {"Upload-Length": "5"})

    assert answer.status == 507


async def test_disk_that_runs_full_stops_an_upload_which_goes_on_later(
    site: UploadSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:10])
    with monkeypatch.context() as patch:
        patch.setattr(UploadFolder, "free_bytes", lambda _: 0)
        answer = await site.send(url, 10, BODY[10:])

    assert answer.status == 507
    assert await site.offset(url) == 10
    assert (await site.send(url, 10, BODY[10:])).status == 204
    assert await site.stored(BODY)


async def test_bytes_beyond_what_was_noted_are_cut(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:10])
    with site.folder.path_of(id_of(url)).open("ab") as file:
        file.write(b"written, and killed before it was noted")

    assert await site.offset(url) == 10
    assert (await site.send(url, 10, BODY[10:])).status == 204
    assert await site.stored(BODY)


async def test_bytes_that_a_crash_of_the_machine_lost_are_asked_for_again(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    await site.send(url, 0, BODY[:1000])
    os.truncate(site.folder.path_of(id_of(url)), 400)

    assert await site.offset(url) == 400
    assert (await site.send(url, 400, BODY[400:])).status == 204
    assert await site.stored(BODY)


@pytest.mark.parametrize("is_moved", [True, False])
async def test_upload_that_was_left_before_it_was_stored_is_completed(
    site: UploadSite, monkeypatch: pytest.MonkeyPatch, is_moved: bool
) -> None:
    """As by a process that is killed, or a bucket that is away: before the bytes are moved, or right after it."""
    url = await site.create(len(BODY))

    async def fails(*_: object) -> None:
        raise StorageUnavailable(reason="it is away")

    with monkeypatch.context() as patch:
        patch.setattr(site.engine.storage, "flush" if is_moved else "adopt", fails)
        answer = await site.send(url, 0, BODY)
        looked = await site.ask("HEAD", url)

    assert (answer.status, looked.status) == (503, 503)
    assert (await site.row(url)).completed_at is None
    assert await site.offset(url) == len(BODY)
    assert await site.stored(BODY)
    assert site.files() == []


async def test_upload_whose_bytes_are_nowhere_begins_anew(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    row = await site.row(url)
    row.received, row.sha256 = len(BODY), DIGEST
    await row.save()

    assert await site.offset(url) == 0
    assert (await site.send(url, 0, BODY)).status == 204
    assert await site.stored(BODY)


async def test_damaged_bytes_that_nobody_knows_of_give_way(site: UploadSite) -> None:
    """As a crash of the machine leaves them, after a process had stored them and before it could say so."""
    path = site.engine.storage.path_of(DIGEST)
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(len(BODY)))
    url = await site.create(len(BODY), metadata(sha256=DIGEST))

    assert (await site.send(url, 0, BODY)).status == 204
    assert await site.stored(BODY)


async def test_upload_that_is_removed_under_way_is_gone(site: UploadSite) -> None:
    """As by a process that does not see the folder of uploads."""
    url = await site.create(len(BODY))
    reader, writer = await site.part_of_a_request(url, 0, BODY[:5000], len(BODY))
    await until_locked(site, url)

    await Upload.filter(id=id_of(url)).delete()
    writer.write(BODY[5000:])

    assert b" 404 " in await reader.readline()
    writer.close()
    assert (await site.send(url, 0, BODY)).status == 404


async def test_uploads_that_are_abandoned_by_the_thousand_are_removed(site: UploadSite) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    gone = [Upload(size=5, client="x", expires_at=past) for _ in range(1000)]
    await Upload.bulk_create(gone)
    for upload in gone[:300]:
        site.folder.path_of(upload.id).write_bytes(b"123")
    kept = await site.create(10)
    await site.send(kept, 0, b"123")
    upkeep = Upkeep(site.engine)

    await upkeep.run()
    assert await site.engine.rows_of("upload") == 1001 - uploads.BATCH
    for _ in range(1000 // uploads.BATCH):
        await upkeep.run()

    assert await site.engine.rows_of("upload") == 1
    assert site.files() == [str(id_of(kept))]


async def test_files_of_uploads_that_are_no_more_are_removed(engine: LocalEngine) -> None:
    async with limited(engine, expire_seconds=1000).running() as site:
        kept = [await site.create(10), await site.create(10)]
        for url in kept:
            await site.send(url, 0, b"123")
        gone, new = UUID(int=1), UUID(int=2)
        for upload in (gone, new):
            site.folder.path_of(upload).write_bytes(b"123")
        for old in (gone, id_of(kept[0])):
            os.utime(site.folder.path_of(old), (1, 1))

        await site.app.start()
        await until(lambda: str(gone) not in site.files())
        await site.app.stop()

        assert site.files() == sorted(map(str, [new, *map(id_of, kept)]))


async def test_upload_that_is_written_to_is_not_removed(site: UploadSite) -> None:
    url = await site.create(len(BODY))
    reader, writer = await site.part_of_a_request(url, 0, BODY[:5000], len(BODY))
    await until_locked(site, url)
    await Upload.filter(id=id_of(url)).update(expires_at=datetime.now(UTC))

    assert await uploads.remove_expired(site.engine) == 0

    writer.write(BODY[5000:])
    assert b" 204 " in await reader.readline()
    writer.close()
    assert await site.stored(BODY)


async def test_uploads_are_for_the_servers_user_alone(site: UploadSite, data_dir: Path) -> None:
    assert (data_dir / "uploads").stat().st_mode & 0o777 == 0o700
