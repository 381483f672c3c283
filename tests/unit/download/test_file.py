"""Local folders: only what is allowed, and only files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from headbox.download import RemoteAccess, open_downloader
from headbox.download.file import FileSource
from headbox.errors import NotPermitted, RemoteNotSyncable, RemoteResponse, RemoteUnreachable
from headbox.settings import DownloadSettings
from tests.support.upstream import Upstream


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "paper").write_bytes(b"paper")
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    return path


async def read(allowed: Path, url: str) -> bytes:
    source = FileSource([allowed])
    body = await source.open(url, None)
    assert body is not None
    try:
        return await body.read()
    finally:
        await body.aclose()


@pytest.mark.parametrize("prefix", ["file://", "file://localhost"])
async def test_a_file_below_an_allowed_folder_is_read(allowed: Path, prefix: str) -> None:
    assert await read(allowed, f"{prefix}{allowed}/paper") == b"paper"


async def test_a_file_elsewhere_is_refused_with_the_setting_to_change(allowed: Path, secret: Path) -> None:
    with pytest.raises(NotPermitted, match="file:// remotes may not read there") as failure:
        await read(allowed, secret.as_uri())

    assert failure.value.hint is not None
    assert "HEADBOX_DOWNLOAD_ALLOWED_PATHS" in failure.value.hint


async def test_without_allowed_folders_nothing_is_read(secret: Path) -> None:
    with pytest.raises(NotPermitted):
        await FileSource([]).open(secret.as_uri(), None)


async def test_what_exists_elsewhere_cannot_be_told_from_what_does_not(
    allowed: Path, secret: Path, tmp_path: Path
) -> None:
    for path in (secret, tmp_path / "absent"):
        with pytest.raises(NotPermitted, match="file:// remotes may not read there"):
            await read(allowed, path.as_uri())


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2Fsecret", "-twin/secret"])
async def test_a_path_that_leads_out_is_refused(allowed: Path, secret: Path, path: str) -> None:
    twin = allowed.parent / "allowed-twin"
    twin.mkdir()
    (twin / "secret").write_bytes(b"secret")

    with pytest.raises(NotPermitted):
        await read(allowed, f"file://{allowed}{path}")


async def test_a_link_that_leads_out_is_refused(allowed: Path, secret: Path) -> None:
    (allowed / "link").symlink_to(secret)
    (allowed / "folder").symlink_to(secret.parent)

    for path in ("link", "folder/secret"):
        with pytest.raises(NotPermitted):
            await read(allowed, f"{allowed.as_uri()}/{path}")


async def test_a_link_that_stays_within_is_followed(allowed: Path) -> None:
    (allowed / "link").symlink_to(allowed / "paper")

    assert await read(allowed, f"{allowed.as_uri()}/link") == b"paper"


async def test_an_allowed_folder_may_itself_be_a_link(allowed: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(allowed)

    assert await read(tmp_path / "alias", f"{(tmp_path / 'alias').as_uri()}/paper") == b"paper"


async def test_a_folder_exchanged_for_a_link_after_the_check_is_found_out(
    allowed: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (allowed / "folder").mkdir()
    (allowed / "folder" / "secret").write_bytes(b"harmless")
    real_open = os.open

    def exchange_and_open(path: Path, flags: int) -> int:
        (allowed / "folder").rename(allowed / "moved")
        (allowed / "folder").symlink_to(secret.parent)
        return real_open(path, flags)

    monkeypatch.setattr("headbox.download.file.os.open", exchange_and_open)

    with pytest.raises(NotPermitted, match="file:// remotes may not read there"):
        await read(allowed, f"{allowed.as_uri()}/folder/secret")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
async def test_what_is_no_regular_file_is_refused_at_once(allowed: Path, kind: str) -> None:
    path = allowed / kind
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)

    async with asyncio.timeout(5):
        with pytest.raises(NotPermitted, match="not a regular file"):
            await read(allowed, path.as_uri())


async def test_a_loop_of_links_is_told(allowed: Path) -> None:
    (allowed / "loop").symlink_to(allowed / "loop")

    with pytest.raises(RemoteUnreachable, match="symbolic links"):
        await read(allowed, f"{allowed.as_uri()}/loop")


async def test_a_file_that_is_cut_short_meanwhile_is_told(allowed: Path) -> None:
    body = await FileSource([allowed]).open(f"{allowed.as_uri()}/paper", None)
    assert body is not None
    (allowed / "paper").write_bytes(b"")

    with pytest.raises(RemoteUnreachable, match="cut short"):
        await body.read()
    await body.aclose()


@pytest.mark.parametrize("url", ["file://example.org/paper", "file:paper", "file://", "file:///paper%00"])
async def test_a_url_without_a_local_path_is_refused(allowed: Path, url: str) -> None:
    with pytest.raises((NotPermitted, RemoteResponse)):
        await read(allowed, url)


async def test_a_remote_on_a_web_server_may_not_name_local_files(allowed: Path, tmp_path: Path) -> None:
    settings = DownloadSettings(allowed_paths=(allowed,))
    async with open_downloader(RemoteAccess("http://127.0.0.1/"), settings) as downloader:
        with pytest.raises(RemoteNotSyncable, match="may not name"):
            await downloader.fetch(f"{allowed.as_uri()}/paper", tmp_path / "destination", max_bytes=100)


async def test_a_local_remote_may_name_web_servers(allowed: Path, tmp_path: Path) -> None:
    settings = DownloadSettings(allowed_paths=(allowed,))
    with Upstream({"paper": b"paper"}) as upstream:
        async with open_downloader(RemoteAccess(allowed.as_uri()), settings) as downloader:
            await downloader.fetch(upstream.url_of("paper"), tmp_path / "destination", max_bytes=100)

    assert (tmp_path / "destination").read_bytes() == b"paper"
