"""Uploads and content that is made of them, as the API has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from headbox.models import Artifact, Content, ContentArtifact
from headbox.settings import UploadSettings
from tests.integration.schema.api import Api
from tests.integration.uploads.site import UploadSite, sha256
from tests.support.engine import LocalEngine

CREATE_UPLOAD = """
    mutation Create($input: CreateUploadInput!) {
      createUpload(input: $input) {
        upload { id url size offset sha256 filename completedAt expiresAt }
        errors { code message path hint }
      }
    }
"""
CREATE = """
    mutation Create($input: CreateFileContentInput!) {
      createFileContent(input: $input) {
        content { id relativePath sha256 size artifacts { relativePath sha256 size availability } }
        errors { code message path hint }
      }
    }
"""
CREATE_MANY = """
    mutation Create($input: CreateFileContentsInput!) {
      createFileContents(input: $input) {
        results { content { id relativePath } errors { code path } }
        errors { code path }
      }
    }
"""
HAVE = "query Have($sha256: [String!]!) { haveArtifacts(sha256: $sha256) }"
BODY = b"the bytes" * 1000


@pytest.fixture
async def site(engine: LocalEngine) -> AsyncIterator[UploadSite]:
    async with UploadSite(engine).running() as site:
        yield site


async def create_upload(api: Api, **values: Any) -> dict[str, Any]:
    payload = (await api.run(CREATE_UPLOAD, input=values))["createUpload"]
    assert payload["errors"] == []
    upload: dict[str, Any] = payload["upload"]
    return upload


async def uploaded(site: UploadSite, api: Api, body: bytes) -> str:
    """Upload some bytes and return the id of the upload."""
    upload = await create_upload(api, size=len(body), sha256=sha256(body))
    if upload["completedAt"] is None:
        answer = await site.send(site.url + upload["url"].rpartition("/")[2], 0, body)
        assert answer.status == 204
    identifier: str = upload["id"]
    return identifier


async def create(api: Api, **values: Any) -> dict[str, Any]:
    payload = (await api.run(CREATE, input=values))["createFileContent"]
    assert payload["errors"] == []
    content: dict[str, Any] = payload["content"]
    return content


async def refused(api: Api, **values: Any) -> list[tuple[str, list[str]]]:
    payload = (await api.run(CREATE, input=values))["createFileContent"]
    assert payload["content"] is None
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_upload_tells_where_its_bytes_go_and_how_many_are_here(site: UploadSite, api: Api) -> None:
    upload = await create_upload(api, size=len(BODY), sha256=sha256(BODY).upper(), filename="bytes.bin")

    assert upload["url"].startswith("http://headbox.test/uploads/")
    assert (upload["size"], upload["offset"], upload["filename"]) == (len(BODY), 0, "bytes.bin")
    assert (upload["sha256"], upload["completedAt"]) == (sha256(BODY), None)

    await site.send(site.url + upload["url"].rpartition("/")[2], 0, BODY[:100])
    shown = (await api.run("query Q($id: ID!) { node(id: $id) { ... on Upload { offset } } }", id=upload["id"]))["node"]
    assert shown == {"offset": 100}


async def test_upload_of_stored_bytes_is_complete_at_once(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)

    upload = await create_upload(api, size=len(BODY), sha256=sha256(BODY))

    assert upload["offset"] == len(BODY)
    assert upload["completedAt"] is not None


async def test_empty_upload_is_complete_at_once(site: UploadSite, api: Api) -> None:
    upload = await create_upload(api, size=0)

    assert (upload["sha256"], upload["offset"]) == (sha256(b""), 0)
    assert upload["completedAt"] is not None
    assert await site.stored(b"")


async def test_empty_upload_with_another_digest_is_refused(api: Api, site: UploadSite) -> None:
    payload = (await api.run(CREATE_UPLOAD, input={"size": 0, "sha256": sha256(b"more")}))["createUpload"]

    assert [error["code"] for error in payload["errors"]] == ["DIGEST_MISMATCH"]
    assert await site.engine.rows_of("upload") == 0


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"size": -1}, "INVALID", ["input", "size"]),
        ({"size": 2**50}, "LIMIT_EXCEEDED", ["input", "size"]),
        ({"size": 5, "sha256": "abc"}, "INVALID", ["input", "sha256"]),
        ({"size": 5, "sha256": sha256(BODY)}, "INVALID", ["input", "size"]),
        ({"size": 5, "filename": "../etc/passwd"}, "INVALID", ["input", "filename"]),
        ({"size": 5, "filename": "a/b"}, "INVALID", ["input", "filename"]),
        ({"size": 5, "filename": "a\0b"}, "INVALID", ["input", "filename"]),
        ({"size": 5, "filename": "ä" * 256}, "INVALID", ["input", "filename"]),
    ],
)
async def test_upload_that_cannot_be_is_refused(
    site: UploadSite, api: Api, values: dict[str, Any], code: str, path: list[str]
) -> None:
    await uploaded(site, api, BODY)

    payload = (await api.run(CREATE_UPLOAD, input=values))["createUpload"]

    assert payload["upload"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, path)]
    assert await site.engine.rows_of("upload") == 1


async def test_digests_whose_bytes_are_stored_are_told(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)
    other = sha256(b"other")

    asked = [other, sha256(BODY).upper(), sha256(BODY)]

    assert await api.run(HAVE, sha256=asked) == {"haveArtifacts": [sha256(BODY)]}


async def test_bytes_that_are_damaged_are_to_be_brought_again(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)
    await Artifact.all().update(damaged_at=datetime.now(UTC))
    rotten = site.engine.storage.path_of(sha256(BODY))
    assert rotten is not None
    rotten.write_bytes(BODY[::-1])

    had = await api.run(HAVE, sha256=[sha256(BODY)])
    await uploaded(site, api, BODY)

    assert had == {"haveArtifacts": []}
    assert rotten.read_bytes() == BODY
    assert await api.run(HAVE, sha256=[sha256(BODY)]) == {"haveArtifacts": [sha256(BODY)]}


@pytest.mark.parametrize(
    ("digests", "code"), [(["x"], "INVALID"), ([sha256(b"%d" % n) for n in range(1001)], "LIMIT_EXCEEDED")]
)
async def test_digests_that_are_none_or_too_many_are_refused(api: Api, digests: list[str], code: str) -> None:
    assert (await api.fail(HAVE, sha256=digests))["extensions"]["code"] == code


async def test_content_is_made_of_an_upload(site: UploadSite, api: Api) -> None:
    content = await create(api, relativePath="dir/file.bin", upload=await uploaded(site, api, BODY))

    assert (content["relativePath"], content["sha256"], content["size"]) == ("dir/file.bin", sha256(BODY), len(BODY))
    artifact = {"relativePath": "dir/file.bin", "sha256": sha256(BODY), "size": len(BODY), "availability": "LOCAL"}
    assert content["artifacts"] == [artifact]


async def test_content_is_made_of_stored_bytes(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)

    content = await create(api, relativePath="file.bin", sha256=sha256(BODY).upper())

    assert (content["sha256"], content["size"]) == (sha256(BODY), len(BODY))


async def test_same_bytes_twice_are_the_same_content(site: UploadSite, api: Api) -> None:
    first = await create(api, relativePath="file.bin", upload=await uploaded(site, api, BODY))
    second = await create(api, relativePath="file.bin", upload=await uploaded(site, api, BODY))
    third = await create(api, relativePath="file.bin", sha256=sha256(BODY))

    assert first == second == third
    assert (await Content.all().count(), await ContentArtifact.all().count()) == (1, 1)


async def test_same_bytes_made_at_once_are_the_same_content(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)

    made = await asyncio.gather(*(create(api, relativePath="file.bin", sha256=sha256(BODY)) for _ in range(10)))

    assert len({content["id"] for content in made}) == 1
    assert (await Content.all().count(), await ContentArtifact.all().count()) == (1, 1)


async def test_content_without_its_bytes_is_refused(site: UploadSite, api: Api) -> None:
    unfinished = (await create_upload(api, size=len(BODY), sha256=sha256(BODY)))["id"]
    complete = await uploaded(site, api, b"other")
    path = "file.bin"

    assert await refused(api, relativePath=path, upload=unfinished) == [("UPLOAD_INCOMPLETE", ["input", "upload"])]
    assert await refused(api, relativePath=path, sha256=sha256(BODY)) == [("NOT_FOUND", ["input", "sha256"])]
    for digest in ("x", "a" * 65, "\0" * 64):
        assert await refused(api, relativePath=path, sha256=digest) == [("INVALID", ["input", "sha256"])]
    assert await refused(api, relativePath=path, upload="x") == [("NOT_FOUND", ["input", "upload"])]
    assert await refused(api, relativePath=path) == [("REQUIRED", ["input", "upload"])]
    both = {"upload": complete, "sha256": sha256(b"other")}
    assert await refused(api, relativePath=path, **both) == [("INVALID", ["input", "sha256"])]
    assert await Content.all().count() == 0


async def test_content_of_another_things_id_is_refused(site: UploadSite, api: Api) -> None:
    content = await create(api, relativePath="a", upload=await uploaded(site, api, BODY))

    assert await refused(api, relativePath="b", upload=content["id"]) == [("WRONG_TYPE", ["input", "upload"])]


async def test_content_of_an_expired_upload_is_refused(site: UploadSite, api: Api) -> None:
    upload = await create_upload(api, size=0)
    row = await site.row(upload["url"])
    row.expires_at = datetime.now(UTC)
    await row.save()

    assert await refused(api, relativePath="a", upload=upload["id"]) == [("NOT_FOUND", ["input", "upload"])]


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a/./b", "", "a\nb", "a/" * 2500 + "b", "x" * 256])
async def test_content_at_a_path_that_climbs_or_cannot_be_is_refused(site: UploadSite, api: Api, path: str) -> None:
    await uploaded(site, api, BODY)

    assert await refused(api, relativePath=path, sha256=sha256(BODY)) == [("INVALID", ["input", "relativePath"])]


async def test_many_are_made_in_their_order(site: UploadSite, api: Api) -> None:
    upload, _ = await uploaded(site, api, BODY), await uploaded(site, api, b"other")
    items = [
        {"relativePath": "b", "upload": upload},
        {"relativePath": "a", "sha256": sha256(b"other")},
        {"relativePath": "b", "upload": upload},
    ]

    payload = (await api.run(CREATE_MANY, input={"items": items}))["createFileContents"]

    assert [result["content"]["relativePath"] for result in payload["results"]] == ["b", "a", "b"]
    assert payload["results"][0] == payload["results"][2]
    assert payload["errors"] == [error for result in payload["results"] for error in result["errors"]] == []
    assert await Content.all().count() == 2


ITEMS = [
    {"relativePath": "good", "sha256": sha256(BODY)},
    {"relativePath": "../bad"},
    {"relativePath": "x", "upload": "y"},
]


async def test_many_with_a_bad_one_are_not_made(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)

    payload = (await api.run(CREATE_MANY, input={"items": ITEMS}))["createFileContents"]

    assert payload == {
        "results": [],
        "errors": [
            {"code": "REQUIRED", "path": ["input", "items", "1", "upload"]},
            {"code": "NOT_FOUND", "path": ["input", "items", "2", "upload"]},
        ],
    }
    assert await Content.all().count() == 0


async def test_many_but_the_bad_ones_are_made_where_that_is_asked_for(site: UploadSite, api: Api) -> None:
    await uploaded(site, api, BODY)

    payload = (await api.run(CREATE_MANY, input={"items": ITEMS, "onError": "SKIP"}))["createFileContents"]

    good, *bad = payload["results"]
    assert good["content"]["relativePath"] == "good"
    assert [result["content"] for result in bad] == [None, None]
    assert [result["errors"] for result in bad] == [
        [{"code": "REQUIRED", "path": ["input", "items", "1", "upload"]}],
        [{"code": "NOT_FOUND", "path": ["input", "items", "2", "upload"]}],
    ]
    assert payload["errors"] == []


async def test_too_many_are_refused(api: Api) -> None:
    payload = (await api.run(CREATE_MANY, input={"items": [{"relativePath": "a"}] * 501}))["createFileContents"]

    assert payload == {"results": [], "errors": [{"code": "LIMIT_EXCEEDED", "path": ["input", "items"]}]}


async def test_open_uploads_are_bounded(engine: LocalEngine) -> None:
    settings = engine.settings.model_copy(update={"upload": UploadSettings(max_open=3, max_open_of_client=2)})
    engine.settings = settings
    api = Api(engine)

    await asyncio.gather(*(create_upload(api, size=5) for _ in range(2)))
    payload = (await api.run(CREATE_UPLOAD, input={"size": 5}))["createUpload"]

    assert [error["code"] for error in payload["errors"]] == ["LIMIT_EXCEEDED"]
    assert await engine.rows_of("upload") == 2


async def test_upload_that_leaves_too_little_space_is_refused(engine: LocalEngine) -> None:
    engine.settings = engine.settings.model_copy(update={"upload": UploadSettings(min_free_bytes=2**53)})

    payload = (await Api(engine).run(CREATE_UPLOAD, input={"size": 5}))["createUpload"]

    assert [error["code"] for error in payload["errors"]] == ["STORAGE_FULL"]
    assert "Free space" in payload["errors"][0]["hint"]
