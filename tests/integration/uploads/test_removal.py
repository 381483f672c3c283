"""Uploads that are removed, abandoned or nobody else's business."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from headbox.models import Upload
from headbox.services import upload as uploads
from headbox.services.upkeep import Upkeep
from tests.integration.uploads.bodies import BODY, limited, until_locked
from tests.integration.uploads.site import UploadSite, id_of
from tests.support.engine import LocalEngine
from tests.support.waiting import until

#: Twice as many as a client may have open at a time.
ABANDONED = 2000


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
    gone = [Upload(size=5, client="127.0.0.1", expires_at=past) for _ in range(ABANDONED)]
    await Upload.bulk_create(gone)
    for upload in gone[:300]:
        site.folder.path_of(upload.id).write_bytes(b"123")
    kept = await site.create(10)
    await site.send(kept, 0, b"123")
    upkeep = Upkeep(site.engine)

    for left in range(ABANDONED, 0, -uploads.BATCH):
        assert await site.engine.rows_of("upload") == left + 1
        # A few at a time; and clients are served meanwhile, whatever is left of those that are no more.
        _, url = await asyncio.gather(upkeep.run(), site.create(len(BODY)))
        assert (await site.send(url, 0, BODY)).status == 204
        await Upload.filter(id=id_of(url)).delete()

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
