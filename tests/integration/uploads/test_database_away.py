"""Uploads while the database is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.integration.uploads.site import UploadSite
from tests.support.engine import LocalEngine
from tests.support.services import PostgresServer

pytestmark = pytest.mark.distributed


async def test_client_is_told_to_go_on_later(
    data_dir: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADBOX_DATABASE_WAIT_SECONDS", "0.3")
    async with LocalEngine(data_dir).connected() as engine, UploadSite(engine).running() as site:
        url = await site.create(4)
        await asyncio.to_thread(postgres_server.stop)
        try:
            away = await site.send(url, 0, b"pulp")
        finally:
            await asyncio.to_thread(postgres_server.start)
        offset = await site.offset(url)
        rest = await site.send(url, offset, b"pulp"[offset:])

    assert (away.status, away.headers["Retry-After"]) == (503, "2")
    assert rest.status == 204
