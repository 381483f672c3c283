"""Requests while the database is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.integration.content_app.site import Site
from tests.support.services import PostgresServer

pytestmark = pytest.mark.distributed


async def test_client_is_told_to_come_again(
    data_dir: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADBOX_DATABASE_WAIT_SECONDS", "0.3")
    async with Site(data_dir).running() as site:
        await asyncio.to_thread(postgres_server.stop)
        try:
            away = await site.get("nothing/a.txt", accept="application/json")
        finally:
            await asyncio.to_thread(postgres_server.start)
        back = await site.get("nothing/a.txt")

    assert (away.status, away.headers["Retry-After"]) == (503, "2")
    assert b"DATABASE_UNAVAILABLE" in away.body
    assert back.status == 404
