"""A web server to fetch from, and short ways to fetch from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headbox.download import Fetched, RemoteAccess, open_downloader
from headbox.settings import DownloadSettings
from tests.support.upstream import Upstream

NO_LIMIT = 1 << 40


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream({"paper": b"paper"}) as upstream:
        yield upstream


class Client:
    """Fetches one file after the other from a remote, each with a downloader of its own.

    Attributes:
        destination: Where fetched files go.
        settings: What may be fetched; no waits between retries.
    """

    def __init__(self, upstream: Upstream, folder: Path) -> None:
        self.destination = folder / "destination"
        self.settings = DownloadSettings(backoff_seconds=0)
        self._upstream = upstream

    async def fetch(self, path: str = "paper", *, max_bytes: int = NO_LIMIT, **fetch: Any) -> Fetched | None:
        return await self.fetch_from(RemoteAccess(self._upstream.url), path, max_bytes=max_bytes, **fetch)

    async def fetch_from(
        self, access: RemoteAccess, path: str = "paper", *, max_bytes: int = NO_LIMIT, **fetch: Any
    ) -> Fetched | None:
        url = path if "://" in path else self._upstream.url_of(path)
        async with open_downloader(access, self.settings) as downloader:
            return await downloader.fetch(url, self.destination, max_bytes=max_bytes, **fetch)


@pytest.fixture
def client(upstream: Upstream, tmp_path: Path) -> Client:
    return Client(upstream, tmp_path)


@pytest.fixture
def make_client(tmp_path: Path) -> Callable[[Upstream], Client]:
    """For upstreams that a test makes itself."""
    return lambda upstream: Client(upstream, tmp_path)
