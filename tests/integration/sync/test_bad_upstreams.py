"""Upstreams that refuse, break off, never end or lead astray, and disks that are full."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from headbox.errors import NotPermitted
from headbox.settings import DownloadSettings
from headbox.storage import FilesystemStorage
from headbox.types import OnError
from tests.factories.remote import new_remote
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, serve, sha256
from tests.support.upstream import Endless, Fault, Raw, Redirect, Reset, Status, Truncated, Upstream, pulp_manifest

FILES = {f"{number}.txt": b"file %d" % number for number in range(5)}


@pytest.fixture
async def engine(data_dir: Path) -> AsyncIterator[LocalEngine]:
    limits = DownloadSettings(max_metadata_bytes=1_000_000, backoff_seconds=0)
    async with LocalEngine(data_dir, download=limits).running() as engine:
        yield engine


@pytest.mark.parametrize(
    ("fault", "code", "requests", "retryable"),
    [
        (Status(401), "REMOTE_RESPONSE", 1, False),
        (Status(403), "REMOTE_RESPONSE", 1, False),
        (Status(404), "REMOTE_RESPONSE", 1, False),
        (Status(410), "REMOTE_RESPONSE", 1, False),
        (Status(429, {"Retry-After": "0"}), "REMOTE_RESPONSE", 4, True),
        (Status(500), "REMOTE_RESPONSE", 4, True),
        (Status(503), "REMOTE_RESPONSE", 4, True),
        (Status(204), "REMOTE_RESPONSE", 1, False),
        # The client repeats it once by itself on a connection that it had used before.
        (Reset(), "REMOTE_UNREACHABLE", None, True),
        (Reset(after=10), "REMOTE_UNREACHABLE", 4, True),
        (Truncated(10), "REMOTE_UNREACHABLE", 4, True),
        (Raw(b"I do not speak HTTP\r\n\r\n"), "REMOTE_RESPONSE", None, None),
        (Endless(b"endless"), "LIMIT_EXCEEDED", 1, False),
        (Redirect("/PULP_MANIFEST"), "REMOTE_RESPONSE", None, False),
        (Redirect("file:///etc/passwd"), "REMOTE_RESPONSE", 1, False),
        (Redirect("gopher://elsewhere/"), "REMOTE_RESPONSE", 1, False),
        (Redirect("http://["), "REMOTE_RESPONSE", 1, False),
    ],
    ids=repr,
)
async def test_manifest_that_cannot_be_had_fails_the_sync(
    mirror: Mirror, fault: Fault, code: str, requests: int | None, retryable: bool | None
) -> None:
    serve(mirror.upstream, FILES)
    mirror.upstream.fault(MANIFEST, fault)

    error = await mirror.sync_badly()

    assert error["code"] == code, error
    assert mirror.upstream.url in error["message"]
    if requests is not None:
        assert mirror.upstream.hits(MANIFEST) == requests
    if retryable is not None:
        assert error["retryable"] is retryable


async def test_redirect_to_another_host_is_followed_without_the_credentials(engine: LocalEngine) -> None:
    with Upstream() as other, Upstream(credentials=("crane", "wire")) as upstream:
        serve(upstream, FILES)
        elsewhere = f"http://localhost:{other.url.rpartition(':')[2]}"
        other.files.update(FILES)
        for path in FILES:
            upstream.fault(path, Redirect(f"{elsewhere}/{path}"))
        remote = new_remote(upstream, username="crane", password="wire")
        mirror = Mirror(engine, upstream, await make_repository(engine, remote))

        await mirror.sync()

        assert await mirror.files() == digests(FILES)
        assert all("Authorization" not in headers for headers in other.headers_of("1.txt"))
        assert other.hits("1.txt") == 1


async def test_upstream_that_is_not_there_fails_the_sync(mirror: Mirror) -> None:
    with Upstream() as gone:
        url = gone.url_of(MANIFEST)
    remote = new_remote(mirror.upstream, url=url)
    mirror.repository = await make_repository(mirror.engine, remote)

    error = await mirror.sync_badly()

    assert (error["code"], error["retryable"]) == ("REMOTE_UNREACHABLE", True)


class TestFullDisk:
    class FullStorage(FilesystemStorage):
        """Has space for so many more artifacts."""

        space = 2

        @override
        async def adopt(self, path: Path, digest: str) -> None:
            if not self.space:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.space -= 1
            await super().adopt(path, digest)

    @pytest.fixture
    async def engine(self, data_dir: Path) -> AsyncIterator[LocalEngine]:
        engine = LocalEngine(data_dir)
        engine.storage = self.FullStorage(data_dir / "artifacts")
        async with engine.running():
            yield engine

    async def test_sync_fails_with_what_to_do(self, mirror: Mirror) -> None:
        serve(mirror.upstream, FILES)

        error = await mirror.sync_badly()

        assert (error["code"], error["retryable"]) == ("STORAGE_FULL", True)
        assert error["hint"] == "Free space where the data folder lies; then repeat the task."

    async def test_no_file_is_left_out_for_it(self, mirror: Mirror) -> None:
        serve(mirror.upstream, FILES)

        error = await mirror.sync_badly(on_error=OnError.SKIP)

        assert error["code"] == "STORAGE_FULL"

    async def test_next_sync_goes_on_when_there_is_space(self, mirror: Mirror) -> None:
        serve(mirror.upstream, FILES)
        await mirror.sync_badly()
        stored = {digest async for digest in mirror.engine.storage.digests()}
        assert isinstance(mirror.engine.storage, self.FullStorage)
        mirror.engine.storage.space = 100

        await mirror.sync()

        assert len(stored) == 2
        assert await mirror.files() == digests(FILES)
        again = [path for path, body in FILES.items() if sha256(body) in stored and mirror.upstream.hits(path) > 1]
        assert again == []


class TestFolders:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "upstream"
        folder.mkdir()
        for path, body in FILES.items():
            (folder / path).write_bytes(body)
        (folder / MANIFEST).write_bytes(pulp_manifest(FILES))
        return folder

    @pytest.fixture
    async def engine(self, data_dir: Path, folder: Path) -> AsyncIterator[LocalEngine]:
        async with LocalEngine(data_dir, download=DownloadSettings(allowed_paths=(folder,))).running() as engine:
            yield engine

    async def mirror_of(self, engine: LocalEngine, upstream: Upstream, path: Path) -> Mirror:
        remote = new_remote(upstream, url=path.as_uri())
        return Mirror(engine, upstream, await make_repository(engine, remote))

    async def test_allowed_folder_is_mirrored(self, engine: LocalEngine, upstream: Upstream, folder: Path) -> None:
        mirror = await self.mirror_of(engine, upstream, folder / MANIFEST)

        await mirror.sync()

        assert await mirror.files() == digests(FILES)

    async def test_file_elsewhere_is_refused_with_the_remote(
        self, engine: LocalEngine, upstream: Upstream, data_dir: Path
    ) -> None:
        with pytest.raises(NotPermitted) as raised:
            await self.mirror_of(engine, upstream, data_dir / "secret.key")

        assert raised.value.path == ("remote", "create", "url")
        assert [await engine.rows_of(table) for table in ("remote", "repository")] == [0, 0]

    async def test_link_out_of_the_folder_is_refused(
        self, engine: LocalEngine, upstream: Upstream, folder: Path, data_dir: Path
    ) -> None:
        (folder / "1.txt").unlink()
        (folder / "1.txt").symlink_to(data_dir / "secret.key")
        mirror = await self.mirror_of(engine, upstream, folder / MANIFEST)

        error = await mirror.sync_badly()

        assert (error["code"], "file:// remotes may not read there" in error["message"]) == ("NOT_PERMITTED", True)
