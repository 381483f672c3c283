from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.uploads.site import UploadSite
from tests.support.engine import LocalEngine


@pytest.fixture
async def site(engine: LocalEngine) -> AsyncIterator[UploadSite]:
    async with UploadSite(engine).running() as site:
        yield site
