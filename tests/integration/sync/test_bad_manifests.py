"""A manifest is data from a stranger: whatever it says, the answer is clear and nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headbox.settings import DownloadSettings
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, sha256
from tests.support.upstream import Upstream, pulp_manifest

DIGEST = sha256(b"body")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (f"../../etc/passwd,{DIGEST},4\n", "at line 1: a path must be relative"),
        (f"a/../b,{DIGEST},4\n", "a path must be relative"),
        (f"/etc/passwd,{DIGEST},4\n", "a path must be relative"),
        (f"a//b,{DIGEST},4\n", "a path must be relative"),
        (f"./a,{DIGEST},4\n", "a path must be relative"),
        (f"a/,{DIGEST},4\n", "a path must be relative"),
        (f",{DIGEST},4\n", "a path must be relative"),
        (f"a\x00b,{DIGEST},4\n", "a path must be relative"),
        (f"a\x1bb,{DIGEST},4\n", "a path must be relative"),
        (f"{'a' * 300},{DIGEST},4\n", "a segment at most 255"),
        (f"{'a/' * 2500}a,{DIGEST},4\n", "a path has at most 2600 bytes"),
        ("a.txt,abc,4\n", "a SHA-256 digest has 64 hexadecimal digits"),
        (f"a.txt,{'g' * 64},4\n", "a SHA-256 digest has 64 hexadecimal digits"),
        (f"a.txt,{DIGEST},four\n", "'four' is no size"),
        (f"a.txt,{DIGEST},-4\n", "'-4' is no size"),
        (f"a.txt,{DIGEST},4.0\n", "'4.0' is no size"),
        (f"a.txt,{DIGEST},\n", "'' is no size"),
        (f"a.txt,{DIGEST},٤\n", "is no size"),
        (f"a.txt,{DIGEST},{'9' * 30}\n", "less than or equal"),
        (f"a.txt,{DIGEST},{'9' * 6000}\n", "line 1"),
        (f"a.txt,{DIGEST}\n", "a line has a path, a SHA-256 and a size"),
        ("a.txt\n", "a line has a path, a SHA-256 and a size"),
        (f'"a.txt,{DIGEST},4\n', "a line has a path, a SHA-256 and a size"),
        (f"good.txt,{DIGEST},4\n\nbad.txt\n", "at line 3"),
        (f"a.txt,{DIGEST},4\rb.txt,{DIGEST},4\n", "a path must be relative"),
    ],
)
async def test_line_that_lists_no_file_fails_the_sync(mirror: Mirror, manifest: str, message: str) -> None:
    mirror.upstream.files[MANIFEST] = manifest.encode()
    mirror.upstream.files["good.txt"] = b"body"

    error = await mirror.sync_badly()

    assert (error["code"], error["retryable"]) == ("METADATA_INVALID", False)
    assert message in error["message"]
    assert mirror.upstream.url_of(MANIFEST) in error["message"]


async def test_bytes_that_are_no_text_fail_the_sync(mirror: Mirror) -> None:
    mirror.upstream.files[MANIFEST] = b"\xff\xfe\n"

    error = await mirror.sync_badly()

    assert "it is not UTF-8" in error["message"]


async def test_web_page_is_told_from_a_manifest(mirror: Mirror) -> None:
    mirror.upstream.files[MANIFEST] = b"<!DOCTYPE html>\n<html><body>Files</body></html>\n"

    error = await mirror.sync_badly()

    assert error["code"] == "METADATA_INVALID"
    assert error["hint"] == "This looks like a web page. The remote's URL must be that of the manifest itself."


async def test_line_of_megabytes_is_not_read_to_its_end(mirror: Mirror) -> None:
    mirror.upstream.files[MANIFEST] = b"a" * 5_000_000

    error = await mirror.sync_badly()

    assert "the line is longer than 16384 bytes" in error["message"]
    assert len(error["message"]) < 300


async def test_two_files_at_one_path_fail_the_sync(mirror: Mirror) -> None:
    mirror.upstream.files[MANIFEST] = pulp_manifest({"a.txt": b"body"}) + pulp_manifest({"a.txt": b"BODY"})
    for body in (b"body", b"BODY"):
        await mirror.store(body)

    error = await mirror.sync_badly()

    assert error["code"] == "UNIT_CONFLICT"
    assert "a.txt" in error["message"]


class TestLimits:
    @pytest.fixture
    async def mirror(self, data_dir: Path, upstream: Upstream) -> AsyncIterator[Mirror]:
        limits = DownloadSettings(max_units=50, max_metadata_bytes=20_000, max_artifact_bytes=100, backoff_seconds=0)
        async with LocalEngine(data_dir, download=limits).running() as engine:
            yield await Mirror.of(engine, upstream)

    async def test_more_units_than_are_taken_fail_the_sync(self, mirror: Mirror) -> None:
        mirror.upstream.files[MANIFEST] = pulp_manifest({f"{number}": b"same" for number in range(51)})

        error = await mirror.sync_badly()

        assert error["code"] == "LIMIT_EXCEEDED"
        assert "the limit of 50" in error["message"]

    async def test_as_many_units_as_are_taken_are_mirrored(self, mirror: Mirror) -> None:
        await mirror.sync({f"{number}": b"same" for number in range(50)})

        assert (await mirror.version()).present == 50

    async def test_manifest_that_is_too_large_is_not_fetched_to_its_end(self, mirror: Mirror) -> None:
        mirror.upstream.files[MANIFEST] = b"\n" * 20_001

        error = await mirror.sync_badly()

        assert error["code"] == "LIMIT_EXCEEDED"

    async def test_file_that_is_too_large_is_not_fetched(self, mirror: Mirror) -> None:
        mirror.upstream.files.update({"a.txt": b"a" * 101, MANIFEST: pulp_manifest({"a.txt": b"a" * 101})})

        error = await mirror.sync_badly()

        assert error["code"] == "LIMIT_EXCEEDED"
