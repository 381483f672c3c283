"""Bodies that tests send, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from headbox.settings import UploadSettings
from tests.integration.uploads.site import UploadSite, id_of, sha256
from tests.support.engine import LocalEngine
from tests.support.waiting import PATIENCE_SECONDS

BODY = bytes(range(256)) * 5000
DIGEST = sha256(BODY)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Yield parts of a body whose length nobody is told."""
    for part in parts:
        yield part


async def reached(site: UploadSite, url: str, offset: int) -> None:
    """Wait until so many bytes of an upload are here for good."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await site.offset(url) < offset:  # noqa: ASYNC110 - nothing tells of what has come
            await asyncio.sleep(0.01)


def limited(engine: LocalEngine, **limits: float) -> UploadSite:
    """Return the uploads of an engine with other settings."""
    engine.settings = engine.settings.model_copy(update={"upload": UploadSettings.model_validate(limits)})
    return UploadSite(engine)


async def until_locked(site: UploadSite, url: str) -> None:
    """Wait until a request writes to an upload."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not site.folder.path_of(id_of(url)).exists():  # noqa: ASYNC110 - nothing tells of a file
            await asyncio.sleep(0.01)


async def until_free(site: UploadSite, url: str) -> None:
    """Wait until no request writes to an upload any more."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await site.send(url, 0, b"")).status == 423:  # noqa: ASYNC110 - nothing tells of a lock
            await asyncio.sleep(0.01)
