"""Servers that end, that are full, and that lost what they had."""

from __future__ import annotations

import asyncio
import os

import pytest

from headbox.errors import StorageUnavailable
from headbox.storage.uploads import UploadFolder
from tests.integration.uploads.bodies import BODY, DIGEST, limited, until_locked
from tests.integration.uploads.site import UploadSite, id_of, metadata
from tests.support.engine import LocalEngine


async def test_server_that_ends_lets_clients_go_on_with_the_next_one(engine: LocalEngine) -> None:
    async with UploadSite(engine).running() as site:
        url = await site.create(len(BODY))
        reader, writer = await site.part_of_a_request(url, 0, BODY[:5000], len(BODY))
        await until_locked(site, url)
        await asyncio.sleep(1)

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
