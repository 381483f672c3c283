from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.uploads.site import UploadSite
from tests.support.engine import LocalEngine


@pytest.fixture
async def site(data_dir: Path) -> AsyncIterator[UploadSite]:
    async with LocalEngine(data_dir).running() as engine, UploadSite(engine).running() as site:
        yield site
