"""The one way through which all bytes from remotes come: open, check, retry; into a file, or on to a reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from typing_extensions import override

from headbox.download.checked import CheckedStream, Expectation
from headbox.download.file import FileSource
from headbox.download.http import HttpSource
from headbox.download.interface import ByteStream, Downloader, Fetched, RemoteAccess, Validators
from headbox.download.new_file import NewFile
from headbox.download.retry import RetryPolicy
from headbox.download.source import Source
from headbox.download.urls import safe_url
from headbox.errors import RemoteNotSyncable, StorageFull
from headbox.settings import DownloadSettings


@asynccontextmanager
async def open_downloader(access: RemoteAccess, settings: DownloadSettings) -> AsyncIterator[Downloader]:
    """Give a downloader for one remote; its connections are closed at the end.

    A remote that is a local folder may name web servers. A remote on a web server may not name local files: what it
    lists is written by strangers, and the files are not theirs to read.

    Args:
        access: How to reach the remote.
        settings: What may be fetched.

    Raises:
        RemoteNotSyncable: The remote's URL is none.
    """
    http = HttpSource(access, settings)
    sources: dict[str, Source] = {"http": http, "https": http}
    if _scheme(access.url) == "file":
        sources["file"] = FileSource(settings.allowed_paths)
    try:
        yield SourceDownloader(access, sources, RetryPolicy(access.max_retries, settings.backoff_seconds))
    finally:
        await http.aclose()


class SourceDownloader(Downloader):
    """A downloader over one source for each scheme of URLs."""

    def __init__(self, access: RemoteAccess, sources: Mapping[str, Source], retries: RetryPolicy) -> None:
        self._remote_url = access.url
        self._sources = sources
        self._retries = retries
        # Held while a request waits for its repetition, too: a remote that is in trouble gets less to do.
        self._slots = asyncio.Semaphore(access.concurrency)

    @override
    async def fetch(
        self,
        url: str,
        destination: Path,
        *,
        max_bytes: int,
        size: int | None = None,
        sha256: str | None = None,
        if_changed: Validators | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Fetched | None:
        expectation = Expectation(safe_url(url), max_bytes, size, sha256)

        async def attempt() -> Fetched | None:
            opened = await self._open(url, expectation, if_changed)
            if opened is None:
                return None
            async with aclosing(opened) as stream:
                with StorageFull.translated(expectation.url), NewFile(destination, on_bytes) as file:
                    async for chunk in stream:
                        await file.write(chunk)
                return Fetched(stream.received, stream.sha256, stream.validators)

        async with self._slots:
            return await self._retries.run(attempt)

    @override
    @asynccontextmanager
    async def stream(
        self, url: str, *, max_bytes: int, size: int | None = None, sha256: str | None = None
    ) -> AsyncIterator[ByteStream]:
        expectation = Expectation(safe_url(url), max_bytes, size, sha256)

        async def attempt() -> CheckedStream:
            stream = await self._open(url, expectation)
            assert stream is not None, "without validators there is always a body"
            try:
                await stream.begin()
            except BaseException:
                await stream.aclose()
                raise
            return stream

        async with self._slots, aclosing(await self._retries.run(attempt)) as stream:
            yield stream

    async def _open(
        self, url: str, expectation: Expectation, if_changed: Validators | None = None
    ) -> CheckedStream | None:
        body = await self._source(url).open(url, if_changed)
        if body is None:
            return None
        try:
            return CheckedStream(body, expectation)
        except BaseException:
            await body.aclose()
            raise

    def _source(self, url: str) -> Source:
        try:
            return self._sources[_scheme(url)]
        except KeyError:
            reason = f"it may not name {safe_url(url)!r}"
            raise RemoteNotSyncable(remote=safe_url(self._remote_url), reason=reason) from None


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()
