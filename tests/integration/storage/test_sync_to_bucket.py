"""Syncs whose artifacts go to a bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from headbox.storage import S3Storage, s3
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, digests, serve, sha256
from tests.support.object_store import ObjectStore
from tests.support.services import TcpProxy
from tests.support.upstream import Held, Upstream

FILES = {f"{number}.txt": b"file %d" % number for number in range(20)} | {"large.bin": b"large" * 2_000_000}


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[TcpProxy]:
    with TcpProxy(object_store.port) as proxy:
        yield proxy


@pytest.fixture
async def mirror(
    data_dir: Path, upstream: Upstream, object_store: ObjectStore, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mirror]:
    monkeypatch.setattr(s3, "RETRY_TIME", timedelta(seconds=0.3))
    engine = LocalEngine(data_dir)
    engine.storage = S3Storage.of(object_store.settings(endpoint=f"http://127.0.0.1:{proxy.port}"))
    async with engine.running():
        yield await Mirror.of(engine, upstream)


async def stored(mirror: Mirror) -> set[str]:
    return {digest async for digest in mirror.engine.storage.digests()}


async def test_what_is_synced_lies_in_the_bucket_and_nowhere_else(mirror: Mirror) -> None:
    await mirror.sync(FILES)

    assert await mirror.files() == digests(FILES)
    assert await stored(mirror) >= {sha256(body) for body in FILES.values()}
    await mirror.engine.assert_nothing_left()


async def test_bucket_that_fails_in_the_middle_fails_the_sync_and_the_next_one_goes_on(
    mirror: Mirror, proxy: TcpProxy
) -> None:
    serve(mirror.upstream, FILES)
    last = Held()
    mirror.upstream.fault("19.txt", last)
    task = await make_sync(mirror.engine, mirror.repository)
    while len(await stored(mirror)) < len(FILES) - 1:  # noqa: ASYNC110 - nothing tells of what is stored
        await asyncio.sleep(0.01)

    proxy.cut()
    last.release()
    error = await mirror.engine.failed(task)
    proxy.heal()

    assert (error["code"], error["retryable"]) == ("STORAGE_UNAVAILABLE", True)
    assert await mirror.latest() == 0
    await mirror.engine.assert_nothing_left()
    await mirror.sync()
    assert await mirror.files() == digests(FILES)
    assert {path for path in FILES if mirror.upstream.hits(path) > 1} == {"19.txt"}


async def test_bytes_that_a_killed_process_stored_and_could_not_save_are_not_fetched_again(mirror: Mirror) -> None:
    await mirror.store(FILES["large.bin"])

    await mirror.sync(FILES)

    assert mirror.upstream.hits("large.bin") == 0
    assert await mirror.files() == digests(FILES)
