"""Small uploads that come whole, many at a time."""

from __future__ import annotations

import asyncio

import pytest

from headbox.storage.uploads import UploadFolder
from tests.integration.uploads.site import TYPE, Answer, UploadSite, checksum, metadata, sha256
from tests.support.statements import statements

BODIES = [f"file {number}".encode() for number in range(40)]


async def bring(site: UploadSite, body: bytes, **headers: str) -> Answer:
    return await site.ask("POST", site.url, {"Upload-Length": str(len(body)), **TYPE, **headers}, body)


async def bring_all(site: UploadSite, bodies: list[bytes]) -> list[int]:
    return [answer.status for answer in await asyncio.gather(*(bring(site, body) for body in bodies))]


async def test_many_at_once_are_stored_with_few_transactions(site: UploadSite) -> None:
    with statements() as asked:
        answers = await asyncio.gather(*(bring(site, body, **metadata(filename="a")) for body in BODIES))

    assert {answer.status for answer in answers} == {201}
    assert sum("INSERT INTO artifact" in statement for statement in asked) <= len(BODIES) / 4
    for body, answer in zip(BODIES, answers, strict=True):
        assert answer.offset == len(body)
        assert "Upload-Expires" not in answer.headers
        row = await site.row(site.address_of(answer))
        assert (row.size, row.received, row.sha256, row.filename) == (len(body), len(body), sha256(body), "a")
        assert row.completed_at is not None
        assert await site.stored(body)
    assert await site.offset(site.address_of(answers[0])) == len(BODIES[0])
    assert site.files() == []


async def test_the_same_bytes_from_many_are_one_artifact(site: UploadSite) -> None:
    assert await bring_all(site, [b"same"] * 20) == [201] * 20

    assert await site.stored(b"same")
    assert await site.engine.rows_of("upload") == 20
    assert site.files() == []


async def test_one_that_cannot_be_stored_harms_no_other(site: UploadSite) -> None:
    in_the_way = site.engine.storage.path_of(sha256(BODIES[3]))
    assert in_the_way is not None
    (in_the_way / "folder").mkdir(parents=True)

    assert await bring_all(site, BODIES) == [201] * 3 + [503] + [201] * 36

    assert await site.engine.rows_of("upload") == 39
    assert site.files() == []


async def test_damaged_bytes_give_way(site: UploadSite) -> None:
    path = site.engine.storage.path_of(sha256(b"right"))
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"wrong")

    assert await bring_all(site, [b"right"]) == [201]

    assert await site.stored(b"right")


async def test_a_full_disk_takes_nothing(site: UploadSite, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(UploadFolder, "free_bytes", lambda _: 0)
        assert set(await bring_all(site, BODIES[:5])) == {507}

    assert await site.engine.rows_of("upload") == 0
    assert site.files() == []


@pytest.mark.parametrize(
    "headers",
    [
        metadata(sha256=sha256(b"other")),
        checksum(b"other", "sha1"),
        checksum(b"other"),
    ],
)
async def test_bytes_that_are_not_what_was_declared_are_refused(site: UploadSite, headers: dict[str, str]) -> None:
    assert (await bring(site, b"these", **headers)).status == 460

    assert await site.engine.rows_of("upload") == 0
    assert not await site.stored(b"these")
