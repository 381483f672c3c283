"""Files that are stored, over HTTP."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest

from headbox.content_app.bodies import SMALL_BYTES
from headbox.models import Content
from tests.integration.content_app.site import Site, digest_of

#: Too large to be sent from memory, and of several chunks.
LARGE = bytes(range(256)) * (3 * 1024 * 1024 // 256)
TALE = b"Once upon a time."


async def test_file_is_served_with_what_caches_need(site: Site) -> None:
    await site.serve({"tales/one.txt": TALE})

    answer = await site.get("shelf/tales/one.txt")

    assert answer.status == 200
    assert answer.body == TALE
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-length"] == str(len(TALE))
    assert answer.headers["etag"] == f'"{digest_of(TALE)}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in answer.headers


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, len(LARGE)])
async def test_file_of_any_size_is_served_whole(site: Site, size: int) -> None:
    await site.serve({"file.bin": LARGE[:size]})

    for _ in range(2):
        answer = await site.get("shelf/file.bin")
        assert (answer.status, answer.body) == (200, LARGE[:size])


async def test_head_gets_the_headers_alone(site: Site) -> None:
    await site.serve({"large.bin": LARGE})

    answer = await site.get("shelf/large.bin", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(LARGE))
    assert answer.headers["etag"] == f'"{digest_of(LARGE)}"'


@pytest.mark.parametrize("tag", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
async def test_client_that_has_the_file_gets_304(site: Site, tag: str) -> None:
    await site.serve({"one.txt": TALE})

    answer = await site.get("shelf/one.txt", if_none_match=tag.format(digest_of(TALE)))

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == f'"{digest_of(TALE)}"'


async def test_client_that_has_another_file_gets_the_new_one(site: Site) -> None:
    await site.serve({"one.txt": TALE})
    modified = (await site.get("shelf/one.txt")).headers["last-modified"]

    # Tags count before times.
    answer = await site.get("shelf/one.txt", if_none_match='"other"', if_modified_since=modified)

    assert answer.status == 200


async def test_last_modified_is_enough_to_get_304(site: Site) -> None:
    await site.serve({"one.txt": TALE})
    modified = (await site.get("shelf/one.txt")).headers["last-modified"]

    answer = await site.get("shelf/one.txt", if_modified_since=modified)

    assert answer.status == 304


async def test_older_file_that_is_served_again_is_not_taken_for_the_newer_one(site: Site) -> None:
    repository = await site.repository()
    old, new = [await site.content("one.txt", body=body) for body in (b"old", b"new")]
    await Content.filter(id=old).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    first = await site.publish(repository, await site.version(repository, add=[old]))
    second = await site.publish(repository, await site.version(repository, add=[new], remove=[old]))
    await site.distribute("shelf", second)
    modified = (await site.get("shelf/one.txt")).headers["last-modified"]

    await site.distribute("shelf", first)

    answer = await site.get("shelf/one.txt", if_modified_since=modified)
    assert (answer.status, answer.body) == (200, b"old")


@pytest.mark.parametrize("body", [LARGE[:1000], LARGE])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("990-", 990, None), ("-5", -5, None), ("900-99999999", 900, None)],
)
async def test_range_gets_a_part(site: Site, body: bytes, asked: str, start: int, stop: int | None) -> None:
    await site.serve({"file.bin": body})
    expected = body[start:stop]

    answer = await site.get("shelf/file.bin", range=f"bytes={asked}")

    assert (answer.status, answer.body) == (206, expected)
    first = start % len(body)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(body)}"
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("body", [LARGE[:1000], LARGE])
async def test_several_ranges_get_a_multipart_body(site: Site, body: bytes) -> None:
    await site.serve({"file.txt": body})

    answer = await site.get("shelf/file.txt", range="bytes=0-9, 500-509,-10")

    assert answer.status == 206
    match = re.fullmatch("multipart/byteranges; boundary=(.+)", answer.headers["content-type"])
    assert match is not None
    start, *parts, end = answer.body.split(f"\r\n--{match[1]}".encode())
    assert (start, end) == (b"", b"--\r\n")
    size = len(body)
    assert parts == [
        f"\r\nContent-Type: text/plain\r\nContent-Range: bytes {first}-{first + 9}/{size}\r\n\r\n".encode()
        + body[first : first + 10]
        for first in (0, 500, size - 10)
    ]


@pytest.mark.parametrize("asked", ["1000-", "1000-2000", "-0"])
async def test_range_outside_of_the_file_gets_416(site: Site, asked: str) -> None:
    await site.serve({"file.bin": LARGE[:1000]})

    answer = await site.get("shelf/file.bin", range=f"bytes={asked}")

    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */1000"


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=", "bytes=5-2", "bytes=a-b", "bytes=" + "0-0," * 64 + "0-0"])
async def test_range_that_makes_no_sense_gets_the_whole_file(site: Site, asked: str) -> None:
    await site.serve({"file.bin": LARGE[:1000]})

    answer = await site.get("shelf/file.bin", range=asked)

    assert (answer.status, answer.body) == (200, LARGE[:1000])


async def test_if_range_gets_the_part_only_of_the_same_file(site: Site) -> None:
    await site.serve({"file.bin": LARGE[:1000]})
    whole = await site.get("shelf/file.bin")
    tag, modified = whole.headers["etag"], whole.headers["last-modified"]

    statuses = [
        (await site.get("shelf/file.bin", range="bytes=0-9", if_range=condition)).status
        for condition in (tag, modified, f"W/{tag}", '"other"', "Mon, 01 Jan 2001 00:00:00 GMT")
    ]

    assert statuses == [206, 206, 200, 200, 200]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("page.html", "text/html"),
        ("data.json", "application/json"),
        ("files.tar.gz", "application/gzip"),
        ("image.svg", "image/svg+xml"),
        ("book.unknown", "application/octet-stream"),
        ("PULP_MANIFEST", "application/octet-stream"),
    ],
)
async def test_content_type_is_by_name(site: Site, name: str, content_type: str) -> None:
    await site.serve({name: TALE})

    answer = await site.get(f"shelf/{name}")

    assert answer.headers["content-type"] == content_type
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("name", ["page.html", "image.svg", "page.xhtml", "feed.xml"])
async def test_hosted_page_cannot_act_as_the_user(site: Site, name: str) -> None:
    await site.serve({name: b"<script>alert(1)</script>"})

    assert (await site.get(f"shelf/{name}")).headers["content-security-policy"] == "sandbox"


async def test_file_of_the_publication_goes_before_content(site: Site) -> None:
    repository = await site.repository()
    await site.version(repository, add=[await site.content("index.json", body=b"content")])
    await site.distribute("shelf", await site.publish(repository, files={"index.json": b"metadata"}))

    assert (await site.get("shelf/index.json")).body == b"metadata"


async def test_each_version_serves_what_it_holds(site: Site) -> None:
    repository = await site.repository()
    old, new, gone = [await site.content(path, body=path.encode()) for path in ("old", "new", "gone")]
    first = await site.publish(repository, await site.version(repository, add=[old, gone]))
    second = await site.publish(repository, await site.version(repository, add=[new], remove=[gone]))
    await site.distribute("first", first)
    await site.distribute("second", second)

    statuses = {
        f"{base}/{name}": (await site.get(f"{base}/{name}")).status
        for base in ("first", "second")
        for name in ("old", "new", "gone")
    }

    assert statuses == {
        "first/old": 200,
        "first/new": 404,
        "first/gone": 200,
        "second/old": 200,
        "second/new": 200,
        "second/gone": 404,
    }


async def test_names_are_percent_encoded_utf8(site: Site) -> None:
    names = {"ünï cødé.txt": b"1", "100%.txt": b"2", "a+b?c#d.txt": b"3", "back\\slash": b"4", "data:x": b"5"}
    await site.serve(names)

    got = [
        (await site.get(f"shelf/{encoded}")).body
        for encoded in (
            "%C3%BCn%C3%AF%20c%C3%B8d%C3%A9.txt",
            "100%25.txt",
            "a+b%3Fc%23d.txt",
            "back%5Cslash",
            "data:x",
        )
    ]

    assert got == list(names.values())


@pytest.mark.parametrize(
    "path",
    [
        "shelf/../../etc/passwd",
        "shelf/%2e%2e/%2e%2e/etc/passwd",
        "shelf/./one.txt",
        "shelf//one.txt",
        "shelf/one.txt//",
        "//shelf",
        "shelf/%00",
        "shelf/a%09b",
        "shelf/%FF",
        "shelf/%C0%AE",
        "shelf/%ED%A0%80",
        "shelf/" + "a" * 256,
        "shelf" + "/abcdefg" * 600,
    ],
)
async def test_path_that_no_file_can_have_gets_400(site: Site, path: str) -> None:
    await site.serve({"one.txt": TALE})

    answer = await site.get(path)

    assert answer.status == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["shelf/none.txt", "shelf/one.txt/below", "shelf/..%5Cone.txt", "elsewhere/one.txt"])
async def test_path_without_a_file_gets_404_that_helps(site: Site, path: str) -> None:
    await site.serve({"one.txt": TALE})

    answer = await site.get(path)
    document = await site.get(path, accept="application/json")

    assert (answer.status, document.status) == (404, 404)
    assert b"lists what" in answer.body
    assert b'"code":"NOT_FOUND"' in document.body


async def test_distribution_without_a_publication_says_so(site: Site) -> None:
    await site.distribute("shelf", None)

    answers = [await site.get(path) for path in ("shelf/one.txt", "shelf/", "shelf")]

    assert [answer.status for answer in answers] == [404, 404, 404]
    assert all(b"Nothing is published here yet" in answer.body for answer in answers)


async def test_content_is_only_read(site: Site) -> None:
    await site.serve({"one.txt": TALE})

    refused = await site.get("shelf/one.txt", method="PUT")
    options = await site.get("shelf/one.txt", method="OPTIONS")

    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_lost_file_of_a_publication_is_no_empty_answer(site: Site) -> None:
    repository = await site.repository()
    await site.distribute("shelf", await site.publish(repository, files={"one.txt": TALE, "large.bin": LARGE}))
    await site.storage.delete(digest_of(TALE))
    site.damage(digest_of(LARGE))

    for path in ("shelf/one.txt", "shelf/large.bin"):
        answer = await site.get(path, accept="application/json")
        assert (answer.status, answer.headers["retry-after"]) == (503, "300")
        assert b"ARTIFACT_DAMAGED" in answer.body
        assert b"createRepair" in answer.body


async def test_file_is_read_no_further_when_the_client_leaves(site: Site) -> None:
    size = 64 * 1024 * 1024
    await site.serve({"huge.bin": bytes(size)})

    async with site.client.get(f"{site.url}/shelf/huge.bin") as response:
        await response.content.readany()
        response.close()

    sent, before = site.counted("sent_bytes"), None
    while sent != before:
        await asyncio.sleep(0.3)
        sent, before = site.counted("sent_bytes"), sent
    assert sent < size


async def test_answers_are_counted(site: Site) -> None:
    await site.serve({"one.txt": TALE})

    for _ in range(3):
        await site.get("shelf/one.txt")
    await site.get("shelf/none.txt")

    assert site.counted("requests", status="2xx") == 3
    assert site.counted("requests", status="4xx") == 1
    assert site.counted("lookups", cache="miss") == 2
    assert site.counted("lookups", cache="hit") == 2
    assert site.counted("sent_bytes") > 3 * len(TALE)
